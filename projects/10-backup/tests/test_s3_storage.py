"""What only happens to a bucket; what it has in common with a folder, the features show."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.bucket import Access, Bucket
from backup.domain import Manifest, Marks, Reason
from backup.errors import StorageFullError, UnknownVersionError, VersionExistsError
from backup.s3_storage import S3Storage
from backup.storage import FolderStorage
from backup.ulid import ulid
from kata.servers.s3 import EmbeddedS3

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DUMP = "database.dump.zst"

type Opened = Callable[[str], S3Storage]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedS3]:
    server = EmbeddedS3(tmp_path_factory.mktemp("s3"))
    server.start()
    server.make_bucket("versions")
    yield server
    server.kill()


@pytest.fixture
def opened(server: EmbeddedS3, tmp_path: Path) -> Opened:
    """Open the storage of this test from a machine of this name."""

    def storage(machine: str) -> S3Storage:
        endpoint = f"http://127.0.0.1:{server.port}"
        access = Access("versions", tmp_path.name, endpoint, "us-east-1", "key", "secret")
        opened = S3Storage(Bucket(access), FolderStorage(tmp_path / machine, "shop"), 10_000)
        opened.prepare()
        return opened

    return storage


def stored(storage: S3Storage, version_id: str | None = None, size_bytes: int = 4) -> str:
    version_id = version_id or ulid(MOMENT)
    with storage.draft(version_id) as draft:
        with draft.file(DUMP) as file:
            file.write(b"d" * size_bytes)
        draft.complete(Manifest(1, version_id, "shop", MOMENT, Reason.REQUEST, {}, "", [file.stored], None))
    return version_id


def test_what_a_killed_process_has_uploaded_is_removed_by_its_own_machine_alone(
    server: EmbeddedS3, opened: Opened, tmp_path: Path
) -> None:
    storage = opened("one")
    name = f"20260102T030405Z-{ulid(MOMENT)}"
    server.write("versions", f"{tmp_path.name}/shop/{name}/{DUMP}", b"half")
    (storage.folder / "drafts" / name).mkdir()
    opened("two").remove_abandoned()
    assert server.keys("versions", tmp_path.name) == [f"{tmp_path.name}/shop/{name}/{DUMP}"]
    storage.remove_abandoned()
    assert server.keys("versions", tmp_path.name) == []
    assert list((storage.folder / "drafts").iterdir()) == []


def test_a_version_that_was_complete_when_its_process_died_stays(opened: Opened) -> None:
    storage = opened("one")
    version_id = stored(storage)
    (storage.folder / "drafts" / f"20260102T030405Z-{version_id}").mkdir()
    storage.remove_abandoned()
    assert storage.find(version_id).manifest is not None


def test_a_version_that_is_there_is_not_overwritten(opened: Opened) -> None:
    version_id = stored(opened("one"))
    with pytest.raises(VersionExistsError):
        stored(opened("two"), version_id, 5)
    with opened("two").files_of(version_id) as folder:
        assert (folder / DUMP).read_bytes() == b"dddd"


def test_a_version_in_use_is_not_deleted(opened: Opened) -> None:
    storage = opened("one")
    version_id = stored(storage)
    with storage.used(version_id):
        assert not storage.delete(version_id)
    assert storage.delete(version_id)
    assert storage.versions() == []


def test_marks_are_seen_by_every_machine(opened: Opened) -> None:
    one, two = opened("one"), opened("two")
    version_id = stored(one)
    assert two.find(version_id).marks == Marks()
    one.mark(version_id, lambda _: Marks(is_pinned=True))
    assert two.find(version_id).marks == Marks(is_pinned=True)


def test_a_version_takes_as_much_as_is_left(opened: Opened) -> None:
    storage = opened("one")
    assert storage.room_bytes() == 10_000
    stored(storage)
    room = storage.room_bytes()
    assert room < 10_000
    with pytest.raises(StorageFullError):
        stored(storage, size_bytes=room + 1)
    assert storage.room_bytes() == room


@pytest.mark.parametrize("version_id", ["", "x", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01KDYAK348Q8NEEDM9Q2K10TXG"])
def test_what_is_not_there_is_unknown(opened: Opened, version_id: str) -> None:
    with pytest.raises(UnknownVersionError):
        opened("one").find(version_id)
