"""Texts that a pattern may match: of each part one alternative, as seldom as may be, and more often."""

import re
from collections.abc import Iterator
from typing import Final

_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d{1,4})(,?)(\d{0,4})\})\??")
_CLASSES: Final = {
    "d": "0",
    "w": "a",
    "s": " ",
    "D": "a",
    "W": "-",
    "S": "a",
    "t": "\t",
    "n": "\n",
    "r": "\r",
}
_ANCHORS: Final = "^$"
_SPECIAL: Final = "|)*+?{"


class _UnknownSyntaxError(Exception):
    """Something that this does not read: then there is no text."""


def matching(pattern: str) -> Iterator[str]:
    """Yield texts to try; whether one does match is for their reader to see."""
    for more in range(3):
        try:
            text, end = _alternatives(pattern, 0, more)
        except (_UnknownSyntaxError, IndexError):
            return
        if end == len(pattern):
            yield text


def _alternatives(pattern: str, position: int, more: int) -> tuple[str, int]:
    chosen, position = _sequence(pattern, position, more)
    while position < len(pattern) and pattern[position] == "|":
        other, position = _sequence(pattern, position + 1, more)
        chosen = other if more == 1 else chosen
    return chosen, position


def _sequence(pattern: str, position: int, more: int) -> tuple[str, int]:
    text = ""
    while position < len(pattern) and pattern[position] not in "|)":
        if pattern[position] in _ANCHORS:
            position += 1
            continue
        atom, position = _atom(pattern, position, more)
        times, position = _times(pattern, position, more)
        text += atom * times
    return text, position


def _atom(pattern: str, position: int, more: int) -> tuple[str, int]:
    character = pattern[position]
    if character == "(":
        start = position + (3 if pattern.startswith("(?:", position) else 1)
        text, end = _alternatives(pattern, start, more)
        return text, end + 1
    if character == "[":
        return _from_class(pattern, position + 1)
    if character == "\\":
        escaped = pattern[position + 1]
        if escaped.isalnum() and escaped not in _CLASSES:
            raise _UnknownSyntaxError
        return _CLASSES.get(escaped, escaped), position + 2
    if character in _SPECIAL:
        raise _UnknownSyntaxError
    return ("a" if character == "." else character), position + 1


def _from_class(pattern: str, position: int) -> tuple[str, int]:
    """Take the first character of a class; of one that excludes, the first that is not named in it."""
    excludes = pattern[position] == "^"
    start = position + excludes
    end = start
    while pattern[end] != "]" or end == start:
        end += 2 if pattern[end] == "\\" else 1
    members = pattern[start:end]
    if excludes:
        return next(letter for letter in "aZ0-_ ~" if letter not in members), end + 1
    first = members[1] if members[0] == "\\" else members[0]
    return (_CLASSES.get(first, first) if members[0] == "\\" else first), end + 1


def _times(pattern: str, position: int, more: int) -> tuple[int, int]:
    quantifier = _QUANTIFIER.match(pattern, position)
    if quantifier is None:
        return 1, position
    mark, least, comma, most = quantifier.groups()
    low = {"*": 0, "+": 1, "?": 0}[mark] if mark else int(least)
    high = {"*": 2, "+": 3, "?": 1}[mark] if mark else int(most or (low + 2 if comma else low))
    return min(low + more, high), quantifier.end()
