"""When a recurring reminder is due next: RFC 5545 rules, in the local time of a zone.

The rule runs on local time, so that nine o'clock stays nine o'clock when daylight saving comes or goes. A
local time that a spring gap leaves out is taken with the offset before the gap, and so comes later by the
gap's length; one that an autumn overlap brings twice is meant the first time. Two local times that stand for
one moment are one occurrence, and count as one. Source: RFC 5545, sections 3.3.5 and 3.3.10.

Missed occurrences (the misfire policy): after a downtime only the latest that was missed fires, late. Then
the rule goes on.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import dropwhile, islice, takewhile
from math import prod
from types import MappingProxyType
from typing import Final, Literal, override
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from reminders.domain import Recurrence, Reminder
from reminders.errors import InvalidFieldError

LONGEST_RULE: Final = 500
MOST_TIMES_A_DAY: Final = 24
MOST_POSITIONS: Final = 24
MOST_YEARS: Final = 100
"""That are searched for a rule's next time, years that its interval leaves out aside. The 29th of February is
a Sunday again after 40 years at most."""
MOST_UPCOMING: Final = 3
WIDEST_GAP: Final = timedelta(hours=3)
SHORTEST_INTERVAL: Final = timedelta(seconds=1)
"""Two occurrences are never closer."""

CALENDAR: Final = ("MONTHLY", "YEARLY")
FREQUENCIES: Final[Mapping[str, Literal[0, 1, 2, 3]]] = MappingProxyType(
    {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
)
WEEKDAYS: Final = MappingProxyType({"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU})
NUMBERS: Final[Mapping[str, range]] = MappingProxyType(
    {
        "INTERVAL": range(1, 1001),
        "COUNT": range(1, 10_001),
        "BYMONTH": range(1, 13),
        "BYMONTHDAY": range(-31, 32),
        "BYHOUR": range(24),
        "BYMINUTE": range(60),
        "BYSECOND": range(60),
        "BYSETPOS": range(-366, 367),
    }
)
SINGLE: Final = ("INTERVAL", "COUNT")
NOT_ZERO: Final = ("BYMONTHDAY", "BYSETPOS")
WEEKDAY: Final = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
UNTIL: Final = re.compile(r"\d{8}T\d{6}Z")


class TooFarError(Exception):
    """The next time of a rule was not found within MOST_YEARS."""


class BoundedRule(rrule):
    """A rule whose search for the next time ends. dateutil's own goes on to the year 9999.

    Weeks by number are not offered, and dateutil looks for them once in each year that it searches.
    """

    _years = 0

    @property
    def _byweekno(self) -> None:
        self._years += 1
        if self._years > MOST_YEARS:
            raise TooFarError

    @_byweekno.setter
    def _byweekno(self, _numbers: None) -> None:
        pass

    @override
    def __iter__(self) -> Iterator[datetime]:
        for moment in super().__iter__():
            self._years = 0
            yield moment


class Schedule:
    """The occurrences of a recurring reminder, as moments in UTC."""

    def __init__(self, recurrence: Recurrence) -> None:
        """Read a rule.

        Raises: InvalidFieldError.
        """
        self._zone = _zone(recurrence.zone)
        self._anchor = recurrence.anchor
        self._start = recurrence.anchor.astimezone(self._zone).replace(tzinfo=None)
        parts = _parts(recurrence.rrule)
        # These two are about moments, of which there may be fewer than local times: dateutil gets neither.
        self._count = int(parts["COUNT"]) if "COUNT" in parts else None
        self._until = _moment(parts["UNTIL"]) if "UNTIL" in parts else None
        self._rule = _rule(parts, self._start)
        self._is_cut_short = False

    def check(self) -> None:
        """Check that it begins with the moment that the reminder was made for, and goes on within the budget.

        Raises: InvalidFieldError.
        """
        first = self.upcoming(self._anchor - timedelta(microseconds=1), 1 + MOST_UPCOMING)[:1]
        if self._is_cut_short:
            raise _refused("has no next time, or one that is too far away")
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


def _parts(text: str) -> dict[str, str]:
    """Take a rule apart, and refuse what could keep the processor busy in each period of it."""
    if len(text) > LONGEST_RULE:
        raise _refused(f"is longer than {LONGEST_RULE} characters")
    parts: dict[str, str] = {}
    for part in text.removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise _refused(f"has {name} twice")
        parts[name] = value
        _check_part(name, value)
    if parts.get("FREQ") not in FREQUENCIES:
        raise _refused(f"FREQ must be one of {', '.join(FREQUENCIES)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise _refused("has both COUNT and UNTIL")
    ordinals = re.search(r"\d", parts.get("BYDAY", ""))
    if parts["FREQ"] not in CALENDAR and ("BYMONTHDAY" in parts or "BYSETPOS" in parts or ordinals):
        raise _refused("BYMONTHDAY, BYSETPOS and numbered weekdays need FREQ=MONTHLY or YEARLY")
    times = [len(parts[name].split(",")) for name in ("BYHOUR", "BYMINUTE", "BYSECOND") if name in parts]
    if prod(times) > MOST_TIMES_A_DAY:
        raise _refused(f"has more than {MOST_TIMES_A_DAY} times a day")
    if parts.get("BYSETPOS", "").count(",") >= MOST_POSITIONS:
        raise _refused(f"has more than {MOST_POSITIONS} positions")
    return parts


def _check_part(name: str, value: str) -> None:
    values = value.split(",")
    if name in NUMBERS:
        fine = all(_is_number(item, name) for item in values) and (name not in SINGLE or len(values) == 1)
    elif name == "BYDAY":
        fine = all(WEEKDAY.fullmatch(item) for item in values)
    elif name == "WKST":
        fine = value in WEEKDAYS
    elif name == "UNTIL":
        fine = bool(UNTIL.fullmatch(value)) and _is_moment(value)
    else:
        fine = name == "FREQ"
    if not fine:
        raise _refused(f"{name or 'an empty part'} is not allowed or has a bad value")


def _is_number(item: str, name: str) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]{1,5}", item):
        return False
    return int(item) in NUMBERS[name] and not (name in NOT_ZERO and int(item) == 0)


def _moment(until: str) -> datetime:
    return datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _is_moment(until: str) -> bool:
    try:
        return _moment(until).year < MAXYEAR  # a zone's offset may not carry it out of the calendar
    except ValueError:
        return False


def _rule(parts: Mapping[str, str], start: datetime) -> BoundedRule:
    numbers = {
        name: [int(number) for number in parts[name].split(",")] for name in NUMBERS.keys() & parts.keys()
    }
    days = [day for day in map(WEEKDAY.fullmatch, parts.get("BYDAY", "").split(",")) if day]
    return BoundedRule(
        FREQUENCIES[parts["FREQ"]],
        start,
        int(parts.get("INTERVAL", "1")),
        WEEKDAYS[parts.get("WKST", "MO")],
        bysetpos=numbers.get("BYSETPOS"),
        bymonth=numbers.get("BYMONTH"),
        bymonthday=numbers.get("BYMONTHDAY"),
        byweekday=[WEEKDAYS[day[2]](int(day[1])) if day[1] else WEEKDAYS[day[2]] for day in days] or None,
        byhour=numbers.get("BYHOUR"),
        byminute=numbers.get("BYMINUTE"),
        bysecond=numbers.get("BYSECOND"),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:  # not a name; a folder's; no zone's
        raise InvalidFieldError(
            ("recurrence", "zone"), "unknown_zone", "is not a zone of the IANA database"
        ) from error


def _refused(reason: str) -> InvalidFieldError:
    return InvalidFieldError(("recurrence", "rrule"), "invalid_rrule", reason)
