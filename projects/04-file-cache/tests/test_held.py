"""What is held in memory is given out for as long as its file is what was read, whoever changes it."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from file_cache.bodies import Found
from file_cache.domain import Draft, Freshness, Metadata
from file_cache.library import FileCache
from file_cache.memory import Memory

MEGABYTE = 1024 * 1024


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FileCache]:
    with FileCache(tmp_path, cleanup_seconds=None) as made:
        yield made


@pytest.fixture
def other(tmp_path: Path) -> Iterator[FileCache]:
    """Open the same folder as another process would."""
    with FileCache(tmp_path, cleanup_seconds=None) as made:
        yield made


def entry_of(folder: Path) -> Path:
    (path,) = (path for path in (folder / "trusted").rglob("*") if path.is_file())
    return path


def test_it_is_got_without_reading_its_file(cache: FileCache) -> None:
    cache.set("key", b"value")
    assert cache.get("key") == b"value"
    before = reads()
    between = reads()
    assert cache.get("key") == b"value"
    assert reads() - between == between - before


def reads() -> int:
    """Return how many reads this process has made."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["syscr"])


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda other, _: other.set("key", b"other"), b"other"),
        (lambda other, _: other.set("key", "of another type"), "of another type"),
        (lambda other, _: other.delete("key"), None),
        (lambda other, _: other.clear(), None),
        (lambda other, _: other.touch("key", 0), None),
        (lambda other, _: other.invalidate("group"), None),
        (lambda _, path: path.unlink(), None),
        (lambda _, path: path.write_bytes(path.read_bytes()[:-1] + b"!"), None),
    ],
    ids=[
        "replaced",
        "replaced by more",
        "deleted",
        "cleared",
        "expired",
        "invalidated",
        "removed",
        "flipped",
    ],
)
def test_a_change_by_another_process_is_seen(
    cache: FileCache,
    other: FileCache,
    tmp_path: Path,
    change: Callable[[FileCache, Path], object],
    wanted: object,
) -> None:
    cache.set("key", b"value", tags=["group"])
    assert [cache.get("key") for _ in range(3)] == [b"value"] * 3
    change(other, entry_of(tmp_path))
    assert cache.get("key") == wanted


def test_what_is_held_expires(cache: FileCache) -> None:
    cache.set("key", b"value", ttl_seconds=1)
    assert cache.get("key") == b"value"
    time.sleep(1.01)
    assert cache.get("key") is None


def test_a_caller_who_changes_a_value_changes_nobody_elses(cache: FileCache) -> None:
    cache.set("key", [1])
    for _ in range(3):
        value = cache.get("key")
        assert value == [1]
        assert isinstance(value, list)
        value.append(2)


def test_what_is_read_from_memory_is_spared_when_room_is_needed(tmp_path: Path) -> None:
    with FileCache(tmp_path, cleanup_seconds=None, budget_bytes=MEGABYTE) as cache:
        cache.set("in use", b"x")
        for number in range(400):
            assert cache.get("in use") == b"x"
            cache.set(f"nobody's {number}", os.urandom(20_000))
        assert cache.get("nobody's 0") is None


def test_it_holds_no_more_than_it_may(tmp_path: Path) -> None:
    memory = Memory(1000)
    path = tmp_path / "file"
    path.write_bytes(b"x")
    state = path.stat()
    file = state.st_ino, state.st_mtime_ns, state.st_size
    metadata = Metadata(Draft(b"", Freshness(1), ""), 0, b"", 0)
    for size in (125, 100, 125, 126):
        for number in (*range(20), *range(20)):
            memory.hold(b"%d" % number, str(path), Found(metadata, bytes(size), file))
        held = [found for number in range(20) if (found := memory.find(b"%d" % number))]
        assert sum(len(found.body) for found in held) <= 1000
        assert {len(found.body) for found in held} == {min(size, 125)}
        assert len(held) == 1000 // min(size, 125)


def test_of_a_circle_of_more_than_it_holds_some_are_found(tmp_path: Path) -> None:
    """Each time around the same: with the oldest always going none would be."""
    memory = Memory(1000)
    path = tmp_path / "file"
    path.write_bytes(b"x")
    state = path.stat()
    found = Found(
        Metadata(Draft(b"", Freshness(1), ""), 0, b"", 0),
        bytes(100),
        (state.st_ino, state.st_mtime_ns, state.st_size),
    )
    hits = 0
    for number in range(1200):
        key = b"%d" % (number % 12)
        if memory.find(key) is not None:
            hits += 1
        else:
            memory.hold(key, str(path), found)
    assert hits > 400
