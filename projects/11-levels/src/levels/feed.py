"""Who follows a run hears of its events as they are kept, in whichever process the worker is.

One question to PostgreSQL answers all who follow something in this process: two hundred pages of a class cost
as much as one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

from levels.domain import Event, Kind
from levels.errors import DatabaseUnavailableError
from levels.repository import Repository

LOOK_SECONDS: Final = 0.1
MOST_AT_ONCE: Final = 200


class Feed:
    """Looks for those who wait."""

    def __init__(self, repository: Repository, is_over: Callable[[], bool]) -> None:
        self._repository = repository
        self._is_over = is_over
        self._waiting: dict[asyncio.Future[None], tuple[UUID, int]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, run_id: UUID, after: int, seconds: float) -> bool:
        """Return whether there are events behind this number; False: not within so many seconds."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[told] = run_id, after
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        try:
            async with asyncio.timeout(seconds):
                await told
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiting.pop(told, None)

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            counts: dict[UUID, int] = {}
            with suppress(DatabaseUnavailableError):
                counts = await self._repository.event_counts({run for run, _ in self._waiting.values()})
            for told, (run_id, after) in list(self._waiting.items()):
                if (counts.get(run_id, 0) > after or self._is_over()) and not told.done():
                    told.set_result(None)

    async def follow(self, run_id: UUID, after: int, heartbeat_seconds: float) -> AsyncIterator[Event | None]:
        """Return the events behind a number, up to the run's last; None: nothing has happened for a while.

        It ends early if this process stops, or PostgreSQL does not answer: who follows comes back.
        """
        while not self._is_over():
            try:
                events = await self._repository.events(run_id, after, MOST_AT_ONCE)
            except DatabaseUnavailableError:
                return
            for event in events:
                yield event
                after = event.number
                if event.kind is Kind.END:
                    return
            if len(events) < MOST_AT_ONCE and not await self.wait(run_id, after, heartbeat_seconds):
                yield None
