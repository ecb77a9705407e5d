"""A file that was replaced is used again, and not while anybody reads it."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from file_cache.library import FileCache
from file_cache.spares import Spares

READER = """
import sys
with open(sys.argv[1], "rb") as file:
    sys.stdout.buffer.write(b"open")
    sys.stdout.flush()
    sys.stdin.read()
    sys.stdout.buffer.write(file.read(150_000))
"""


def entry_of(folder: Path) -> Path:
    (path,) = (path for path in (folder / "trusted").rglob("*") if path.is_file())
    return path


def test_a_file_that_was_replaced_is_the_next_upload(tmp_path: Path) -> None:
    with FileCache(tmp_path, cleanup_seconds=None) as cache:
        found = []
        for number in range(6):
            cache.set("key", bytes([number]) * (100_000 - number * 15_000))
            found.append(entry_of(tmp_path).stat().st_ino)
            assert cache.get("key") == bytes([number]) * (100_000 - number * 15_000)
    assert len(set(found)) == 2
    assert all(one != other for one, other in pairwise(found))


def test_a_file_that_is_read_goes_on_to_have_what_it_had(tmp_path: Path) -> None:
    with FileCache(tmp_path, cleanup_seconds=None) as cache:
        cache.set("key", b"old" * 50_000)
        with entry_of(tmp_path).open("rb") as reader:
            for _ in range(4):
                cache.set("key", b"new" * 50_000)
            assert reader.read(150_000) == b"old" * 50_000


def test_so_does_one_that_another_process_reads(tmp_path: Path) -> None:
    with FileCache(tmp_path, cleanup_seconds=None) as cache:
        cache.set("key", b"old" * 50_000)
        with subprocess.Popen(
            [sys.executable, "-c", READER, str(entry_of(tmp_path))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            assert reader.stdout.read(4) == b"open"
            for _ in range(4):
                cache.set("key", b"new" * 50_000)
            reader.stdin.close()
            assert reader.stdout.read() == b"old" * 50_000


def test_what_is_open_or_gone_is_no_spare(tmp_path: Path) -> None:
    spares, path = Spares(), tmp_path / "file"
    assert not spares.keep(str(path))
    path.write_bytes(b"value")
    with path.open("rb") as reader:
        assert not spares.keep(str(path))
        assert reader.read() == b"value"
    assert spares.keep(str(path))
    spare = spares.take()
    assert spare is not None
    os.close(spare.descriptor)
    assert spares.take() is None


def test_few_are_kept(tmp_path: Path) -> None:
    spares = Spares()
    kept = []
    for number in range(40):
        path = tmp_path / str(number)
        path.write_bytes(b"value")
        kept.append(spares.keep(str(path)))
    assert sum(kept) == 16
    spares.close()
