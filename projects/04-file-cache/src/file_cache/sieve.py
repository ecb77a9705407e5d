"""Which entries go when room is needed: SIEVE.

Entries stand in the order in which they were stored. A hand goes from the oldest to the newest. An entry
that was read since the hand was there last is spared, and the mark of its reading is taken away; one that
was not goes. The hand stays where it is, and goes on from there. So what nobody reads again goes soon,
however much of it comes: a backup that walks through everything does not push out what is in use, as it
would with LRU.

Nothing is kept in memory for an entry. Its place is the file's time of modification, whose last nanosecond
is the mark: all processes share it, and it outlives them. A mark costs one system call, at the first hit of
an entry.
Source: Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024.
"""

import heapq
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from file_cache.entry_files import EntryFiles
from file_cache.entry_format import MARK

# Of one look through all files so many are kept: 1 MB, whatever the number of entries.
LOOKED_AHEAD: Final = 4096


class Candidate(NamedTuple):
    """A file, as it was seen."""

    place_ns: int
    path: str


class Sieve:
    """The hand of one process."""

    def __init__(self, files: EntryFiles) -> None:
        self._files = files
        self._hand_ns = -1
        self._ahead: deque[Candidate] = deque()

    def evict(self, is_enough: Callable[[], bool]) -> int:
        """Remove entries until that is enough, or none is left; return how many have gone.

        One caller at a time.
        """
        evicted = 0
        while not is_enough():
            candidate = self._next()
            if candidate is None:
                break
            evicted += self._judge(candidate)
        return evicted

    def _next(self) -> Candidate | None:
        if not self._ahead:
            self._ahead.extend(self._look(self._hand_ns))
        if not self._ahead and self._hand_ns >= 0:
            self._hand_ns = -1  # from the newest on to the oldest
            self._ahead.extend(self._look(self._hand_ns))
        return self._ahead.popleft() if self._ahead else None

    def _look(self, after_ns: int) -> list[Candidate]:
        found = (one for one in self._all() if one.place_ns > after_ns)
        return heapq.nsmallest(LOOKED_AHEAD, found)

    def _all(self) -> Iterator[Candidate]:
        for folder in self._files.folders():
            with os.scandir(folder) as entries:
                for entry in entries:
                    place_ns = place_of(Path(entry.path))
                    if place_ns is not None:
                        yield Candidate(place_ns & ~MARK, entry.path)

    def _judge(self, candidate: Candidate) -> bool:
        """Spare the entry or remove it, and say whether it has gone."""
        path = Path(candidate.path)
        self._hand_ns = candidate.place_ns
        with self._files.locked():
            place_ns = place_of(path)
            if place_ns is None or place_ns & ~MARK != candidate.place_ns:
                return False  # gone, or replaced meanwhile: what is new has its place at the end
            if place_ns & MARK:
                os.utime(path, ns=(candidate.place_ns, candidate.place_ns))
                return False
            self._files.unlink(path)
            return True


def place_of(path: Path) -> int | None:
    """Return where a file stands, with its mark; None if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
