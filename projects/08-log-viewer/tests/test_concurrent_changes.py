"""A log that is written and rotated while it is read: what no feature can hold at the right moment."""

import os
import threading
from pathlib import Path

from log_viewer.filters import Filter
from log_viewer.service import LogService

LINES = 6000


def write(path: Path) -> None:
    """Write numbered lines, in several parts each, and rotate by renaming now and then."""
    for turn in range(6):
        with path.open("wb", buffering=0) as file:
            for number in range(turn * LINES // 6, (turn + 1) * LINES // 6):
                line = b"2026-01-01T00:00:00Z line %d\n" % number
                file.write(line[:9])
                file.write(line[9:])
        for old in range(turn, 0, -1):
            os.rename(f"{path}.{old}", f"{path}.{old + 1}")  # noqa: PTH104 - the names are text
        if turn < 5:
            path.rename(f"{path}.1")


def test_a_reader_that_follows_the_cursors_meets_each_line_once(tmp_path: Path, service: LogService) -> None:
    path = tmp_path / "app.log"
    path.touch()
    stream_id = service.streams()[0].id
    writer = threading.Thread(target=write, args=(path,))
    found: list[bytes] = []
    cursor: str | None = None
    writer.start()
    while writer.is_alive() or len(found) < LINES:
        page = service.forward(stream_id, Filter(), cursor, 50)
        found += [item.dated.entry.raw for item in page.items]
        cursor = page.next_cursor or page.tail_cursor
    writer.join()
    assert found == [b"2026-01-01T00:00:00Z line %d" % number for number in range(LINES)]
