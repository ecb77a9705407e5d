"""Secrets of webhooks: drawn, sealed for the database, and what is signed with them.

Sources: Standard Webhooks, "Signature scheme"; NIST SP 800-38D.
"""

import base64
import hmac
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 12


class Sealer:
    """Keeps secrets so that who reads the database has none. It can be opened for its owner's id alone."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, owner_id: UUID, secret: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, owner_id.bytes)

    def open(self, owner_id: UUID, sealed: bytes) -> bytes:
        """Raises: InvalidTag of cryptography, for what was sealed with another key or for another owner."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner_id.bytes)


def new_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Write a secret as libraries of Standard Webhooks take it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature_of(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    return base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def signed_headers(
    secrets: Iterable[bytes], message_id: str, sent_at: datetime, body: bytes
) -> Mapping[str, str]:
    """Sign with each secret: while one follows the other, receivers may have either."""
    timestamp = str(int(sent_at.timestamp()))
    signatures = (f"v1,{signature_of(secret, message_id, timestamp, body)}" for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
