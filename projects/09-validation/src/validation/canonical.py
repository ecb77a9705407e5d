"""The canonical form of a JSON value: the same bytes for the same value, however it was written.

Source: RFC 8785. It writes numbers as ECMAScript does, from a double; here the exact value is written by the
same rules, so that two integers beyond 2^53 stay two. For all that a double tells apart it is the same text.
"""

import json
from decimal import Context, Decimal
from typing import Final

from validation.value import Value

# No number that is read has more digits, so that none is rounded.
_EXACT: Final = Context(prec=1100)
# From ECMAScript: up to so many digits before the point, and so many places behind it, there is no exponent.
_LONGEST: Final = 21
_LEAST: Final = -6


def canonical(value: Value) -> str:
    if isinstance(value, dict):
        names = sorted(value, key=_utf16)
        return "{" + ",".join(f"{_text(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _number(Decimal(value))


def _utf16(name: str) -> bytes:
    """Order names by their UTF-16 code units: beyond U+FFFF that is another order than by code points."""
    return name.encode("utf-16-be")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(number: Decimal) -> str:
    """Write the digits as ECMAScript's Number::toString does."""
    sign, digits, exponent = number.normalize(_EXACT).as_tuple() if number else (0, (0,), 0)
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)  # where it stands, counted from the first digit
    minus = "-" if sign else ""
    if len(text) <= point <= _LONGEST:
        return minus + text.ljust(point, "0")
    if 0 < point <= _LONGEST:
        return f"{minus}{text[:point]}.{text[point:]}"
    if _LEAST < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    mantissa = text if len(text) == 1 else f"{text[0]}.{text[1:]}"
    return f"{minus}{mantissa}e{point - 1:+}"
