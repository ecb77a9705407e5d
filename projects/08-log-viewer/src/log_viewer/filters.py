"""Which entries a query asks for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from log_viewer.entries import Dated
from log_viewer.errors import InvalidQueryError
from log_viewer.levels import LEVELS, UNKNOWN
from log_viewer.logfmt import read_pairs, rest_of
from log_viewer.patterns import Pattern, compile_pattern
from log_viewer.timestamps import read_instant

type Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """All that has to hold for an entry. `since` is within the range and `until` is not."""

    since: int | None = None
    until: int | None = None
    levels: frozenset[str] = frozenset()
    text: bytes = b""
    pattern: Pattern | None = None
    where: tuple[Pair, ...] = ()

    @property
    def has_range(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def looks_into_texts(self) -> bool:
        return bool(self.text or self.pattern or self.where)

    def accepts(self, dated: Dated) -> bool:
        raw = dated.entry.raw
        return (
            self._is_within(dated.instant)
            and self.text in raw
            and (not self.levels or dated.level in self.levels)
            and (self.pattern is None or self.pattern.search(raw.decode(errors="replace")) is not None)
            and (not self.where or self._has_fields(dated.entry.first_line))
        )

    def _is_within(self, instant: int | None) -> bool:
        if not self.has_range:
            return True
        return (
            instant is not None
            and (self.since is None or self.since <= instant)
            and (self.until is None or instant < self.until)
        )

    def _has_fields(self, line: bytes) -> bool:
        fields = set(read_fields(line))
        return all(pair in fields for pair in self.where)


def make_filter(
    *,
    since: str | None,
    until: str | None,
    level: str | None,
    q: str | None,
    pattern: str | None,
    where: str | None,
) -> Filter:
    """Read the parameters of a query. Raises: InvalidQueryError."""
    return Filter(
        _bound("from", since),
        _bound("to", until),
        _levels(level),
        (q or "").encode(),
        compile_pattern(pattern) if pattern is not None else None,
        _where(where),
    )


def _bound(parameter: str, text: str | None) -> int | None:
    if text is None:
        return None
    instant = read_instant(text)
    if instant is None:
        raise InvalidQueryError(
            parameter, "invalid_time", "It is an RFC 3339 timestamp with an offset, or with Z."
        )
    return instant


def _levels(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    names = frozenset(text.split(","))
    if not names <= {*LEVELS, UNKNOWN}:
        raise InvalidQueryError(
            "level", "invalid_level", f"It is of {', '.join(LEVELS)} and {UNKNOWN}, with commas."
        )
    return names


def _where(text: str | None) -> tuple[Pair, ...]:
    if text is None:
        return ()
    pairs = tuple(_pairs(text.encode()))
    if not pairs or rest_of(text.encode()):
        raise InvalidQueryError(
            "where", "invalid_where", "It is name=value, or several of them with blanks between."
        )
    return pairs


def read_fields(line: bytes) -> Iterator[Pair]:
    """Read the fields of a line: numbers as they are written, members within members by dots."""
    if line[:1] != b"{":
        yield from _pairs(line)
        return
    try:
        # Pairs, and not a dict: of a name that is there twice both count.
        document = json.loads(
            line.decode(errors="replace"),
            object_pairs_hook=_Members,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
        )
        yield from _members(document, "")
    except (ValueError, RecursionError):
        return


class _Members(list[tuple[str, object]]):
    """The members of an object."""


def _members(value: object, name: str) -> Iterator[Pair]:
    if isinstance(value, _Members):
        for key, inner in value:
            yield from _members(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, str):
        yield name, value
    elif value is None or isinstance(value, bool):
        yield name, json.dumps(value)


def _pairs(line: bytes) -> Iterator[Pair]:
    for name, value in read_pairs(line):
        yield name.decode(errors="replace"), value.decode(errors="replace")
