"""How long a worker may sleep: until the next due time, or until it hears of an earlier one.

It has two sources, and either may be silent: the index in Redis, which tells of an earlier one at once, and
PostgreSQL, which is asked once a second and is right.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from reminders.due_index import HORIZON, DueIndex
from reminders.leases import Leases

SWEEP_SECONDS: Final = 1.0
"""How often PostgreSQL is asked what comes next, whatever Redis says: so late a reminder fires at worst."""
SWEEP_BATCH: Final = 500
MOST_ENTERED: Final = 100
SHORTEST_SLEEP_SECONDS: Final = 0.001
"""How long a worker sleeps although something seems to be due: the claim before has not found it, because by
PostgreSQL's clock it is due a moment later, or because another worker is claiming it."""


class DueTimer:
    """One worker's clock and alarm."""

    def __init__(self, index: DueIndex, leases: Leases) -> None:
        self._index = index
        self._leases = leases
        self._next_in_redis: datetime | None = None
        self._in_postgresql: list[datetime] = []
        self._sweep_at = 0.0
        self._woken = asyncio.Event()
        self._told_time = datetime.now(UTC)
        self._told_at = monotonic()

    def now(self) -> datetime:
        """Return PostgreSQL's time: what it told last, and what has passed since it was heard.

        It may be behind by as long as the answer took to arrive, and is never ahead.
        """
        return self._told_time + timedelta(seconds=monotonic() - self._told_at)

    def wake(self) -> None:
        """End the sleep, or the next one if the worker is awake."""
        self._woken.set()

    async def look_ahead(self) -> None:
        """Find out what is due next. What is due already is left out, so a claim has to follow.

        Raises: DatabaseUnavailableError.
        """
        self._woken.clear()
        if monotonic() >= self._sweep_at:
            await self._sweep()
        now = self.now()
        self._next_in_redis = await self._index.next_after(now)
        self._in_postgresql = [due_at for due_at in self._in_postgresql if due_at > now]

    async def sleep(self) -> None:
        """Return when something is due, when the next sweep is, or when woken."""
        await asyncio.sleep(SHORTEST_SLEEP_SECONDS)
        due_times = [due_at for due_at in (self._next_in_redis, *self._in_postgresql[:1]) if due_at]
        with suppress(TimeoutError):
            async with asyncio.timeout(
                min([self._sweep_at - monotonic(), *map(self._seconds_until, due_times)])
            ):
                await self._woken.wait()

    async def _sweep(self) -> None:
        """Ask PostgreSQL, and enter into the index what it may have lost."""
        soon = await self._leases.due_soon(HORIZON, SWEEP_BATCH)
        self._told_time, self._told_at = soon.now, monotonic()
        self._in_postgresql = [due.at for due in soon.due]
        self._sweep_at = monotonic() + SWEEP_SECONDS
        if len(soon.due) == SWEEP_BATCH:  # what comes after them is not known
            self._sweep_at = min(self._sweep_at, monotonic() + self._seconds_until(soon.due[-1].at))
        await self._index.enter(soon.due[:MOST_ENTERED])

    def _seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()
