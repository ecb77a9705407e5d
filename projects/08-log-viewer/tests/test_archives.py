"""Archives that ask for more than they are."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
from backports import zstd

from log_viewer.filters import Filter
from log_viewer.service import LogService

MEBIBYTE = 1024 * 1024
LINES = [b"2026-01-01T00:00:%02dZ line %d" % (number % 60, number) for number in range(20_000)]


@pytest.mark.parametrize(("direction", "mebibytes"), [("forward", 100), ("backward", 50)])
def test_a_bomb_takes_little_memory(
    tmp_path: Path, service: LogService, direction: str, mebibytes: int
) -> None:
    (tmp_path / "bomb.log.gz").write_bytes(gzip.compress(b"\0" * mebibytes * MEBIBYTE))
    stream_id = service.streams()[0].id
    read = service.backward if direction == "backward" else service.forward
    tracemalloc.start()
    page = read(stream_id, Filter(), None, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(page.items) == 1
    assert peak < 40 * MEBIBYTE


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_archive_of_megabytes_is_read_both_ways(tmp_path: Path, service: LogService, suffix: str) -> None:
    data = b"".join(line + b"\n" for line in LINES)
    packed = gzip.compress(data) if suffix == ".gz" else zstd.compress(data)
    (tmp_path / f"app.log.1{suffix}").write_bytes(packed)
    stream_id = service.streams()[0].id
    found: list[bytes] = []
    cursor: str | None = None
    while True:
        page = service.backward(stream_id, Filter(), cursor, 5000)
        found = [*(item.dated.entry.raw for item in page.items), *found]
        cursor = page.previous_cursor
        if cursor is None:
            break
    assert found == LINES
