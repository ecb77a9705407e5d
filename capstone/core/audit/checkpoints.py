"""Checkpoints: where a chain ended at some moment, signed. Whoever has kept one can prove a rollback."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.audit.domain import Tail, moment


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a chain ended; `signature` is base64."""

    tenant: UUID
    seq: int
    head: str
    at: str
    signature: str


class Signer:
    """Has the platform's key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> str:
        """Return the raw public key in base64."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, tenant_id: UUID, tail: Tail, now: datetime) -> Checkpoint:
        """Sign five lines, each with its end: what this is, tenant, seq, head, at."""
        head, at = tail.head.hex(), moment(now)
        signed = f"capstone-audit\n{tenant_id}\n{tail.seq}\n{head}\n{at}\n"
        signature = base64.b64encode(self._key.sign(signed.encode())).decode()
        return Checkpoint(tenant_id, tail.seq, head, at, signature)
