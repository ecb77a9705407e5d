"""Bodies with one thing wrong each, and where the refusal has to point."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address

from kata.steps import Draw, Exchange

from .agenda import LONGEST_URL, Json, soon, spelled


@dataclass(frozen=True)
class Refusal:
    """What was asked for, where its mistake is, the answer, and the rule that it breaks."""

    body: Json
    pointer: str
    answer: Exchange
    rule: str = "bad input is refused with 422, and errors[] points at each mistake"


def with_changes(body: Json, changes: Json) -> dict[str, object]:
    """Return the body with these changes made; `...` leaves a field out."""
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def refused_changes(draw: Draw, message_limit: int) -> list[tuple[Mapping[str, object], str]]:
    """Return changes to a body that is in order, each of which makes it one to refuse; `...` leaves out."""
    word = draw.word()
    return [
        *(({"remind_at": value}, "/remind_at") for value in refused_times(draw)),
        *(({"callback_url": value}, "/callback_url") for value in refused_urls(draw)),
        ({"message": draw.integer(1, 9)}, "/message"),
        ({"message": [word]}, "/message"),
        ({"message": None}, "/message"),
        ({"message": ""}, "/message"),
        ({"message": ...}, "/message"),
        ({"message": "n" * (message_limit + 1)}, "/message"),
        ({word: True}, f"/{word}"),
        ({word: None}, f"/{word}"),
        ({"id": str(draw.uuid())}, "/id"),
        ({"state": "cancelled"}, "/state"),
    ]


def refused_times(draw: Draw) -> list[object]:
    """Return what is no time for a reminder; `...` is none at all."""
    later = soon(draw.integer(7200, 90_000))
    local = spelled(later).removesuffix("Z")
    year = later.year + 1
    no_leap_year = year + (year % 4 == 0)
    days = draw.shuffle(
        [
            f"{no_leap_year}-02-29",
            f"{year}-02-30",
            f"{year}-04-31",
            f"{year}-13-01",
            f"{year}-00-10",
            f"{year}-01-00",
        ]
    )
    offsets = draw.shuffle(["+24:00", "-12:60", "+00:99", "+0100", "+1:00", "+01"])
    return [
        local,
        *(f"{day}T10:20:30Z" for day in days[:3]),
        *(f"{local}{offset}" for offset in offsets[:3]),
        f"{year}-05-06T{draw.integer(24, 99)}:20:30Z",
        f"{year}-05-06T10:{draw.integer(60, 99)}:30Z",
        f"{year}-06-30T23:59:60Z",
        f"{year}-05-06 10:20:30Z",
        f"{year}-05-06T10:20Z",
        f"{year}-05-06",
        f"{year}-05-06T10:20:30 Europe/Berlin",
        f" {year}-05-06T10:20:30Z",
        f"in {draw.integer(2, 9)} hours",
        "",
        # A second more: what is refused may not be a matter of when it arrives.
        spelled(soon(-61)),
        spelled(soon(-draw.integer(62, 90_000))),
        spelled(soon(0) - timedelta(days=draw.integer(365, 9000))),
        int(later.timestamp()),
        str(int(later.timestamp())),
        None,
        ...,
    ]


def refused_urls(draw: Draw) -> list[object]:
    """Return what is no callback; `...` is none at all."""
    word = draw.word()
    host = f"{word}.example.com"
    return [
        f"ftp://{host}/",
        f"file:///{word}",
        f"javascript:{word}()",
        f"//{host}/",
        f"/{word}",
        word,
        "",
        "http://",
        f"http://{host}:{draw.integer(65_536, 99_999)}/",
        f"http://{word} {draw.word()}.example.com/",
        f"https://{word}:{draw.word()}@{host}/",
        f"https://{word}@{host}/",
        long_url(draw, LONGEST_URL + 1),
        draw.integer(1, 9),
        None,
        ...,
    ]


def long_url(draw: Draw, length: int) -> str:
    """Return a URL of so many characters, with a query and with escapes that mean something."""
    url = f"https://{draw.word()}.example.com/a%2Fb/%C3%BC?{draw.word()}=%26+a&b=%2525&{draw.word()}="
    return url + draw.text(length - len(url))


def public_hosts(draw: Draw) -> list[str]:
    """Return addresses next to those that are not public."""
    low, high = draw.integer(1, 254), draw.integer(1, 254)
    return [
        f"9.255.{low}.{high}",
        f"11.0.{low}.{high}",
        f"100.63.{low}.{high}",
        f"100.128.{low}.{high}",
        f"126.{low}.{high}.1",
        f"128.0.{low}.{high}",
        f"169.253.{low}.{high}",
        f"169.255.{low}.{high}",
        f"172.15.{low}.{high}",
        f"172.32.{low}.{high}",
        f"192.167.{low}.{high}",
        f"192.169.{low}.{high}",
        f"198.17.{low}.{high}",
        f"198.20.{low}.{high}",
        f"223.{low}.{high}.1",
        f"[2a00:{low:x}::{high:x}]",
        f"[2606:4700:{low:x}::{high:x}]",
        f"fd{low:02x}.example.com",
        f"10.{draw.word()}.example.com",
    ]


def private_hosts(draw: Draw) -> list[str]:
    """Return addresses, one of each kind, that belong to no host on the public Internet, and local names."""
    low, high = draw.integer(1, 254), draw.integer(1, 254)
    inner = draw.choice(
        [
            f"127.0.{low}.{high}",
            f"10.{low}.{high}.1",
            f"172.16.{low}.{high}",
            f"192.168.{low}.{high}",
            f"169.254.{low}.{high}",
        ]
    )
    return [
        f"127.{low}.{high}.1",
        f"10.{low}.{high}.1",
        f"172.16.{low}.{high}",
        f"172.31.{low}.{high}",
        f"192.168.{low}.{high}",
        f"169.254.{low}.{high}",
        "169.254.169.254",
        f"0.0.{low}.{high}",
        "0.0.0.0",
        f"100.64.{low}.{high}",
        f"100.127.{low}.{high}",
        f"192.0.0.{low}",
        "168.63.129.16",
        f"198.18.{low}.{high}",
        f"198.19.{low}.{high}",
        f"{draw.choice(['192.0.2', '198.51.100', '203.0.113'])}.{low}",
        f"{draw.integer(224, 239)}.{low}.{high}.1",
        f"{draw.integer(240, 255)}.{low}.{high}.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        f"[fe80::{low:x}]",
        f"[febf::{low:x}]",
        f"[fc00:{low:x}::{high:x}]",
        f"[fdff:{low:x}::{high:x}]",
        f"[ff02::{low:x}]",
        f"[2001:db8:{low:x}::{high:x}]",
        f"[3fff:{low:x}::{high:x}]",
        *within_ipv6(IPv4Address(inner)),
        *respelled(IPv4Address(inner)),
        f"{draw.word()}.{draw.choice(['local', 'internal', 'localhost'])}",
        draw.choice(["localhost", "LocalHost", "localhost."]),
    ]


def within_ipv6(address: IPv4Address) -> list[str]:
    """Return IPv6 addresses that lead to an IPv4 one."""
    text, number = str(address), int(address)
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [
        f"[::ffff:{text}]",
        f"[::ffff:{high}:{low}]",
        f"[0:0:0:0:0:FFFF:{high}:{low}]",
        f"[::{text}]",
        f"[64:ff9b::{text}]",
        f"[2002:{high}:{low}::1]",
    ]


def respelled(address: IPv4Address) -> list[str]:
    """Return what inet_aton, and so many a resolver, takes for this address."""
    first, second, third, fourth = address.packed
    return [
        f"{address}.",
        f"{first}.{second}.{third << 8 | fourth}",
        f"{first}.{second << 16 | third << 8 | fourth}",
        str(int(address)),
        hex(int(address)),
        f"0{first:o}.{second}.{third}.{fourth}",
        f"{first:#x}.{second}.{third:#X}.{fourth}",
    ]
