"""Verify the export of an audit trail without the platform: it is one file, and asks nobody.

    python verify_audit.py export.ndjson --key PUBLIC_KEY [--checkpoint FILE ...]

A changed or removed entry shows by itself. That the end was cut off, or that an older state was put back,
shows by checkpoints that were kept: each FILE has one or more, a line of JSON each. It needs `cryptography`.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

type Json = Mapping[str, object]

GENESIS = bytes(32).hex()


@dataclass
class Trail:
    """What an export says, as far as it can be followed."""

    tenant: str | None = None
    heads: dict[int, str] = field(default_factory=lambda: {0: GENESIS})
    checkpoint: Json | None = None
    faults: list[str] = field(default_factory=list)


def read(lines: Sequence[str]) -> Trail:
    """Follow the chain of an export, up to the first number at which it does not hold."""
    trail = Trail()
    head = GENESIS
    for wanted, line in enumerate(lines, 1):
        document = json.loads(line)
        if "checkpoint" in document:
            trail.checkpoint = document["checkpoint"]
            if wanted != len(lines):
                trail.faults.append("there are lines behind the checkpoint")
            return trail
        reason = fault(document, wanted, head, trail)
        if reason:
            trail.faults.append(f"entry {wanted}: {reason}")
            return trail
        head = trail.heads[wanted] = document["hash"]
    trail.faults.append("there is no checkpoint at the end: the export is not complete")
    return trail


def fault(document: Json, wanted: int, head: str, trail: Trail) -> str | None:
    """Say what is wrong with an entry; None if it is the one that has to stand here."""
    text = str(document["entry"])
    said = json.loads(text)
    trail.tenant = trail.tenant or said["tenant"]
    if document["seq"] != wanted:
        return "missing"
    if document["hash"] != hashlib.sha256(bytes.fromhex(str(document["prev"])) + text.encode()).hexdigest():
        return "changed"
    if document["prev"] != head:
        return "does not follow the one before: that was changed"
    return None if (said["tenant"], said["seq"]) == (trail.tenant, wanted) else "misplaced"


def judge(trail: Trail, checkpoint: Json, key: Ed25519PublicKey) -> str | None:
    """Hold a trail to a checkpoint; None if it is as it was then."""
    tenant, seq, head, at = (checkpoint[name] for name in ("tenant", "seq", "head", "at"))
    name = f"checkpoint {seq} of {at}"
    try:
        signed = f"capstone-audit\n{tenant}\n{seq}\n{head}\n{at}\n"
        key.verify(base64.b64decode(str(checkpoint["signature"])), signed.encode())
    except (InvalidSignature, ValueError):
        return f"{name}: is not signed by this key"
    if trail.tenant not in {None, tenant}:
        return f"{name}: is another organisation's"
    last = max(trail.heads)
    if int(str(seq)) > last:
        return f"{name}: the trail ends at {last}: its end was cut off, or an older state was put back"
    if trail.heads[int(str(seq))] != head:
        return f"{name}: entry {seq} is another one: an older state was put back, and written on"
    return None


def checkpoints_of(paths: Sequence[Path]) -> Iterator[Json]:
    """Read the checkpoints that were kept, as they were answered or as they end an export."""
    for path in paths:
        for line in path.read_text().splitlines():
            document = json.loads(line)
            if "signature" in document or "checkpoint" in document:
                yield document.get("checkpoint", document)


def main() -> None:
    parser = argparse.ArgumentParser(description="Verify the export of an audit trail.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--key", required=True, help="the public key in base64, as it was served at first")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="what was kept")
    options = parser.parse_args()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(options.key))
    trail = read(options.export.read_text().splitlines())
    faults = list(trail.faults)
    kept = [trail.checkpoint] if trail.checkpoint else []
    if not faults:
        kept += checkpoints_of(options.checkpoint)
        faults += filter(None, (judge(trail, one, key) for one in kept))
    for one in faults:
        sys.stdout.write(f"{one}\n")
    if faults:
        raise SystemExit(1)
    sys.stdout.write(f"intact: {max(trail.heads)} entries of {trail.tenant}, {len(kept)} checkpoints hold\n")


if __name__ == "__main__":
    main()
