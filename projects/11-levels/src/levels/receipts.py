"""Receipts: what a run has shown, in a form that anybody can run again and nobody can make up.

A receipt is JSON in its canonical form (RFC 8785), signed with Ed25519. Each names the SHA-256 of the one
before it in the learner's chain, so that none can be changed, left out or put in later: not even by who owns
the database, for the key is not in there.
"""

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from levels.domain import Head, Json, Learner, LevelReport, Link, Run, Trust, Verdict

VERSION: Final = 1


def canonical(value: Json) -> str:
    """Return the one form in which a value is signed.

    Receipts have no fractions and no names beyond ASCII, so that sorting by code points is all there is to
    it. Source: RFC 8785, sections 3.2.2 and 3.2.3.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises: ValueError."""
    return base64.urlsafe_b64decode(f"{text}==")


class Signer:
    """Holds the key that receipts are signed with."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.key = encode(private_key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        return self._private_key.sign(text.encode())


def read_signer(path: Path) -> Signer:
    """Read a key: PKCS#8 in PEM, without a password. Raises: ValueError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("it holds no key that can be read") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it holds a key, and not one for Ed25519")  # noqa: TRY004 - a value of a setting
    return Signer(key)


def make_key_file(path: Path) -> None:
    """Make a key where there is none. Two who do so at once end up with the same."""
    made = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileExistsError):
        if path.exists():
            return
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            key = Ed25519PrivateKey.generate()
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.hardlink_to(made)
    made.unlink()


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose word a receipt is: a key, without which there are none, and how far it can be trusted."""

    signer: Signer | None
    trust: Trust

    def issue(
        self, run: Run, learner: Learner, levels: Iterable[LevelReport], head: Head, passed_at: datetime
    ) -> Link | None:
        """Make the receipt of a run that has passed, the next in the learner's chain."""
        if self.signer is None:
            return None
        steps = {stage.level_id: stage.step for stage in run.stages}
        statement: dict[str, Json] = {
            "version": VERSION,
            "number": head.number + 1,
            "previous": head.digest,
            "user_id": str(learner.id),
            "learner": learner.name,
            "run_id": str(run.id),
            "project": run.stages[-1].project,
            "track_id": run.track_id,
            "level_id": run.level_id,
            "seed": run.seed,
            "trust": self.trust,
            "passed_at": passed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "key": self.signer.key,
            "levels": [_level(level, steps[level.level_id]) for level in levels],
        }
        text = canonical(statement)
        return Link(head.number + 1, run.id, text, self.signer.sign(text))


def _level(level: LevelReport, step: int) -> Json:
    checks: list[Json] = [
        {"id": check.id, "verdict": check.verdict or Verdict.NOT_RUN, "draws": check.draws}
        for check in level.checks
    ]
    return {
        "level_id": level.level_id,
        "step": step,
        "contract": level.contract,
        "solution": level.solution,
        "checks": checks,
    }


def statement_of(text: str, signature: bytes, keys: Collection[str]) -> Mapping[str, Json] | None:
    """Return what a receipt says; None: it is not signed by one of these keys, or not in this form."""
    try:
        statement = json.loads(text)
        key = statement["key"]
        Ed25519PublicKey.from_public_bytes(decode(key)).verify(signature, text.encode())
    except (InvalidSignature, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_one = isinstance(statement, dict) and key in keys and canonical(statement) == text
    return statement if is_one else None


@dataclass(slots=True)
class Chain:
    """Receipts of one learner, checked one after the other."""

    user_id: UUID
    keys: Collection[str]
    head: Head = field(default_factory=Head)

    def takes(self, link: Link) -> bool:
        """Tell whether a receipt is what was signed, and the next one; then it is the head."""
        statement = statement_of(link.text, link.signature, self.keys)
        number = self.head.number + 1
        place = (number, self.head.digest, str(self.user_id), str(link.run_id))
        if statement is None or link.number != number:
            return False
        if tuple(statement.get(name) for name in ("number", "previous", "user_id", "run_id")) != place:
            return False
        self.head = Head(number, digest_of(link.text))
        return True
