"""A part of an entry. Source: RFC 9110, sections 13.1.5 and 14."""

import re
from typing import Final, NamedTuple

from file_cache.domain import Metadata
from file_cache.errors import UnsatisfiableRangeError

# One range; where several are asked for the whole is given: parts may overlap, and be more than the whole.
ONE_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t,]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t,]*", re.IGNORECASE)
MOST_DIGITS: Final = 18


class Part(NamedTuple):
    """From one byte to before another."""

    first: int
    end: int


def part_of(metadata: Metadata, header: str | None, if_range: str | None) -> Part | None:
    """Return the part that is asked for; None for the whole, where nothing is asked or it cannot be read.

    Raises: UnsatisfiableRangeError.
    """
    match = ONE_RANGE.fullmatch(header) if header else None
    if match is None or (if_range is not None and if_range.strip() != metadata.etag):
        return None
    first, last, suffix = (None if text in {None, ""} else _number(text) for text in match.groups())
    size_bytes = metadata.size_bytes
    if first is not None and last is not None and last < first:
        return None  # no range at all
    if suffix is not None:
        part = Part(max(0, size_bytes - suffix), size_bytes)
    else:
        part = Part(first or 0, size_bytes if last is None else min(last + 1, size_bytes))
    if part.first >= part.end:
        raise UnsatisfiableRangeError(size_bytes)
    return part


def _number(text: str) -> int:
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= MOST_DIGITS else int("9" * MOST_DIGITS)
