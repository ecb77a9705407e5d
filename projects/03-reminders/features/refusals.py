"""Bodies with one thing wrong each, and where the refusal has to point."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from kata.steps import Draw, Exchange

from .agenda import Json, soon, spelled


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


def refused_changes(draw: Draw) -> list[tuple[Mapping[str, object], str]]:
    """Return changes to a body that is in order, each of which makes it one to refuse; `...` leaves out."""
    later = soon(draw.integer(7200, 90_000))
    year, word = later.year + 1, draw.word()
    return [
        ({"remind_at": spelled(later).removesuffix("Z")}, "/remind_at"),
        (
            {"remind_at": f"{year}-{draw.choice(['02-30', '04-31', '13-01', '00-10'])}T10:20:30Z"},
            "/remind_at",
        ),
        ({"remind_at": f"{year}-05-06T{draw.integer(24, 99)}:20:30Z"}, "/remind_at"),
        ({"remind_at": f"{year}-05-06T10:20:30 Europe/{word.title()}"}, "/remind_at"),
        ({"remind_at": f"in {draw.integer(2, 9)} hours"}, "/remind_at"),
        ({"remind_at": spelled(soon(-draw.integer(60, 90_000)))}, "/remind_at"),
        ({"remind_at": spelled(soon(0) - timedelta(days=draw.integer(365, 9000)))}, "/remind_at"),
        ({"remind_at": int(later.timestamp())}, "/remind_at"),
        ({"remind_at": ...}, "/remind_at"),
        ({"message": draw.integer(1, 9)}, "/message"),
        ({"message": [word]}, "/message"),
        ({"message": ""}, "/message"),
        ({"message": ...}, "/message"),
        ({"callback_url": f"ftp://{word}.example.com/"}, "/callback_url"),
        ({"callback_url": f"file:///{word}"}, "/callback_url"),
        ({"callback_url": word}, "/callback_url"),
        ({"callback_url": f"https://{word}:{draw.word()}@example.com/"}, "/callback_url"),
        ({"callback_url": ...}, "/callback_url"),
        ({word: True}, f"/{word}"),
        ({"id": str(draw.uuid())}, "/id"),
    ]


def private_addresses(draw: Draw) -> list[str]:
    """Return addresses, one of each kind, that belong to no host on the public Internet."""
    low, high = draw.integer(1, 254), draw.integer(1, 254)
    return [
        f"127.0.{low}.{high}",
        f"10.{low}.{high}.1",
        f"172.{draw.integer(16, 31)}.{low}.{high}",
        f"192.168.{low}.{high}",
        f"169.254.{low}.{high}",
        "169.254.169.254",
        "0.0.0.0",
        "[::1]",
        f"[fe80::{low:x}]",
        f"[fd00:{low:x}::{high:x}]",
        f"[::ffff:127.0.0.{low}]",
        f"[::ffff:10.{low}.{high}.1]",
    ]
