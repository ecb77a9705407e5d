"""An audit trail as a tenant sees it, and what its owner can do to it in PostgreSQL."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kata.steps import as_object, describe_answer, expect

from .saas import API, OK, Home, Json, Site, as_json, objects

VERIFIER = Path(__file__).parents[1] / "apps" / "verify_audit.py"
GENESIS = bytes(32)


@dataclass(frozen=True)
class Row:
    """A row of audit_entries."""

    seq: int
    text: bytes
    prev: bytes
    hash: bytes

    def signed(self) -> "Row":
        """Put the hash right, as a forger would."""
        return replace(self, hash=hashlib.sha256(self.prev + self.text).digest())


type Spoil = Callable[[list[Row]], list[Row]]


def linked(rows: Sequence[Row]) -> list[Row]:
    """Put all hashes right, so that the chain holds."""
    done: list[Row] = []
    for row in rows:
        done.append(replace(row, prev=done[-1].hash if done else GENESIS).signed())
    return done


def rows_of(site: Site, home: Home) -> list[Row]:
    with site.service.postgres.connect() as connection:
        found = connection.execute(
            "SELECT seq, bytes, prev, hash FROM audit_entries WHERE tenant_id = %s ORDER BY seq", [home.id]
        )
        return [
            Row(int(str(seq)), *(part if isinstance(part, bytes) else b"" for part in parts))
            for seq, *parts in found
        ]


def grown(rows: list[Row], count: int) -> list[Row]:
    """Return a trail that was written on: its last entry, again and again, with other numbers."""
    last = rows[-1]
    more = (
        replace(last, seq=seq, text=re.sub(rb'("seq": ?)\d+', rb"\g<1>%d" % seq, last.text))
        for seq in range(last.seq + 1, last.seq + 1 + count)
    )
    return linked([*rows, *more])


def put_rows(site: Site, home: Home, rows: Sequence[Row]) -> None:
    """Replace a trail, as whoever owns the database can."""
    with site.service.postgres.connect() as connection, connection.transaction():
        connection.execute("DELETE FROM audit_entries WHERE tenant_id = %s", [home.id])
        connection.cursor().executemany(
            "INSERT INTO audit_entries (tenant_id, seq, bytes, prev, hash) VALUES (%s, %s, %s, %s, %s)",
            [(home.id, row.seq, row.text, row.prev, row.hash) for row in rows],
        )


def entries_of(home: Home, limit: int) -> list[Json]:
    """Read a trail page by page, and return it with the oldest first."""
    entries: list[Json] = []
    cursor: object = None
    while True:
        query = f"?limit={limit}" + ("" if cursor is None else f"&cursor={cursor}")
        answer = home.http.get(f"{home.path}/audit{query}")
        expect(answer.status == OK, expected="200 for a page of the trail", got=describe_answer(answer))
        page = as_object(answer)
        entries += objects(page.get("items"))
        cursor = page.get("next_cursor")
        if cursor is None:
            return entries[::-1]


def verdict_of(home: Home) -> Json:
    answer = home.http.get(f"{home.path}/audit/verify")
    expect(answer.status == OK, expected="200 for a verification", got=describe_answer(answer))
    return as_object(answer)


def checkpoint_of(home: Home) -> Json:
    answer = home.http.get(f"{home.path}/audit/checkpoint")
    expect(answer.status == OK, expected="200 for a checkpoint", got=describe_answer(answer))
    return as_object(answer)


def export_of(home: Home) -> list[str]:
    answer = home.http.get(f"{home.path}/audit/export")
    expect(answer.status == OK, expected="200 for an export", got=describe_answer(answer))
    kind = (answer.header("content-type") or "").partition(";")[0]
    expect(kind == "application/x-ndjson", expected="application/x-ndjson", got=kind)
    return answer.text.splitlines()


def key_of(site: Site) -> str:
    """Return the public key, as anybody is shown it."""
    shown = as_object(site.service.client().get(f"{API}/audit/key"))
    seed = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(site.settings["AUDIT_KEY"]))
    key = base64.b64encode(seed.public_key().public_bytes_raw()).decode()
    wanted = {"algorithm": "Ed25519", "public_key": key}
    expect(shown == wanted, expected=f"the public key of AUDIT_KEY: {wanted}", got=shown)
    return key


def is_signed(checkpoint: Json, key: str) -> None:
    """Demand that a checkpoint is by the platform's key."""
    parts = [str(checkpoint.get(name)) for name in ("tenant", "seq", "head", "at")]
    signed = "".join(f"{line}\n" for line in ("capstone-audit", *parts))
    try:
        public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        public_key.verify(base64.b64decode(str(checkpoint.get("signature"))), signed.encode())
        is_right = True
    except (ValueError, InvalidSignature):
        is_right = False
    expect(is_right, expected="a signature of the served key over the five lines", got=checkpoint)


def followed(lines: Sequence[str]) -> list[Json]:
    """Demand that an export is a chain that holds, with a checkpoint of its end, and return what it says."""
    documents = [as_json(line.encode()) for line in lines]
    expect(bool(documents), expected="an export", got=lines)
    head, said = GENESIS.hex(), []
    for number, one in enumerate(documents[:-1], 1):
        text = str(one.get("entry"))
        digest = hashlib.sha256(bytes.fromhex(head) + text.encode()).hexdigest()
        wanted = {"seq": number, "prev": head, "hash": digest}
        got = {name: one.get(name) for name in wanted}
        expect(got == wanted, expected=f"entry {number} of a chain: {wanted}", got=got)
        head = digest
        said.append(as_json(text.encode()))
    last = documents[-1].get("checkpoint")
    checkpoint = last if isinstance(last, dict) else {}
    got = {name: checkpoint.get(name) for name in ("seq", "head")}
    wanted = {"seq": len(said), "head": head}
    expect(got == wanted, expected=f"a checkpoint at the end: {wanted}", got=documents[-1])
    return said


def judged(export: Sequence[str], key: str, kept: Sequence[Json]) -> tuple[int, str]:
    """Have the offline verifier look at an export and at what was kept; return its exit code and words."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("export", "kept")]
        paths[0].write_text("".join(f"{line}\n" for line in export))
        paths[1].write_text("".join(f"{json.dumps(one)}\n" for one in kept))
        command = [sys.executable, str(VERIFIER), str(paths[0]), "--key", key, "--checkpoint", str(paths[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stdout + done.stderr
