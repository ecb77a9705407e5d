"""ULIDs: ids that begin with the time, so that their order as text is that of their making.

Source: https://github.com/ulid/spec
"""

import re
import secrets
from datetime import UTC, datetime
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATTERN: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
RANDOM_BITS: Final = 80
LENGTH: Final = 26


def ulid(at: datetime) -> str:
    """Make one for this moment."""
    milliseconds = int(at.timestamp() * 1000)
    number = (milliseconds << RANDOM_BITS) | secrets.randbits(RANDOM_BITS)
    return "".join(ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(LENGTH)))


def time_of(text: str) -> datetime:
    """Return the moment that a ULID begins with, in whole milliseconds."""
    number = 0
    for character in text:
        number = number << 5 | ALPHABET.index(character)
    return datetime.fromtimestamp((number >> RANDOM_BITS) / 1000, UTC)
