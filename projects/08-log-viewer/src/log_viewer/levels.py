"""How severe an entry is, in one word for all formats."""

import re
from typing import Final, Literal, get_args

import orjson

from log_viewer.logfmt import begins_with_field, read_pairs

type Level = Literal["trace", "debug", "info", "warning", "error", "critical"]

LEVELS: Final[tuple[Level, ...]] = get_args(Level.__value__)
UNKNOWN: Final = "unknown"  # what an entry without a level is counted and asked for as

_WORDS: Final[dict[bytes, Level]] = {
    **dict.fromkeys((b"TRACE", b"VERBOSE", b"FINEST", b"FINER"), "trace"),
    **dict.fromkeys((b"DEBUG", b"FINE"), "debug"),
    **dict.fromkeys((b"INFO", b"INFORMATION", b"NOTICE"), "info"),
    **dict.fromkeys((b"WARN", b"WARNING"), "warning"),
    **dict.fromkeys((b"ERROR", b"ERR", b"SEVERE"), "error"),
    **dict.fromkeys((b"CRITICAL", b"CRIT", b"FATAL", b"ALERT", b"EMERG", b"PANIC"), "critical"),
}
_LETTERS: Final[dict[bytes, Level]] = {
    b"V": "trace",
    b"D": "debug",
    b"I": "info",
    b"W": "warning",
    b"E": "error",
    b"F": "critical",
}
# RFC 5424, table 2: the last three bits of PRI.
_SEVERITIES: Final[tuple[Level, ...]] = (
    *("critical", "critical", "critical"),
    *("error", "warning", "info", "info", "debug"),
)
_MEMBERS: Final = ("level", "severity", "lvl")
_FIELDS: Final = frozenset(name.encode() for name in _MEMBERS)
# As pino and bunyan write it.
_NUMBERS: Final[dict[object, Level]] = {10 * number: level for number, level in enumerate(LEVELS, start=1)}
_PRI: Final = re.compile(rb"<(\d{1,3})>")
_ANDROID: Final = re.compile(rb"\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +\d+ +\d+ ([VDIWEF]) ")
FIRST_WORDS: Final = 8


def read_level(line: bytes) -> Level | None:
    """Read the level from the first line of an entry."""
    if line[:1] == b"{":
        return _of_json(line)
    if line[:1] == b"<" and (match := _PRI.match(line)):
        return _SEVERITIES[int(match[1]) & 7]
    if begins_with_field(line):
        found = (value for name, value in read_pairs(line) if name in _FIELDS)
        return _WORDS.get(next(found, b"").upper())
    if match := _ANDROID.match(line):
        return _LETTERS[match[1]]
    return _of_words(line)


def _of_words(line: bytes) -> Level | None:
    """Find the first word in capitals, or in brackets, that is a level's, near the start of the line."""
    for word in line[:512].split(None, FIRST_WORDS)[:FIRST_WORDS]:
        bare = word.strip(b"[]()<>|:,-")
        if word[:1] == b"[" and word.endswith((b"]", b"]:")):
            bare = bare.rpartition(b":")[2].upper()  # [notice], and [core:error] since Apache 2.4
        if level := _WORDS.get(bare):
            return level
    return None


def _of_json(line: bytes) -> Level | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    value = next((document[name] for name in _MEMBERS if name in document), None)
    if isinstance(value, str):
        return _WORDS.get(value.upper().encode())
    return _NUMBERS.get(value) if isinstance(value, int) else None
