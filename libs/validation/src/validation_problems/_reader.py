"""Strict JSON: a text that two parsers could read differently is refused, and the place is told.

Source: RFC 8259, RFC 7493 (I-JSON). A recursive descent over one pattern of tokens: depth and counts are
checked as they grow, so that a hostile text costs no more than its limits.
"""

import json
import math
import re
from decimal import Decimal
from typing import Final, NoReturn

from validation_problems._entries import fragment
from validation_problems._errors import MalformedError
from validation_problems._quick import read_quickly
from validation_problems._value import DEFAULT_LIMITS, Limits, Value

# Possessive, so that a long string costs no memory to match.
_STRING: Final = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_TOKEN: Final = re.compile(
    rf"""[ \t\n\r]*+(?:
        (?P<mark>[\[\]{{}},:])
      | (?P<string>{_STRING}")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9a-zA-Z.+-]))
      | (?P<word>true|false|null)(?![0-9a-zA-Z_])
    )""",
    re.VERBOSE,
)
_BEGUN_STRING: Final = re.compile(_STRING)
_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_LONGEST_NUMBER: Final = 1100
# Asked of the text: an exponent of nineteen digits is too long for a Decimal.
_NOT_ZERO: Final = re.compile(r"[-0.]*+[1-9]")
_BOM: Final = b"\xef\xbb\xbf"


def read(text: bytes, limits: Limits = DEFAULT_LIMITS) -> Value:
    """Read one JSON text.

    Raises: MalformedError.
    """
    if (found := read_quickly(text, limits)) is not None:
        return found.value
    return read_carefully(text, limits)


def rewritten(text: bytes, limits: Limits) -> bytes:
    """Return a text that every parser reads alike, with whole numbers written as such: mostly the same one.

    Raises: MalformedError, also for a number that no double is.
    """
    found = read_quickly(text, limits)
    if found is not None and found.is_as_written:
        return text
    value = read_carefully(text, limits, doubles_only=True) if found is None else found.value
    return json.dumps(value).encode()


def read_carefully(text: bytes, limits: Limits = DEFAULT_LIMITS, *, doubles_only: bool = False) -> Value:
    """Do the same token by token, whatever the text is."""
    if text.startswith(_BOM):
        _refuse("byte_order_mark", "")
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        _refuse("invalid_utf8", text[: error.start].decode())
    return _Scanner(decoded, limits, doubles_only=doubles_only).document()


def malformed(text: str | bytes, position: int = 0) -> MalformedError:
    """Say what the strict reader has against a text that another parser could not read."""
    try:
        read_carefully(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    except MalformedError as error:
        return error
    place = {"offset": position, "line": 1, "column": position + 1}
    return MalformedError("unexpected_character", place)


def _refuse(code: str, before: str, place: str | None = None, limit: int | None = None) -> NoReturn:
    """Raise the error for what stands behind this part of the text."""
    found: dict[str, str | int] = {
        "offset": len(before.encode()),
        "line": before.count("\n") + 1,
        "column": len(before) - before.rfind("\n"),
    }
    raise MalformedError(code, found if place is None else {**found, "pointer": place}, limit)


class _Scanner:
    """One pass over one text."""

    def __init__(self, text: str, limits: Limits, *, doubles_only: bool) -> None:
        self._text = text
        self._limits = limits
        self._doubles_only = doubles_only
        self._position = 0
        self._members = 0
        self._strings = 0
        self._path: list[str | int] = []

    def document(self) -> Value:
        value = self._value()
        end = self._skip_space()
        if end < len(self._text):
            self._fail("trailing_data", end)
        return value

    def _value(self) -> Value:
        kind, text = self._next()
        if kind == "string":
            return self._string(text)
        if kind == "number":
            return self._number(text)
        if kind == "word":
            return _WORDS[text]
        if text not in "[{":
            self._unexpected(self._position - 1)
        if len(self._path) >= self._limits.depth:
            self._fail("depth_limit", self._position - 1, self._limits.depth)
        return self._object() if text == "{" else self._array()

    def _array(self) -> list[Value]:
        items: list[Value] = []
        if self._closes("]"):
            return items
        while True:
            self._count_member()
            self._path.append(len(items))
            items.append(self._value())
            self._path.pop()
            if self._mark(",]") == "]":
                return items

    def _object(self) -> dict[str, Value]:
        members: dict[str, Value] = {}
        if self._closes("}"):
            return members
        while True:
            name = self._name(members)
            self._path.append(name)
            members[name] = self._value()
            self._path.pop()
            if self._mark(",}") == "}":
                return members

    def _name(self, members: dict[str, Value]) -> str:
        kind, token = self._next()
        start = self._position - len(token)
        if kind != "string":
            self._unexpected(start)
        name = self._string(token)
        # Compared as it is read: "\u0061" is "a".
        if name in members:
            self._path.append(name)
            self._fail("duplicate_name", start)
        self._count_member()
        self._mark(":")
        return name

    def _string(self, token: str) -> str:
        self._strings += 1
        start = self._position - len(token)
        if self._strings > self._limits.strings:
            self._fail("string_limit", start, self._limits.strings)
        if "\\" not in token:
            return token[1:-1]
        self._check_surrogates(token, start)
        text: str = json.loads(token)
        return text

    def _check_surrogates(self, token: str, start: int) -> None:
        """Let pairs pass. The halves of one are escapes, one directly behind the other."""
        high: re.Match[str] | None = None
        for escape in _ESCAPE.finditer(token):
            unit = int(escape[1] or "0", 16)
            is_low = 0xDC00 <= unit <= 0xDFFF  # noqa: PLR2004 - Unicode's own
            if high is not None and not (is_low and escape.start() == high.end()):
                self._fail("lone_surrogate", start + high.start())
            if is_low and high is None:
                self._fail("lone_surrogate", start + escape.start())
            high = escape if 0xD800 <= unit <= 0xDBFF else None  # noqa: PLR2004
        if high is not None:
            self._fail("lone_surrogate", start + high.start())

    def _number(self, token: str) -> int | float | Decimal:
        start = self._position - len(token)
        double = float(token)
        if len(token) > _LONGEST_NUMBER or math.isinf(double):
            self._fail("number_out_of_range", start)
        if token.lstrip("-").isdigit():
            return int(token)
        if not double:
            if _NOT_ZERO.match(token):
                self._fail("number_out_of_range", start)
            return 0
        number = Decimal(token)
        if number == number.to_integral_value():
            return int(number)
        if Decimal(repr(double)) == number:
            return double
        if self._doubles_only:
            self._fail("number_out_of_range", start)
        return number

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self._text, self._position)
        if match is None or match.lastgroup is None:
            self._unexpected(self._skip_space())
        self._position = match.end()
        return match.lastgroup, match[match.lastgroup]

    def _mark(self, allowed: str) -> str:
        start = self._skip_space()
        mark = self._text[start : start + 1]
        if not mark or mark not in allowed:
            self._unexpected(start)
        self._position = start + 1
        return mark

    def _closes(self, bracket: str) -> bool:
        start = self._skip_space()
        if self._text[start : start + 1] != bracket:
            return False
        self._position = start + 1
        return True

    def _skip_space(self) -> int:
        match = _SPACE.match(self._text, self._position)
        return match.end() if match else self._position

    def _count_member(self) -> None:
        self._members += 1
        if self._members > self._limits.members:
            self._fail("member_limit", self._position, self._limits.members)

    def _unexpected(self, position: int) -> NoReturn:
        # Of a string all is read that may stand in one: it ends too early, or with what may not.
        begun = _BEGUN_STRING.match(self._text, position)
        end = begun.end() if begun else position
        self._fail("unexpected_character" if end < len(self._text) else "unexpected_end", end)

    def _fail(self, code: str, position: int, limit: int | None = None) -> NoReturn:
        _refuse(code, self._text[:position], fragment(self._path), limit)
