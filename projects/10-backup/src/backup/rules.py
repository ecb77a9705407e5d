"""Which columns an export replaces, and by what: a file with a line for each, `people.email = email`."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from backup.errors import PreflightError

BLOCK_BYTES: Final = 64
COMMENT: Final = "#"


class Kind(StrEnum):
    """What becomes of the values of a column."""

    NAME = "name"
    EMAIL = "email"
    ID = "id"
    NULL = "null"
    KEEP = "keep"


@dataclass(frozen=True)
class Rule:
    """What becomes of a column, which is named as in SQL: [schema.]table.column."""

    column: str
    kind: Kind


@dataclass(frozen=True, repr=False)
class Key:
    """The two blocks of HMAC-SHA256: the server has that hash, and not the code. Source: RFC 2104."""

    inner: bytes
    outer: bytes


def key_of(secret: str) -> Key:
    block = secret.encode()
    if len(block) > BLOCK_BYTES:
        block = hashlib.sha256(block).digest()
    block = block.ljust(BLOCK_BYTES, b"\0")
    return Key(bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block))


def read_rules(path: Path | None) -> Sequence[Rule]:
    """Read the rules as they are at this moment.

    Raises: PreflightError, with each line that is none.
    """
    if path is None:
        raise PreflightError([("no_rules", "There is no EXPORT_RULES_FILE.")])
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise PreflightError([("no_rules", "EXPORT_RULES_FILE cannot be read.")]) from error
    rules, bad = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith(COMMENT):
            continue
        column, _, kind = (part.strip() for part in line.rpartition("="))
        if column and kind in set(Kind):
            rules.append(Rule(column, Kind(kind)))
        else:
            bad.append(("bad_rule", f"Line {number} is not `table.column = {'|'.join(Kind)}`."))
    if bad:
        raise PreflightError(bad)
    return rules
