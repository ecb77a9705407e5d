"""When a recurring reminder is due next: RFC 5545 rules, in the local time of a zone.

The rule runs on local time, so that nine o'clock stays nine o'clock when daylight saving comes or goes. A
local time that a spring gap leaves out is taken with the offset before the gap, and so comes later by the
gap's length; one that an autumn overlap brings twice is meant the first time. Two local times that stand for
one moment are one occurrence, and count as one. Source: RFC 5545, sections 3.3.5 and 3.3.10.

Missed occurrences (the misfire policy): after a downtime only the latest that was missed fires, late. Then
the rule goes on.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import cache
from itertools import dropwhile, islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from reminders.domain import Recurrence, Reminder
from reminders.errors import InvalidFieldError
from reminders.rules import TooFarError, bounded_rule, refused, rule_parts, until_moment

MOST_UPCOMING: Final = 3
WIDEST_GAP: Final = timedelta(hours=3)
SHORTEST_INTERVAL: Final = timedelta(seconds=1)
"""Two occurrences are never closer."""


class Schedule:
    """The occurrences of a recurring reminder, as moments in UTC."""

    def __init__(self, recurrence: Recurrence) -> None:
        """Read a rule.

        Raises: InvalidFieldError.
        """
        self._zone = _zone(recurrence.zone)
        self._anchor = recurrence.anchor
        self._start = recurrence.anchor.astimezone(self._zone).replace(tzinfo=None)
        parts = rule_parts(recurrence.rrule)
        # These two are about moments, of which there may be fewer than local times: dateutil gets neither.
        self._count = int(parts["COUNT"]) if "COUNT" in parts else None
        self._until = until_moment(parts["UNTIL"]) if "UNTIL" in parts else None
        self._rule = bounded_rule(parts, self._start)
        self._is_cut_short = False

    def check(self) -> None:
        """Check that it begins with the moment that the reminder was made for, and goes on within the budget.

        Raises: InvalidFieldError.
        """
        first = self.upcoming(self._anchor - timedelta(microseconds=1), 1 + MOST_UPCOMING)[:1]
        if self._is_cut_short:
            raise refused("has no next time, or one that is too far away")
        if first != [self._anchor]:
            raise InvalidFieldError(
                ("remind_at",), "not_in_recurrence", "is not itself a time of the recurrence"
            )

    def first_after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence after a moment; None when the rule has ended."""
        return next(self._after(moment), None)

    def upcoming(self, moment: datetime, count: int = MOST_UPCOMING) -> list[datetime]:
        """Return the next few occurrences after a moment."""
        return list(islice(self._after(moment), count))

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last occurrence after one moment and not after another; None if there is none."""
        latest = None
        for occurrence in self._after(after):
            if occurrence > until:
                break
            latest = occurrence
        return latest

    def _after(self, moment: datetime) -> Iterator[datetime]:
        until = self._until
        local = moment.astimezone(self._zone).replace(tzinfo=None) - WIDEST_GAP
        moments: Iterator[datetime] = self._moments(local if self._count is None else self._start)
        moments = islice(moments, self._count)
        if until is not None:
            moments = takewhile(lambda one: one.replace(microsecond=0) <= until, moments)
        return dropwhile(lambda one: one <= moment, moments)

    def _moments(self, local: datetime) -> Iterator[datetime]:
        """Go through the moments that local times stand for; around a gap that is not the order of those."""
        waiting: list[tuple[datetime, datetime]] = []
        for naive in self._local_times(local):
            while waiting and waiting[0][1] < naive - WIDEST_GAP:
                yield waiting.pop(0)[0]
            utc = self._utc(naive)
            if all(utc != known for known, _ in waiting):
                waiting = sorted([*waiting, (utc, naive)])
        yield from (utc for utc, _ in waiting)

    def _local_times(self, local: datetime) -> Iterator[datetime]:
        try:
            yield from takewhile(lambda naive: naive.year < MAXYEAR, self._rule.xafter(local, inc=True))
        except TooFarError:
            self._is_cut_short = True

    def _utc(self, naive: datetime) -> datetime:
        exact = naive.replace(microsecond=self._start.microsecond, tzinfo=self._zone, fold=0)
        return exact.astimezone(UTC)


async def aside[T](recurrence: Recurrence | None, call: Callable[[], T]) -> T:
    """Make a call that computes occurrences, if there are any, without holding up all others."""
    return call() if recurrence is None else await asyncio.to_thread(call)


def missed(reminder: Reminder, now: datetime) -> datetime | None:
    """Return the latest occurrence that a claimed reminder has missed, before its first attempt."""
    is_late = now - reminder.remind_at >= SHORTEST_INTERVAL
    if reminder.recurrence is None or reminder.attempt_count > 1 or not is_late:
        return None
    return Schedule(reminder.recurrence).latest(reminder.remind_at, now)


def _zone(name: str) -> ZoneInfo:
    if name not in zones():
        raise InvalidFieldError(("recurrence", "zone"), "unknown_zone", "is not a zone of the IANA database")
    return ZoneInfo(name)


@cache
def zones() -> frozenset[str]:
    """Name the zones. Beside their files a system has its own `localtime`, and others with leap seconds."""
    return frozenset(available_timezones() - {"localtime"})
