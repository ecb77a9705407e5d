import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup.domain import Manifest, Marks, Reason
from backup.errors import StorageFailedError, StorageFullError, UnknownFileError, UnknownVersionError
from backup.storage import FolderStorage
from backup.ulid import ulid

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def stored(storage: FolderStorage, content: bytes = b"dump") -> str:
    version_id = ulid(MOMENT)
    with storage.draft(version_id) as draft:
        with draft.file("database.dump.zst") as file:
            file.write(content)
        draft.complete(Manifest(1, version_id, "shop", MOMENT, Reason.REQUEST, {}, "", [file.stored], None))
    return version_id


@pytest.mark.parametrize("database", ["shop", "..", ".", "a/b", "é", "%2E", "x" * 63])
def test_each_database_has_a_folder_of_its_own_below_the_root(tmp_path: Path, database: str) -> None:
    storage = FolderStorage(tmp_path, database)
    assert storage.folder.parent == tmp_path
    assert storage.folder.name not in {".", ".."}
    storage.prepare()
    version_id = stored(storage)
    assert storage.folder_of(version_id).name == f"20260102T030405Z-{version_id}"


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "shop")

    def fail() -> None:
        with storage.draft(ulid(MOMENT)) as draft, draft.file("database.dump.zst"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [entry.name for entry in storage.folder.iterdir()] == ["incoming"]


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(errno.ENOSPC, StorageFullError), (errno.EDQUOT, StorageFullError), (errno.EIO, StorageFailedError)],
)
def test_a_disk_that_refuses_has_a_code(tmp_path: Path, number: int, wanted: type[Exception]) -> None:
    storage = FolderStorage(tmp_path, "shop")

    def fail() -> None:
        with storage.draft(ulid(MOMENT)):
            raise OSError(number, "no")

    with pytest.raises(wanted):
        fail()


def test_a_version_takes_as_much_as_is_left_and_no_byte_more(tmp_path: Path) -> None:
    stored(FolderStorage(tmp_path, "shop"))
    used = sum(path.stat().st_size for path in FolderStorage(tmp_path, "shop").folder.glob("*-*/*"))
    stored(FolderStorage(tmp_path, "shop", used + 10), b"x" * 10)
    used = sum(path.stat().st_size for path in FolderStorage(tmp_path, "shop").folder.glob("*-*/*"))
    with pytest.raises(StorageFullError):
        stored(FolderStorage(tmp_path, "shop", used + 9), b"x" * 10)


def test_the_room_can_be_told_while_versions_are_deleted(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "shop", 10**6)
    ids = [stored(storage) for _ in range(150)]

    def delete() -> None:
        for version_id in ids:
            storage.delete(version_id)

    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(delete)
        while not deleting.done():
            assert 0 < storage.room_bytes() <= 10**6
        deleting.result()
    assert storage.room_bytes() == 10**6


def test_what_is_read_or_written_is_neither_deleted_nor_removed(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "shop")
    version_id = stored(storage)
    with storage.used(version_id):
        assert not storage.delete(version_id)
    with storage.draft(ulid(MOMENT)) as draft:
        storage.remove_abandoned()
        assert draft.folder.exists()
    assert storage.delete(version_id)
    assert storage.versions() == []


def test_what_nobody_writes_any_more_is_removed(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "shop")
    version_id = stored(storage)
    abandoned = storage.folder / f"20260102T030405Z-{ulid(MOMENT)}"
    abandoned.mkdir()
    storage.remove_abandoned()
    assert not abandoned.exists()
    assert storage.find(version_id).manifest is not None


def test_marks_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path, "shop")
    version_id = stored(storage)
    storage.mark(version_id, lambda _: Marks(is_pinned=True))
    assert storage.find(version_id).marks == Marks(is_pinned=True)
    (storage.folder_of(version_id) / "marks.json").write_text("{")
    assert storage.find(version_id).marks == Marks()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\0b", "nothing", "link"])
def test_only_a_file_of_the_folder_is_imported(tmp_path: Path, name: str) -> None:
    storage = FolderStorage(tmp_path, "shop")
    storage.prepare()
    (storage.folder / "x").write_text("")
    (storage.folder / "incoming" / "link").symlink_to(storage.folder / "x")
    with pytest.raises(UnknownFileError):
        storage.incoming(name)


def test_an_unknown_version_is_none(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersionError):
        FolderStorage(tmp_path, "shop").find(ulid(MOMENT))
