"""Moments as logs write them: each format of the contract's list, and the instant that is meant."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kata.steps import Draw

from .viewer import NANOSECONDS, instant_text, json_line

if TYPE_CHECKING:
    from collections.abc import Callable

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Written:
    """A line, and the instant that its timestamp says."""

    line: bytes
    time: str
    name: str


def moment_of(local: datetime, nanoseconds: int = 0) -> str:
    """Return the instant of a local time, as the contract has it."""
    whole = local.astimezone(UTC) - EPOCH
    return instant_text((whole.days * 86_400 + whole.seconds) * NANOSECONDS + nanoseconds)


def draw_moment(draw: Draw, first: int = 1972, last: int = 2037) -> datetime:
    """Draw a local time, of whole seconds, on any day of any month."""
    start = datetime(first, 1, 1)  # noqa: DTZ001 - a zone is put to it by the format
    return start + timedelta(seconds=draw.integer(0, (last - first) * 31_556_952))


def in_month(local: datetime, month: int) -> datetime:
    """Return the same time in a month, on a day that each month has."""
    return local.replace(month=month, day=min(local.day, 28))


def draw_offset(draw: Draw) -> timezone:
    return timezone(
        timedelta(minutes=draw.choice((0, 60, 330, 345, -210, -720, 840, draw.integer(-700, 700))))
    )


def fraction(draw: Draw, most: int = 9) -> tuple[str, int]:
    """Draw digits after the point, and the nanoseconds that they are."""
    digits = draw.text(draw.integer(1, most), "0123456789")
    return digits, int(digits[:9].ljust(9, "0"))


def offset_text(local: datetime, *, colon: bool) -> str:
    text = local.strftime("%z")
    return f"{text[:3]}:{text[3:]}" if colon else text


def weekday(local: datetime) -> str:
    return DAYS[local.weekday()]


def with_zone(draw: Draw) -> list[Written]:
    """Write a line of each format that says its zone."""
    texts = [make(draw) for make in (rfc3339, rfc5424, common_log, json_time, logfmt_time)]
    return [*texts, *(json_epoch(draw, unit) for unit in (1, 10**3, 10**6, 10**9))]


def rfc3339(draw: Draw) -> Written:
    local = draw_moment(draw).replace(tzinfo=draw_offset(draw))
    digits, nanoseconds = fraction(draw, 12)
    point, joiner = draw.choice((".", ",")), draw.choice(("T", " ", "t"))
    zone = draw.choice((offset_text(local, colon=True), offset_text(local, colon=False)))
    if local.utcoffset() == timedelta(0):
        zone = draw.choice(("Z", "z", zone))
    opening, closing = draw.choice((("", ""), ("[", "]")))
    text = f"{opening}{local:%Y-%m-%d}{joiner}{local:%H:%M:%S}{point}{digits}{zone}{closing} INFO rfc 3339"
    return Written(text.encode(), moment_of(local, nanoseconds), "RFC 3339")


def rfc5424(draw: Draw) -> Written:
    local = draw_moment(draw).replace(tzinfo=draw_offset(draw))
    digits, nanoseconds = fraction(draw, 6)
    stamp = f"{local:%Y-%m-%dT%H:%M:%S}.{digits}{offset_text(local, colon=True)}"
    line = f"<{draw.integer(0, 191)}>1 {stamp} host app {draw.integer(1, 9999)} - - rfc 5424"
    return Written(line.encode(), moment_of(local, nanoseconds), "RFC 5424")


def each_month(draw: Draw) -> list[Written]:
    """Write a line of each month by its name."""
    return [common_log(draw, month) for month in range(1, 13)]


def common_log(draw: Draw, month: int | None = None) -> Written:
    local = draw_moment(draw).replace(tzinfo=draw_offset(draw))
    local = in_month(local, month) if month is not None else local
    stamp = f"{local:%d}/{MONTHS[local.month - 1]}/{local:%Y:%H:%M:%S} {offset_text(local, colon=False)}"
    host, user = draw.address(), draw.choice(("-", draw.word(), "frank lee"))
    line = f'{host} - {user} [{stamp}] "GET /{draw.word()} HTTP/1.1" 200 {draw.integer(0, 99999)}'
    return Written(line.encode(), moment_of(local), "CLF")


def json_time(draw: Draw) -> Written:
    local = draw_moment(draw).replace(tzinfo=draw_offset(draw))
    digits, nanoseconds = fraction(draw)
    name = draw.choice(("time", "timestamp", "@timestamp", "ts"))
    stamp = f"{local:%Y-%m-%dT%H:%M:%S}.{digits}{offset_text(local, colon=True)}"
    inner = {name: "2001-01-01T00:00:00Z", "more": draw.word()}
    line = json_line({"message": draw.word(), "inner": inner, name: stamp})
    return Written(line, moment_of(local, nanoseconds), f"JSON, {name}")


def json_epoch(draw: Draw, unit: int) -> Written:
    """Write a number since 1970, of which so many are a second."""
    seconds = draw.integer(1_000_000_000, 2_000_000_000)
    nanoseconds = draw.integer(0, NANOSECONDS - 1)
    whole, rest = divmod(seconds * NANOSECONDS + nanoseconds, NANOSECONDS // unit)
    digits = f".{rest:0{len(str(NANOSECONDS // unit)) - 1}}" if unit < NANOSECONDS else ""
    line = f'{{"msg":"{draw.word()}", "ts" : {whole}{digits}}}'
    return Written(line.encode(), instant_text(seconds * NANOSECONDS + nanoseconds), "JSON, a number")


def logfmt_time(draw: Draw) -> Written:
    local = draw_moment(draw).replace(tzinfo=draw_offset(draw))
    digits, nanoseconds = fraction(draw)
    stamp = f"{local:%Y-%m-%dT%H:%M:%S}.{digits}{offset_text(local, colon=True)}"
    pairs = draw.shuffle(
        [
            f"time={draw.choice((stamp, f'"{stamp}"'))}",
            "level=info",
            f'msg="{draw.word()} time=2001-01-01T00:00:00Z x"',
        ]
    )
    return Written(" ".join(pairs).encode(), moment_of(local, nanoseconds), "logfmt")


def without_zone(draw: Draw, zone: str) -> list[Written]:
    """Write lines of formats that say a year, but no zone."""
    makers: list[Callable[[datetime, str], str]] = [
        lambda local, digits: f"{local:%Y-%m-%d %H:%M:%S},{digits} - INFO  [main] hadoop",
        lambda local, digits: f"{local:%Y-%m-%dT%H:%M:%S}.{digits} no zone",
        lambda local, digits: f"{local:%Y/%m/%d %H:%M:%S}.{digits} slashes",
        lambda local, digits: (
            f"app.log.1.{local:%Y-%m-%d} {local:%Y-%m-%d %H:%M:%S}.{digits} 25746 INFO openstack"
        ),
        lambda local, digits: f'ts="{local:%Y-%m-%d %H:%M:%S}.{digits}" level=info',
        lambda local, digits: (
            f"[{weekday(local)} {MONTHS[local.month - 1]} {local:%d %H:%M:%S}.{digits} {local:%Y}] [error] x"
        ),
        lambda local, _: f"[{weekday(local)} {MONTHS[local.month - 1]} {local:%d %H:%M:%S %Y}] [notice] x",
        lambda local, _: f"{local:%y/%m/%d %H:%M:%S} INFO spark: x",
    ]
    found = []
    for number, make in enumerate(makers):
        # At noon no zone changes its clock. Summer and winter are drawn by the day.
        local = draw_moment(draw, 2000, 2037).replace(hour=12, tzinfo=ZoneInfo(zone))
        digits, nanoseconds = fraction(draw, 6)
        line = make(local, digits)
        has_fraction = digits in line and number < len(makers) - 2
        time = moment_of(local, nanoseconds if has_fraction else 0)
        found.append(Written(line.encode(), time, f"{line[:30]!r} in {zone}"))
    return found


def around_changes(draw: Draw, zone: str) -> list[Written]:
    """Write lines of a day on which the zone changes its clock: before it, behind it, and before it again."""
    first = datetime(draw.integer(2000, 2036), 1, 1, 23, 55)  # noqa: DTZ001 - the zone is put to it
    days = [first + timedelta(days=number) for number in range(365)]
    changes = [day for day in days if _offset(day, zone) != _offset(day.replace(hour=0), zone)]
    late = draw.choice(changes or days).replace(tzinfo=ZoneInfo(zone))
    return [
        Written(f"{local:%Y-%m-%d %H:%M:%S} clock".encode(), moment_of(local), f"a change of {zone}")
        for local in (late.replace(hour=0), late, late.replace(hour=0))
    ]


def _offset(local: datetime, zone: str) -> timedelta | None:
    return local.replace(tzinfo=ZoneInfo(zone)).utcoffset()


def bsd(local: datetime, zone: str, pri: str = "") -> Written:
    """Write a line of RFC 3164, whose stamp has neither year nor zone."""
    stamp = f"{MONTHS[local.month - 1]} {local.day:2} {local:%H:%M:%S}"
    aware = local.replace(tzinfo=ZoneInfo(zone))
    return Written(
        f"{pri}{stamp} combo sshd[19939]: session".encode(), moment_of(aware), f"RFC 3164, {stamp}"
    )


def android(local: datetime, zone: str) -> Written:
    """Write a line as Android's logcat does."""
    line = f"{local:%m-%d %H:%M:%S}.250  1702  2395 D Manager: x"
    aware = local.replace(tzinfo=ZoneInfo(zone))
    return Written(line.encode(), moment_of(aware, 250_000_000), f"logcat, {line[:18]}")
