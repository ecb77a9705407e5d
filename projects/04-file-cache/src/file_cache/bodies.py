"""What goes into the cache and what comes out of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from file_cache.digests import ExpectedDigests
from file_cache.domain import Metadata
from file_cache.ranges import Part

ABSENT, EXPIRED, DAMAGED = "uri-miss", "stale", "damaged"


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a PUT as they come, how many are announced, and what they have to be like."""

    pieces: Iterable[bytes]
    announced_bytes: int | None
    digests: ExpectedDigests


@dataclass(frozen=True, slots=True)
class Stored:
    """What a PUT has led to."""

    metadata: Metadata
    is_new: bool | None
    """None where nobody asks."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A fresh entry. Whoever gets it closes it."""

    metadata: Metadata
    part: Part | None
    now_ns: int
    body: Iterator[bytes]
    close: Callable[[], None]
    waited_for: str | None = None
    """Why there was none at first, if it was stored by somebody else meanwhile."""
    lease: tuple[str, int] | None = None
    """With what is stale, for the one who is to make a new one: the token, and its seconds."""


class Found(NamedTuple):
    """A fresh entry, all of it at once."""

    metadata: Metadata
    body: bytes
    file: tuple[int, int, int]
    """What its file is known by: inode, nanoseconds of its time of modification, bytes."""


type Choice = Callable[[Metadata], Part | None]
"""Which part of an entry is wanted, None for the whole; it may raise."""

type Usable = Callable[[Metadata, int], bool]
"""Says whether an entry may be given out at a time in nanoseconds."""


def whole(_: Metadata) -> None:
    return None
