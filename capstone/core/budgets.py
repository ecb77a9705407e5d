"""The port to limits that all processes share."""

from typing import Protocol


class Budget(Protocol):
    """How often something may be done."""

    async def spend(self, key: str, cost: int = 1) -> float | None:
        """Take as many; return after how many seconds there are so many, if there are not now."""
        ...
