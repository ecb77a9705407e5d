"""Streams, a record at a time: lines of NDJSON, and records of CSV, whose cells may have line breaks in them.

Memory holds what has come of one record, and of that no more than its limit.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validation.errors import MalformedError
from validation.reader import read
from validation.value import Limits, Value

_BLANKS: Final = b" \t\r"  # those of JSON, on a line; what Python calls blank is more


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and the number of the line on which it begins; without text it was longer than the limit."""

    line: int
    text: bytes | None


class Records:
    """Cuts a stream into records."""

    def __init__(self, limit_bytes: int, *, is_csv: bool) -> None:
        self._limit_bytes = limit_bytes
        self._is_csv = is_csv
        self._begun = bytearray()
        self._line = 1
        self._first_line = 1
        self._is_skipping = False
        self._is_quoted = False

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """Yield what ends in this part of the stream, and what by now is too long."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield from self._take(line)
            yield from self._end_line()
        yield from self._take(rest)

    def finish(self) -> Iterator[Record]:
        """Yield the last record, if no line break follows it."""
        self._is_quoted = False
        yield from self._end_line()

    def _take(self, part: bytes) -> Iterator[Record]:
        if self._is_csv and part.count(b'"') % 2:
            self._is_quoted = not self._is_quoted
        if self._is_skipping:
            return
        self._begun += part[: self._limit_bytes + 2]
        # A carriage return behind the last byte may belong to the line break.
        if len(self._begun) > self._limit_bytes + self._begun.endswith(b"\r"):
            yield Record(self._first_line, None)
            self._begun.clear()
            self._is_skipping = True

    def _end_line(self) -> Iterator[Record]:
        self._line += 1
        if self._is_quoted:
            yield from self._take(b"\n")
            return
        text = bytes(self._begun).removesuffix(b"\r")
        if not self._is_skipping and text.strip(_BLANKS):
            yield Record(self._first_line, text)
        self._begun.clear()
        self._is_skipping = False
        self._first_line = self._line


def cells(record: bytes) -> list[str]:
    """Read one record of CSV. Source: RFC 4180. Raises: MalformedError."""
    try:
        rows = list(csv.reader([record.decode()], strict=True))
    except UnicodeDecodeError as error:
        raise MalformedError("invalid_utf8", {"offset": error.start}) from error
    except csv.Error as error:
        raise MalformedError("bad_record", {"offset": 0}) from error
    return rows[0] if rows else []


def row(header: Sequence[str], record: bytes, schema: Value, limits: Limits) -> Value:
    """Read a record as an object.

    Where the schema's type for the member is no string, a cell is read as JSON. An empty one is no member.
    Raises: MalformedError.
    """
    values = cells(record)
    if len(values) != len(header):
        raise MalformedError("bad_record", {"offset": 0})
    named = zip(header, values, strict=True)
    return {name: _typed(cell, _types(schema, name), limits) for name, cell in named if cell}


def _typed(cell: str, types: Sequence[Value], limits: Limits) -> Value:
    if not types or "string" in types:
        return cell
    try:
        value = read(cell.encode(), limits)
    except MalformedError:
        return cell
    return cell if isinstance(value, dict | list) else value


def _types(schema: Value, name: str) -> Sequence[Value]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    of_member = properties.get(name) if isinstance(properties, dict) else None
    types = of_member.get("type") if isinstance(of_member, dict) else None
    return types if isinstance(types, list) else [] if types is None else [types]
