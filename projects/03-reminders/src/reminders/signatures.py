"""Signed deliveries: a receiver can tell who sent them, and when.

Source: Standard Webhooks, "Signature scheme".
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
KEY_BYTES: Final = range(24, 65)


def signing_key(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises: ValueError.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError("must be whsec_ and the base64 of 24 to 64 bytes")
    return key


def signature(key: bytes, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a signed message."""
    timestamp = str(int(sent_at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{digest}"}
