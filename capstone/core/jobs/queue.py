"""The port to the engine that wakes workers. It carries no job: what counts of one is its row.

So a job cannot be lost, doubled or unfair by the engine's doing, and the engine can be replaced.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

type RunNext = Callable[[], Awaitable[None]]


class JobQueue(Protocol):
    """Wakes a worker for a job, once the caller's transaction is committed."""

    async def wake(self, connection: AsyncConnection, run_at: datetime | None = None) -> None:
        """Have some worker look for a job, now or then. It happens with the transaction, or not at all."""
        ...


class Wakened(Protocol):
    """The worker's side."""

    async def listen(self, run_next: RunNext, concurrency: int) -> None:
        """Call `run_next` once for each wake, so many at a time, until `stop`; then let them end."""
        ...

    def stop(self) -> None: ...
