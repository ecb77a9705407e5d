"""logfmt: fields as name=value, with quotes around a value that has blanks."""

import re
from collections.abc import Iterator
from typing import Final

_PAIR: Final = re.compile(rb'(?<!\S)([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?=\s|$)')
_ESCAPE: Final = re.compile(rb"\\(.)")
_BEGINNING: Final = re.compile(rb"[A-Za-z_@][\w.@-]*=")


def begins_with_field(line: bytes) -> bool:
    """Tell whether a line is logfmt as a whole."""
    return _BEGINNING.match(line) is not None


def read_pairs(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Read the fields of a line, and pass over what stands between them. What is in quotes is no field."""
    for match in _PAIR.finditer(line):
        name, quoted, bare = match.groups()
        yield name, _ESCAPE.sub(rb"\1", quoted) if quoted is not None else bare


def rest_of(line: bytes) -> bytes:
    """Return what of a line is in no field."""
    return _PAIR.sub(b"", line).strip()
