import json
from datetime import UTC, datetime

import pytest

from backup.domain import Manifest, Reason, StoredFile
from backup.errors import DamagedManifestError
from backup.manifests import digest, read, written

MANIFEST = Manifest(
    1,
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "shop é",
    datetime(2026, 1, 2, tzinfo=UTC),
    Reason.REQUEST,
    {"app": "2.3"},
    "pg_dump (PostgreSQL) 18.1",
    [StoredFile("database.dump.zst", 7, "ab" * 32)],
    None,
)


def test_what_is_written_is_read() -> None:
    assert read(written(MANIFEST)) == MANIFEST


def test_it_does_not_matter_how_it_is_laid_out() -> None:
    members = json.loads(written(MANIFEST))
    assert read(json.dumps(dict(reversed(members.items()))).encode()) == MANIFEST


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        written(MANIFEST)[:-3],
        written(MANIFEST).replace(b'"2.3"', b'"2.4"'),
        written(MANIFEST).replace(b'"size_bytes": 7', b'"size_bytes": 8'),
    ],
)
def test_what_is_not_as_written_is_damaged(text: bytes) -> None:
    with pytest.raises(DamagedManifestError):
        read(text)


def test_a_hash_of_something_that_is_no_manifest_makes_none() -> None:
    members = {"format": 1}
    text = json.dumps({**members, "sha256": digest(members)}).encode()
    with pytest.raises(DamagedManifestError):
        read(text)
