"""Secrets as they are written, and the keys that they stand for."""

import base64
import binascii
import hashlib
import os
import re
from typing import Final, Literal

from webhooks.domain import Scheme
from webhooks.errors import InvalidFieldError

SYMMETRIC: Final = "whsec_"
PUBLIC: Final = "whpk_"
VERSIONED: Final = "v1,"
"""What Supabase writes in front of whsec_; it is accepted, and says nothing."""
KEY_BYTES: Final = range(24, 65)
PUBLIC_KEY_BYTES: Final = 32
PLAIN: Final = re.compile(r"[\x20-\x7e]{16,255}")

type Kind = Literal["hmac", "ed25519"]


def key_of(scheme: Scheme, text: str) -> tuple[Kind, bytes]:
    """Return the kind and the bytes of the key that a secret stands for.

    Standard Webhooks writes keys in base64. All others sign with the text itself; Stripe's begins with whsec_
    too, and is taken as it is.

    Raises: InvalidFieldError.
    """
    if scheme is not Scheme.STANDARD:
        if not PLAIN.fullmatch(text):
            raise _refused("must be 16 to 255 printable ASCII characters")
        return "hmac", text.encode()
    if text.startswith(PUBLIC):
        key = decoded(text.removeprefix(PUBLIC))
        if len(key) != PUBLIC_KEY_BYTES:
            raise _refused("must be whpk_ and the base64 of 32 bytes")
        return "ed25519", key
    text = text.removeprefix(VERSIONED)
    key = decoded(text.removeprefix(SYMMETRIC)) if text.startswith(SYMMETRIC) else b""
    if len(key) not in KEY_BYTES:
        raise _refused("must be whsec_ and the base64 of 24 to 64 bytes, or whpk_ and that of 32")
    return "hmac", key


def decoded(text: str) -> bytes:
    """Decode base64, with its padding or without; empty if it is none."""
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return key if base64.b64encode(key).decode().rstrip("=") == text.rstrip("=") else b""


def new_secret(scheme: Scheme) -> str:
    """Make up a secret of 32 random bytes."""
    random = os.urandom(32)
    return SYMMETRIC + base64.b64encode(random).decode() if scheme is Scheme.STANDARD else random.hex()


def fingerprint(text: str) -> str:
    """Return what tells secrets apart and gives none away."""
    return hashlib.sha256(b"fingerprint\0" + text.encode()).hexdigest()[:16]


def _refused(reason: str) -> InvalidFieldError:
    return InvalidFieldError("secret", "invalid_secret", reason)
