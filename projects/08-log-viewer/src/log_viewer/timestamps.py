"""What a timestamp is: a closed list of formats, each at one place of the line. Everything else is text.

A search for anything that looks like a date finds one in a stack trace sooner or later. So a format is bound
to where it stands: at the start of the line, behind `<PRI>`, in the brackets of an access log, or in a member
of that name.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from log_viewer.logfmt import begins_with_field, read_pairs

NANOSECONDS: Final = 1_000_000_000
# Stamps without a year are counted in one that has a 29th of February.
YEAR_OF_THE_YEARLESS: Final = 2000
_MEMBERS: Final = ("time", "timestamp", "@timestamp", "ts")
_FIELDS: Final = frozenset(name.encode() for name in _MEMBERS)

_EPOCH_DAYS: Final = date(1970, 1, 1).toordinal()
_FIRST_SECOND: Final = -_EPOCH_DAYS * 86_400 + 86_400
_LAST_SECOND: Final = (date.max.toordinal() - _EPOCH_DAYS + 1) * 86_400 - 1
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
        start=1,
    )
}
_MONTH: Final = rb"(" + b"|".join(_MONTHS) + rb")"
_MINUTE: Final = rb"(?:[01]\d|2[0-3]):[0-5]\d"
_CLOCK: Final = rb"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)"
_FRACTION: Final = rb"(?:[.,](\d{1,}))?"

# RFC 3339; also with a blank for the T, a comma before the fraction, slashes, or without a zone.
_ISO: Final = re.compile(
    rb"(\d{4}[-/]\d\d[-/]\d\d[Tt ]"
    + _MINUTE
    + rb"):([0-5]\d|60)"
    + _FRACTION
    + rb"(?P<zone>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?+(?![\d:])"
)
_ISO_AT_START: Final = re.compile(rb"(?:<\d{1,3}>\d{0,2} ?|\[|\S*\.log\S* )?(?=\d{4}[-/]\d\d[-/]\d\d[Tt ])")
# RFC 3164: no year, no zone, and a blank before a day of one digit.
_BSD: Final = re.compile(rb"(?:<\d{1,3}>)?" + _MONTH + rb" ([ \d]\d) " + _CLOCK + rb"(?!\d)")
# The common log format and all that begin with it.
_ACCESS: Final = re.compile(
    rb"\S+ \S+ [^\[]{1,256}\[(\d\d)/"
    + _MONTH
    + rb"/(\d{4}):"
    + _CLOCK
    + rb" ([+-](?:[01]\d|2[0-3])[0-5]\d)\]"
)
_APACHE_ERROR: Final = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) " + _MONTH + rb" ([ \d]\d) " + _CLOCK + _FRACTION + rb" (\d{4})\]"
)
_SPARK: Final = re.compile(rb"(\d\d)/(\d\d)/(\d\d) " + _CLOCK + rb"(?!\d)")
_ANDROID: Final = re.compile(rb"(\d\d)-(\d\d) " + _CLOCK + _FRACTION + rb"(?!\d)")
_NUMBER: Final = re.compile(rb"(\d{9,19})(?:\.(\d+))?")


class Stamp(NamedTuple):
    """A timestamp as the line has it; only with a year and a zone it is an instant."""

    seconds: int  # since 1970 by the clock of the zone, or in YEAR_OF_THE_YEARLESS
    nanoseconds: int
    offset_seconds: int | None = 0
    has_year: bool = True


def read_stamp(line: bytes) -> Stamp | None:
    """Read the timestamp of a line that begins an entry; None for one that begins none."""
    reader = _READERS.get(line[:1])
    return reader(line) if reader is not None else _access(line)


def read_instant(text: str) -> int | None:
    """Read an RFC 3339 instant as nanoseconds since the epoch; None for anything else."""
    match = _ISO.fullmatch(text.encode()) if text.isascii() and "/" not in text and "," not in text else None
    if match is None or match["zone"] is None:
        return None
    stamp = _of_iso(match)
    return (
        None
        if stamp is None
        else (stamp.seconds - (stamp.offset_seconds or 0)) * NANOSECONDS + stamp.nanoseconds
    )


def write_instant(nanoseconds: int) -> str:
    """Write it with nine digits, so that the order of texts is the order of instants."""
    seconds, fraction = divmod(nanoseconds, NANOSECONDS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment.isoformat()[:19]}.{fraction:09}Z"


class Clock:
    """Makes instants of stamps: it knows the zone of those that have none."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int] = {}

    def instant(self, stamp: Stamp, year: int | None = None) -> int:
        """Return nanoseconds since the epoch.

        Raises: ValueError, where the year has no 29th of February, or the instant no year.
        """
        seconds = stamp.seconds if stamp.has_year else in_year(stamp.seconds, year or YEAR_OF_THE_YEARLESS)
        offset = stamp.offset_seconds
        if offset is None:
            offset = self._offset_at(seconds)
        if not _FIRST_SECOND <= seconds - offset <= _LAST_SECOND:
            raise ValueError("beyond the years 1 to 9999")
        return (seconds - offset) * NANOSECONDS + stamp.nanoseconds

    def _offset_at(self, seconds: int) -> int:
        """Return the zone's offset by its own clock; of an hour that comes twice it is the first."""
        quarter = seconds // 900  # no zone changes within one
        offset = self._offsets.get(quarter)
        if offset is None:
            local = datetime(1970, 1, 1) + timedelta(seconds=quarter * 900)  # noqa: DTZ001 - it is local time
            difference = local.replace(tzinfo=self._zone).utcoffset() or timedelta(0)
            if len(self._offsets) > _CACHED:
                self._offsets.clear()
            offset = self._offsets[quarter] = int(difference.total_seconds())
        return offset


def in_year(seconds: int, year: int) -> int:
    """Move a yearless moment into a year. Raises: ValueError, where that has no 29th of February."""
    days, rest = divmod(seconds, 86_400)
    day = date.fromordinal(days + _EPOCH_DAYS)
    return (day.replace(year=year).toordinal() - _EPOCH_DAYS) * 86_400 + rest


def year_of(seconds: int) -> int:
    return date.fromordinal(seconds // 86_400 + _EPOCH_DAYS).year


def _seconds(year: int, month: int, day: int, clock: tuple[bytes, bytes, bytes]) -> int | None:
    hour, minute, second = clock
    midnight = _midnight(year, month, day)
    return None if midnight is None else midnight + int(hour) * 3600 + int(minute) * 60 + int(second)


@lru_cache(maxsize=1024)  # a log has many lines of one day
def _midnight(year: int, month: int, day: int) -> int | None:
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAYS
    except ValueError:
        return None
    return days * 86_400


def _nanoseconds(digits: bytes | None) -> int:
    return int(digits[:9].ljust(9, b"0")) if digits else 0


def _offset(zone: bytes | None) -> int | None:
    if zone is None:
        return None
    if zone in b"Zz":
        return 0
    digits = zone.replace(b":", b"")
    seconds = int(digits[1:3]) * 3600 + int(digits[3:5]) * 60
    return -seconds if digits[:1] == b"-" else seconds


def _of_iso(match: re.Match[bytes]) -> Stamp | None:
    minute, second, fraction, zone = match.groups()
    seconds = _iso_minute(minute)
    return None if seconds is None else Stamp(seconds + int(second), _nanoseconds(fraction), _offset(zone))


@lru_cache(maxsize=1024)  # as in a day, so in a minute a log has many lines
def _iso_minute(text: bytes) -> int | None:
    return _seconds(int(text[:4]), int(text[5:7]), int(text[8:10]), (text[11:13], text[14:16], b"0"))


def _iso(line: bytes) -> Stamp | None:
    before = _ISO_AT_START.match(line)
    match = _ISO.match(line, before.end()) if before else None
    return _of_iso(match) if match else None


def _bsd(line: bytes) -> Stamp | None:
    match = _BSD.match(line)
    if match is None:
        return _access(line)
    month, day, *clock = match.groups()
    seconds = _seconds(YEAR_OF_THE_YEARLESS, _MONTHS[month], int(day), (clock[0], clock[1], clock[2]))
    return None if seconds is None else Stamp(seconds, 0, None, has_year=False)


def _access(line: bytes) -> Stamp | None:
    match = _ACCESS.match(line)
    if match is None:
        return _logfmt(line) or _iso(line)
    day, month, year, hour, minute, second, zone = match.groups()
    seconds = _seconds(int(year), _MONTHS[month], int(day), (hour, minute, second))
    return None if seconds is None else Stamp(seconds, 0, _offset(zone))


def _apache_error(line: bytes) -> Stamp | None:
    match = _APACHE_ERROR.match(line)
    if match is None:
        return _iso(line)
    month, day, hour, minute, second, fraction, year = match.groups()
    seconds = _seconds(int(year), _MONTHS[month], int(day), (hour, minute, second))
    return None if seconds is None else Stamp(seconds, _nanoseconds(fraction), None)


def _digits(line: bytes) -> Stamp | None:
    if line[4:5] in b"-/" and (iso := _ISO.match(line)) and (stamp := _of_iso(iso)):
        return stamp
    if match := _SPARK.match(line):
        year, month, day, hour, minute, second = match.groups()
        seconds = _seconds(2000 + int(year), int(month), int(day), (hour, minute, second))
        return None if seconds is None else Stamp(seconds, 0, None)
    if match := _ANDROID.match(line):
        month, day, hour, minute, second, fraction = match.groups()
        seconds = _seconds(YEAR_OF_THE_YEARLESS, int(month), int(day), (hour, minute, second))
        return None if seconds is None else Stamp(seconds, _nanoseconds(fraction), None, has_year=False)
    return _access(line)


def _syslog(line: bytes) -> Stamp | None:
    return _iso(line) or _bsd(line)


def _json(line: bytes) -> Stamp | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    name = next((name for name in _MEMBERS if name in document), None)
    if name is None:
        return None
    value = document[name]
    if not isinstance(value, str):  # as text: a double would lose its nanoseconds
        value = str(json.loads(line, parse_int=str, parse_float=str)[name])
    return _of_value(value.encode())


def _logfmt(line: bytes) -> Stamp | None:
    if not begins_with_field(line):
        return None
    found = (value for name, value in read_pairs(line) if name in _FIELDS)
    return _of_value(next(found, b""))


def _of_value(value: bytes) -> Stamp | None:
    """Read what a member has: RFC 3339, or a number since the epoch in a unit that its size tells."""
    if match := _ISO.fullmatch(value):
        return _of_iso(match)
    match = _NUMBER.fullmatch(value)
    if match is None:
        return None
    whole, fraction = match.groups()
    unit = next((digits for digits in (0, 3, 6) if len(whole) <= 11 + digits), 9)
    nanoseconds = int(whole) * 10 ** (9 - unit) + int(
        (fraction or b"")[: 9 - unit].ljust(9 - unit, b"0") or b"0"
    )
    return Stamp(*divmod(nanoseconds, NANOSECONDS))


_CACHED: Final = 10_000
_READERS: Final[dict[bytes, Callable[[bytes], Stamp | None]]] = {
    b"{": _json,
    b"<": _syslog,
    b"[": _apache_error,
    **dict.fromkeys((b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"), _digits),
    **dict.fromkeys((name[:1] for name in _MONTHS), _bsd),
    **dict.fromkeys((b" ", b"\t", b"\n", b"\r", b""), lambda _: None),
}
