"""When a recurring reminder is due next: RFC 5545 rules, in the local time of a zone.

The rule runs on local time, so that nine o'clock stays nine o'clock when daylight saving comes or goes. A
local time that a spring gap leaves out is taken with the offset before the gap, and so comes later by the
gap's length; one that an autumn overlap brings twice is meant the first time. Source: RFC 5545, section
3.3.5.

Missed occurrences (the misfire policy): after a downtime only the latest that was missed fires, late. Then
the rule goes on.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import islice, takewhile
from math import prod
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from reminders.domain import Recurrence, Reminder
from reminders.errors import InvalidFieldError

LONGEST_RULE: Final = 500
MOST_TIMES_A_DAY: Final = 24
WIDEST_GAP: Final = timedelta(hours=3)
SHORTEST_INTERVAL: Final = timedelta(seconds=1)
"""Two occurrences are never closer."""

CALENDAR: Final = ("MONTHLY", "YEARLY")
FREQUENCIES: Final = ("DAILY", "WEEKLY", *CALENDAR)
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


class Schedule:
    """The occurrences of a recurring reminder, as moments in UTC."""

    def __init__(self, recurrence: Recurrence) -> None:
        """Read a rule.

        Raises: InvalidFieldError.
        """
        self._zone = _zone(recurrence.zone)
        self._start = recurrence.anchor.astimezone(self._zone).replace(tzinfo=None)
        self._rule = self._parse(recurrence.rrule)

    def begins_at_anchor(self) -> bool:
        """Tell whether the moment that the reminder was made for is itself one of the rule's."""
        return next(iter(self._rule), None) == self._start.replace(microsecond=0)

    def first_after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence after a moment; None when the rule has ended."""
        return next(self._after(moment), None)

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
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
        """Go through the occurrences by their moments; around a gap that is not the order of local times."""
        waiting: list[tuple[datetime, datetime]] = []
        local = moment.astimezone(self._zone).replace(tzinfo=None) - WIDEST_GAP
        for naive in takewhile(lambda naive: naive.year < MAXYEAR, self._rule.xafter(local, inc=True)):
            while waiting and waiting[0][1] < naive - WIDEST_GAP:
                yield waiting.pop(0)[0]
            utc = self._utc(naive)
            if utc > moment and all(utc != known for known, _ in waiting):
                waiting = sorted([*waiting, (utc, naive)])
        yield from (utc for utc, _ in waiting)

    def _utc(self, naive: datetime) -> datetime:
        exact = naive.replace(microsecond=self._start.microsecond, tzinfo=self._zone, fold=0)
        return exact.astimezone(UTC)

    def _parse(self, text: str) -> rrule:
        parts = _parts(text)
        if until := parts.get("UNTIL"):
            local = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(self._zone)
            parts["UNTIL"] = local.strftime("%Y%m%dT%H%M%S")
        try:
            parsed = rrulestr(
                ";".join(f"{name}={value}" for name, value in parts.items()), dtstart=self._start
            )
        except (ValueError, TypeError) as error:
            raise _refused("is not a valid rule") from error
        if not isinstance(parsed, rrule):
            raise _refused("is not a single rule")
        return parsed


def missed(reminder: Reminder, now: datetime) -> datetime | None:
    """Return the latest occurrence that a claimed reminder has missed, before its first attempt."""
    is_late = now - reminder.remind_at >= SHORTEST_INTERVAL
    if reminder.recurrence is None or reminder.attempt_count > 1 or not is_late:
        return None
    return Schedule(reminder.recurrence).latest(reminder.remind_at, now)


def _parts(text: str) -> dict[str, str]:
    """Take a rule apart, and refuse what could keep the processor busy.

    DAILY and WEEKLY take no BYMONTHDAY or BYSETPOS: a rule that never comes true (the 30th of February) would
    be tried on each day until the year 9999: three seconds' work; with MONTHLY or YEARLY a third of one.
    """
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
    return parts


def _check_part(name: str, value: str) -> None:
    values = value.split(",")
    if name in NUMBERS:
        fine = all(_is_number(item, name) for item in values) and (name not in SINGLE or len(values) == 1)
    elif name == "BYDAY":
        fine = all(WEEKDAY.fullmatch(item) for item in values)
    elif name == "WKST":
        fine = bool(re.fullmatch(r"MO|TU|WE|TH|FR|SA|SU", value))
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


def _is_moment(until: str) -> bool:
    try:
        year = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).year
    except ValueError:
        return False
    return year < MAXYEAR  # a zone's offset may not carry it out of the calendar


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:  # not a name; a folder's; no zone's
        raise InvalidFieldError(
            ("recurrence", "zone"), "unknown_zone", "is not a zone of the IANA database"
        ) from error


def _refused(reason: str) -> InvalidFieldError:
    return InvalidFieldError(("recurrence", "rrule"), "invalid_rrule", reason)
