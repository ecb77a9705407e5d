"""What is learnt of a file, and kept as long as the file only grows."""

import threading
from collections.abc import Iterable
from typing import Final

from log_viewer.entries import Dated, read_lines
from log_viewer.index import Block, TimeIndex
from log_viewer.segments import Segment
from log_viewer.stretches import Run, Stretch
from log_viewer.timestamps import Stamp, read_stamp
from log_viewer.years import Years

# A file without a stamp in its first mebibyte is a file without stamps.
_HEAD_BYTES: Final = 1024 * 1024
_CHECKED_BYTES: Final = 256


class Knowledge:
    """What is known of one file: where its first stamp is, the turns of its years, which times are where."""

    def __init__(self, segment: Segment) -> None:
        self.lock = threading.RLock()
        self.head = segment.read(0, _CHECKED_BYTES)
        self._size_bytes, self._changed_ns = segment.file.size_bytes, segment.file.changed_ns
        self.first_stamp: int | None = None
        self.stamp: Stamp | None = None
        self.years = Years()
        self.first_year = 0
        self.index = TimeIndex()
        self._stretches: dict[int, Stretch] = {}
        self._tail = b""
        self._is_settled = False
        self._searched_to = 0
        self._find_first_stamp(segment)

    @property
    def has_years(self) -> bool:
        return self.stamp is None or self.stamp.has_year

    def still_holds(self, segment: Segment) -> bool:
        """Tell whether the file has only grown, and what was not found in it cannot be there now."""
        file = segment.file
        is_as_large = file.compression is None and file.size_bytes == self._size_bytes
        if is_as_large and file.changed_ns != self._changed_ns:
            return False  # written to, it may be, and not appended to; a copy may keep modified_ns
        self._size_bytes, self._changed_ns = file.size_bytes, file.changed_ns
        end = self.index.end - len(self._tail)
        return (
            (self._is_settled or not segment.read(self._searched_to, 1))
            and segment.read(0, len(self.head)) == self.head
            and segment.read(end, len(self._tail)) == self._tail
        )

    def observe(self, dated: Dated) -> None:
        """Take an entry into the index, if it is the next."""
        entry = dated.entry
        with self.lock:
            if entry.start == self.index.end and entry.is_ended:
                self.index.observe(entry.start, entry.end, dated.instant)
                self._tail = b"" if entry.is_cut else (entry.raw + b"\n")[-_CHECKED_BYTES:]

    def observe_runs(self, runs: Iterable[Run], segment: Segment) -> None:
        """Take the entries of runs into the index, if they are the next."""
        with self.lock:
            end = self.index.end
            for run in runs:
                if run.start == self.index.end:
                    self.index.add(Block(run.start, run.end, run.low, run.high, run.has_undated))
            if end != self.index.end:
                size = min(_CHECKED_BYTES, self.index.end)
                self._tail = segment.read(self.index.end - size, size)

    def stretch(self, start: int, segment: Segment) -> Stretch | None:
        """Return what was counted from a place on, if the file still has it."""
        stretch = self._stretches.get(start)
        return stretch if stretch is not None and stretch.still_holds(segment) else None

    def keep(self, stretch: Stretch) -> None:
        self._stretches[stretch.start] = stretch

    def date_anew(self, first_year: int) -> None:
        """Forget which times are where: the years have turned out to be others."""
        self.first_year = first_year
        self.index = TimeIndex()
        self._stretches = {}

    def _find_first_stamp(self, segment: Segment) -> None:
        for line in read_lines(segment, 0):
            stamp = read_stamp(line.text)
            if stamp is not None and line.is_ended:
                self.first_stamp, self.stamp = line.start, stamp
            if self.stamp is not None or line.end >= _HEAD_BYTES:
                self._is_settled = True
                return
            self._searched_to = line.end
