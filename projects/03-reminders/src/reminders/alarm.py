"""How long a worker may sleep: until the next due time, or until somebody says that there is an earlier one.

Two sources, of which either may be silent: the index in Redis, which rings when its head changes, and once a
second PostgreSQL, which is right.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import UUID

from reminders.database_clock import DatabaseClock
from reminders.lease import Leases
from reminders.scheduler import HEADS, HORIZON, DueIndex, rounded

if TYPE_CHECKING:
    from reminders.domain import Due

SWEEP_SECONDS: Final = 1.0
"""How often PostgreSQL is asked, whatever Redis says; so late a reminder fires at worst."""
SWEEP_BATCH: Final = 500
BREATH_SECONDS: Final = 0.001


class Alarm:
    """Wakes one worker."""

    def __init__(self, index: DueIndex, leases: Leases, clock: DatabaseClock) -> None:
        self._index = index
        self._leases = leases
        self._clock = clock
        self._heads: list[Due] = []
        self._upcoming: list[Due] = []
        self._sweep_at = 0.0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the worker now."""
        self._rung.set()

    def stale_at(self, moment: datetime) -> list[UUID]:
        """Return what the index had called due before a claim that began at this moment.

        It was entered after its commit, so the claim saw it: what the claim did not bring is not due.
        """
        return [due.id for due in self._heads if due.at <= moment]

    async def set(self, done: Iterable[UUID], looked_at: datetime) -> None:
        """Take what is done out of the index and find out what comes next. All due by `looked_at` is claimed.

        Raises: DatabaseUnavailableError.
        """
        self._heads = await self._index.advance(done)
        if monotonic() >= self._sweep_at:
            await self._sweep()
        self._upcoming = [due for due in self._upcoming if due.at > looked_at]

    async def sleep(self) -> None:
        """Sleep until something is due, the next sweep, or a ring."""
        # What seems due may be so by a hair only, or have gone to a quicker worker.
        await asyncio.sleep(BREATH_SECONDS)
        while (seconds := self._seconds_left()) > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._rung.wait()
            except TimeoutError:
                return
            self._rung.clear()
            self._heads = await self._index.advance()

    async def _sweep(self) -> None:
        """Ask PostgreSQL, and enter into the index what it lacks."""
        upcoming = await self._leases.upcoming(HORIZON, SWEEP_BATCH)
        self._clock.observe(upcoming.now)
        self._upcoming = upcoming.due
        self._sweep_at = monotonic() + SWEEP_SECONDS
        if len(upcoming.due) == SWEEP_BATCH:  # what comes after them is not known
            self._sweep_at = min(self._sweep_at, monotonic() + self._seconds_until(upcoming.due[-1].at))
        known = set(self._heads)
        await self._index.enter(due for due in upcoming.due[:HEADS] if rounded(due) not in known)

    def _seconds_left(self) -> float:
        known = [due.at for due in (*self._heads[:1], *self._upcoming[:1])]
        return min([self._sweep_at - monotonic(), *map(self._seconds_until, known)])

    def _seconds_until(self, moment: datetime) -> float:
        return (moment - self._clock.now()).total_seconds()
