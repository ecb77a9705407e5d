"""The snapshot on the disk: whole, or not at all."""

from pathlib import Path

import pytest

from flags.kills import Kill
from flags.ruleset import FLAG, Ref, Snapshot
from flags.snapshots import FILE, SnapshotFile, read, written

SNAPSHOT = Snapshot("0123abcd", 7, 3, 12.5, {Ref(FLAG, "tea"): {"key": "tea", "n": 1.0}})
KILLS = [Kill("1", "tea", "ann", 100.0, 7)]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = SnapshotFile(tmp_path / "new" / "folder")
    file.save(SNAPSHOT, KILLS)
    loaded = file.load()
    assert loaded is not None
    assert loaded[:2] == (SNAPSHOT, KILLS)
    assert 0 <= loaded[2] < 60
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [FILE]


@pytest.mark.parametrize("place", [0, 10, 70, -1])
def test_a_changed_byte_makes_it_useless(tmp_path: Path, place: int) -> None:
    SnapshotFile(tmp_path).save(SNAPSHOT, KILLS)
    content = bytearray((tmp_path / FILE).read_bytes())
    content[place] ^= 1
    (tmp_path / FILE).write_bytes(content)
    assert SnapshotFile(tmp_path).load() is None


@pytest.mark.parametrize("content", [b"", b"\n", b"{}"])
def test_what_is_no_snapshot_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert SnapshotFile(tmp_path).load() is None
    assert SnapshotFile(tmp_path / "nowhere").load() is None


def test_a_folder_that_cannot_be_written_hurts_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    SnapshotFile(tmp_path / "file").save(SNAPSHOT, KILLS)


def test_bytes_of_another_shape_are_refused() -> None:
    assert read(written(SNAPSHOT)) == (SNAPSHOT, [])
    with pytest.raises(ValueError, match="KeyError"):
        read(b"{}")
