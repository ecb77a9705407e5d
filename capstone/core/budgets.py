"""The port to limits that all processes share."""

from typing import Protocol


class Budget(Protocol):
    """How often something may be done."""

    async def spend(self, key: str) -> float | None:
        """Take one; return after how many seconds there is another, if there is none now."""
        ...
