"""The rules of recurrences: RFC 5545, read strictly, and searched within a budget.

Whoever may make a reminder may write a rule, so a rule must not keep the processor busy: one that is costly
in each of its periods is refused, and so is one whose next time is too far away.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime
from math import prod
from types import MappingProxyType
from typing import Final, Literal, override

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from reminders.errors import InvalidFieldError

LONGEST_RULE: Final = 500
MOST_TIMES_A_DAY: Final = 24
MOST_POSITIONS: Final = 24
MOST_YEARS: Final = 100
"""That are searched for a rule's next time, years that its interval leaves out aside. The 29th of February is
a Sunday again after 40 years at most."""

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


def rule_parts(text: str) -> dict[str, str]:
    """Take a rule apart.

    Raises: InvalidFieldError.
    """
    if len(text) > LONGEST_RULE:
        raise refused(f"is longer than {LONGEST_RULE} characters")
    parts: dict[str, str] = {}
    for part in text.removeprefix("RRULE:").split(";"):
        name, _, value = part.partition("=")
        if name in parts:
            raise refused(f"has {name} twice")
        parts[name] = value
        _check_part(name, value)
    if parts.get("FREQ") not in FREQUENCIES:
        raise refused(f"FREQ must be one of {', '.join(FREQUENCIES)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise refused("has both COUNT and UNTIL")
    ordinals = re.search(r"\d", parts.get("BYDAY", ""))
    if parts["FREQ"] not in CALENDAR and ("BYMONTHDAY" in parts or "BYSETPOS" in parts or ordinals):
        raise refused("BYMONTHDAY, BYSETPOS and numbered weekdays need FREQ=MONTHLY or YEARLY")
    times = [len(parts[name].split(",")) for name in ("BYHOUR", "BYMINUTE", "BYSECOND") if name in parts]
    if prod(times) > MOST_TIMES_A_DAY:
        raise refused(f"has more than {MOST_TIMES_A_DAY} times a day")
    if parts.get("BYSETPOS", "").count(",") >= MOST_POSITIONS:
        raise refused(f"has more than {MOST_POSITIONS} positions")
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
        raise refused(f"{name or 'an empty part'} is not allowed or has a bad value")


def _is_number(item: str, name: str) -> bool:
    if not re.fullmatch(r"[+-]?[0-9]{1,5}", item):
        return False
    return int(item) in NUMBERS[name] and not (name in NOT_ZERO and int(item) == 0)


def until_moment(until: str) -> datetime:
    return datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _is_moment(until: str) -> bool:
    try:
        return until_moment(until).year < MAXYEAR  # a zone's offset may not carry it out of the calendar
    except ValueError:
        return False


def bounded_rule(parts: Mapping[str, str], start: datetime) -> BoundedRule:
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


def refused(reason: str) -> InvalidFieldError:
    return InvalidFieldError(("recurrence", "rrule"), "invalid_rrule", reason)
