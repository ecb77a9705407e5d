"""How long an entry lives, as `Cache-Control` of its PUT says.

Source: RFC 9111, sections 1.2.2 and 5.2, and RFC 5861.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from file_cache.domain import Freshness
from file_cache.errors import InvalidFieldError

FIELD: Final = "Cache-Control"
WHILE_REVALIDATE: Final = "stale-while-revalidate"
IF_ERROR: Final = "stale-if-error"
NAMES: Final = frozenset({"max-age", "s-maxage", WHILE_REVALIDATE, IF_ERROR})
LONGEST_SECONDS: Final = 2**31
DIGITS: Final = len(str(LONGEST_SECONDS))
NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
DIRECTIVE: Final = re.compile(rf'\s*(?:({NAME})(?:=({NAME}|"(?:[^"\\]|\\.)*"))?)?\s*(?:,|$)')
SECONDS: Final = re.compile(r"[0-9]+")


def freshness_of(header: str | None, default_ttl_seconds: int) -> Freshness:
    """Read the header; `s-maxage` is for shared caches, which this is, and wins over `max-age`.

    Raises: InvalidFieldError: a number that is none, or that is there twice with different values.
    """
    seconds: dict[str, int] = {}
    for name, value in _directives(header or ""):
        if name in NAMES:
            found = _seconds(name, value)
            if seconds.setdefault(name, found) != found:
                raise InvalidFieldError(FIELD, f"{name} is there twice.")
    return Freshness(
        seconds.get("s-maxage", seconds.get("max-age", default_ttl_seconds)),
        seconds.get(WHILE_REVALIDATE, 0),
        seconds.get(IF_ERROR, 0),
    )


def error_seconds_of(header: str | None) -> int | None:
    """Return how old a stale entry may be for a reader who has failed to make a new one; None: no such.

    What a reader writes that cannot be read is passed over.
    """
    with suppress(InvalidFieldError):
        for name, value in _directives(header or ""):
            if name == IF_ERROR:
                return _seconds(name, value)
    return None


def freshness_field(freshness: Freshness) -> str:
    """Write the value of Cache-Control."""
    stale = {
        WHILE_REVALIDATE: freshness.stale_while_revalidate_seconds,
        IF_ERROR: freshness.stale_if_error_seconds,
    }
    parts = [
        f"max-age={freshness.ttl_seconds}",
        *(f"{name}={value}" for name, value in stale.items() if value),
    ]
    return ", ".join(parts)


def _directives(header: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(header):
        match = DIRECTIVE.match(header, position)
        if match is None or match.end() == position:
            raise InvalidFieldError(FIELD, "it cannot be read.")
        position = match.end()
        if match[1]:
            yield match[1].lower(), match[2] or ""


def _seconds(name: str, value: str) -> int:
    if not SECONDS.fullmatch(value):
        raise InvalidFieldError(FIELD, f"{name} is a whole number of seconds.")
    # int() refuses what has more than 4300 digits.
    return LONGEST_SECONDS if len(value.lstrip("0")) > DIGITS else min(int(value), LONGEST_SECONDS)
