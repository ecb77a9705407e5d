"""Reads the entries of a file in runs of some kilobytes, for who wants to know when they are and how many."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from log_viewer.budget import Budget
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated
from log_viewer.index import BLOCK_BYTES
from log_viewer.stretches import MINUTE, Run
from log_viewer.timestamps import read_stamp
from log_viewer.uniform import UniformLines

# The kernel fills little memory again and again faster than much that is new: 195 MB a second, and not 160.
_WINDOW_BYTES: Final = 128 * 1024


class Runs:
    """The runs of one file. What was learnt of the form of its lines serves all who read on."""

    def __init__(self, file: DatedFile) -> None:
        self._file = file
        self._lines = UniformLines(file.instant)

    def read(self, place: int) -> Iterator[Run]:
        """Read from where an entry begins to where it is not known how one ends, or one is cut."""
        before = self._file.instant_before(place)
        window, start = b"", place
        while True:
            if start + len(window) < place + 2 * BLOCK_BYTES:
                window, start = self._file.segment.read(place, _WINDOW_BYTES), place
            block = _block(window, place - start)
            run = self._count(block, place, before) or self._look(place)
            if run is None:
                return
            yield run
            place, before = run.end, run.last

    def _count(self, block: bytes, place: int, before: int | None) -> Run | None:
        file = self._file
        year = file.year_between(place, place + len(block))
        if year is None or file.first_stamp is None or place < file.first_stamp:
            return None
        return self._lines.count(block, place, year, before) if len(block) <= file.limit_bytes else None

    def _look(self, place: int) -> Run | None:
        """Read a run entry by entry. The last one of a file may go on, and is in none."""
        entries: list[Dated] = []
        for dated in self._file.entries(place):
            if entries and (dated.entry.start - place >= BLOCK_BYTES or dated.entry.is_cut):
                break
            entries.append(dated)
        else:
            entries = entries[:-1]
        if not entries or entries[0].entry.is_cut:
            return None
        self._lines.learn(entries[-1].entry.first_line)
        return _run_of(entries)


def _block(window: bytes, start: int) -> bytes:
    """Return so much of a window as is surely whole entries; nothing if it is not known."""
    end = window.find(b"\n", start + BLOCK_BYTES - 1) + 1
    while end and (following := window.find(b"\n", end) + 1):
        if read_stamp(window[end:following]) is not None:
            return window[start:end]
        end = following
    return b""


def _run_of(entries: list[Dated]) -> Run:
    counts = Counter(
        (None if dated.instant is None else dated.instant // MINUTE, dated.level) for dated in entries
    )
    instants = [dated.instant for dated in entries if dated.instant is not None]
    return Run(
        entries[0].entry.start,
        entries[-1].entry.end,
        min(instants, default=None),
        max(instants, default=None),
        entries[-1].instant,
        sum(dated.is_late for dated in entries),
        counts,
        len(instants) < len(entries),
    )


def learn_times(file: DatedFile, budget: Budget) -> bool:
    """Bring the index of a file to its end. False if the budget did not last."""
    with file.lock:
        for run in Runs(file).read(file.indexed_bytes):
            if budget.is_spent:
                return False
            file.observe_runs([run])
            budget.spend(run.end - run.start)
        for dated in file.entries(file.indexed_bytes):
            if not dated.entry.is_ended:
                break
            if budget.is_spent:
                return False
            file.observe(dated)
            budget.spend(dated.entry.end - dated.entry.start)
    return True
