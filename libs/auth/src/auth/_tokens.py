"""Random tokens, and the digests under which stores know them."""

import hashlib
import hmac
import re
import secrets
import string
import time
from typing import Final
from uuid import UUID

TOKEN_BYTES: Final = 32
"""256 bits: nobody guesses one, so that a plain SHA-256 keeps it as well as a slow hash would."""

WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{43}")

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_id() -> str:
    """Return a UUIDv7: a public id, of which later ones sort behind. Source: RFC 9562, section 5.7."""
    milliseconds = time.time_ns() // 1_000_000
    head, tail = 0x7 << 12 | secrets.randbits(12), 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=milliseconds << 80 | head << 64 | tail))


def is_well_formed(token: str) -> bool:
    """Tell whether it can have been issued here; what cannot costs no round trip."""
    return WELL_FORMED.fullmatch(token) is not None


def digest(token: str) -> str:
    """Return what a store may see of a token: SHA-256, as 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """Return what proves that a request comes from a page that may read the session's answers.

    It is made of the session's token, which nobody can tell from it, and so it ends with that token.
    """
    return hmac.digest(token.encode(), b"csrf", hashlib.sha256).hex()


def base62(number: int, length: int) -> str:
    """Write a number with digits, capitals and small letters, padded with zeros to a fixed length."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(BASE62[digit])
    return "".join(reversed(digits))
