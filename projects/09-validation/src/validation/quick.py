"""A text that is plainly harmless, read by orjson: the same value as from reader.py, many times sooner.

orjson keeps the last of two members, and makes doubles of large integers. So a text is given to it only where
that cannot matter, and the members of what it makes of it are counted.
"""

import re
from decimal import Decimal
from typing import Final

import orjson

from validation.value import Limits, Value

# Digits beyond those that a double keeps, and exponents; in a string they only cost the short way.
_UNSAFE: Final = re.compile(rb"[0-9.]{16}|[0-9][eE]|\\u")

type Parsed = bool | int | float | str | list[Parsed] | dict[str, Parsed] | None


def read_quickly(text: bytes, limits: Limits) -> tuple[Value] | None:
    """Return the value, in a tuple, or None where the text has to be read with care."""
    openings = text.count(b"[") + text.count(b"{")
    is_small = (
        openings <= limits.depth
        and openings + text.count(b",") <= limits.members
        and text.count(b'"') <= 2 * limits.strings
    )
    if not is_small or _UNSAFE.search(text):
        return None
    try:
        value: Parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    # A colon for each member, and those in strings: of a name that is there twice one is gone.
    if orjson.dumps(value).count(b":") != text.count(b":"):
        return None
    return (_exact(value),)


def _exact(value: Parsed) -> Value:
    if isinstance(value, dict):
        return {name: _exact(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else Decimal(repr(value))
    return value
