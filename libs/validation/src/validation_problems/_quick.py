"""A text that is plainly harmless, read by orjson: the same value as from _reader.py, many times sooner.

orjson keeps the last of two members, and makes doubles of large integers. So it is asked to write what it
has read. Where that is the text again, nothing was lost. Where it is not (blanks, other escapes), the colons
of both are compared, and numbers that a double may not keep are looked for.
"""

import re
from decimal import Decimal
from typing import Final, NamedTuple

import orjson

from validation_problems._value import Limits, Value

# An exponent, or more digits than any double keeps; 7 us for 867 bytes, so only where the texts differ.
_UNSAFE_NUMBER: Final = re.compile(rb"[:\[,\s]-?[0-9][0-9.]*+(?:[eE]|(?<=[0-9.]{16}))")
# What may be a whole number and reads as a float. Each is searched for by its first character, in 0.5 us.
_WHOLE_FRACTION: Final = re.compile(rb"\.0+(?![0-9])")
_EXPONENT: Final = re.compile(rb"e[0-9]")

type Parsed = bool | int | float | str | list[Parsed] | dict[str, Parsed] | None


class Found(NamedTuple):
    """A value, and whether it is written so: else a whole number has a fraction or an exponent."""

    value: Value
    is_as_written: bool


def read_quickly(text: bytes, limits: Limits) -> Found | None:
    """Return the value, or None where the text has to be read with care."""
    openings = text.count(b"[") + text.count(b"{")
    if openings > limits.depth or not text.startswith((b"{", b"[")):
        return None
    # A member or an item costs two bytes at least, and a string too.
    if len(text) > 2 * min(limits.members, limits.strings) and (
        openings + text.count(b",") > limits.members or text.count(b'"') > 2 * limits.strings
    ):
        return None
    try:
        value: Parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    written = orjson.dumps(value)
    if written != text and (
        written.count(b":") != text.count(b":") or b"\\u" in text or _UNSAFE_NUMBER.search(text)
    ):
        return None
    if _WHOLE_FRACTION.search(text) or _EXPONENT.search(text):
        return Found(whole(value), is_as_written=False)
    return Found(value, is_as_written=True)  # type: ignore[arg-type]  # what is no Decimal is a Value; lists are invariant


def whole(value: Parsed | Value) -> Value:
    """Make ints of the floats that have no fraction."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, float):
        # As it is written: a double beyond 2^53 is another integer than its shortest decimal.
        return int(Decimal(repr(value))) if value.is_integer() else value
    return value
