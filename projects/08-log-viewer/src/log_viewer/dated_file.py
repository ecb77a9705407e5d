"""A file whose entries have instants."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final

from log_viewer.budget import Budget
from log_viewer.entries import Dated, Entry, next_start, previous_start, read_entries, read_lines
from log_viewer.index import MOST_AT_ONCE, Block
from log_viewer.knowledge import Knowledge
from log_viewer.segments import Segment
from log_viewer.stretches import Run, Stretch
from log_viewer.timestamps import Clock, Stamp, read_stamp

_NEAR_BYTES: Final = 512
_KNOWN_FILES: Final = 512


class Library:
    """What is known of each file, the least recently asked for forgotten first."""

    def __init__(self, clock: Clock, limit_bytes: int) -> None:
        self.clock = clock
        self.limit_bytes = limit_bytes
        self._known: OrderedDict[tuple[int, ...], Knowledge] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, segment: Segment, *, is_live: bool) -> "DatedFile":
        """Open a file of a stream; a live one is still being written."""
        file = segment.file
        key: tuple[int, ...] = (file.device, file.inode)
        if file.compression is not None:
            key += (file.size_bytes, file.modified_ns)
        with self._lock:
            known = self._known.get(key)
        if known is None or not known.still_holds(segment):
            known = Knowledge(segment)
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            if len(self._known) > _KNOWN_FILES:
                self._known.popitem(last=False)
        return DatedFile(segment, known, self.clock, self.limit_bytes, is_live=is_live)


class DatedFile:
    """A file's entries with their instants."""

    def __init__(
        self, segment: Segment, known: Knowledge, clock: Clock, limit_bytes: int, *, is_live: bool
    ) -> None:
        self.is_live = is_live
        self.segment = segment
        self._known = known
        self._clock = clock
        self.limit_bytes = limit_bytes

    def learn_years(self, budget: Budget) -> bool:
        """Read on to where the years of a file without years are known. False if the budget did not last."""
        known = self._known
        if known.has_years:
            return True
        with known.lock:
            years = known.years
            for line in read_lines(self.segment, years.read_to):
                if not line.is_ended:
                    break
                if budget.is_spent:
                    return False
                stamp = read_stamp(line.text)
                if stamp is not None and not stamp.has_year:
                    years.observe(line.start, stamp)
                years.read_to = line.end
                budget.spend(line.end - line.start)
            first = years.date(self._clock, self.segment.file.modified_ns) and years.year_at(0)
            if first != known.first_year:
                known.date_anew(first)
        return True

    def observe(self, dated: Dated) -> None:
        """Take an entry that was read into the index, if it is the next."""
        self._known.observe(dated)

    def observe_runs(self, runs: Iterable[Run]) -> None:
        """Take entries that were counted into the index, if they are the next."""
        self._known.observe_runs(runs, self.segment)

    def stretch(self, start: int) -> Stretch | None:
        """Return what was counted from a place on, if the file still has it."""
        return self._known.stretch(start, self.segment)

    def keep(self, stretch: Stretch, end: int) -> None:
        """Keep what was counted up to where another entry begins."""
        stretch.close(end, self.segment)
        self._known.keep(stretch)

    def blocks(self) -> list[Block]:
        with self._known.lock:
            return self._known.index.blocks()

    def continues(self, entry: Entry) -> bool:
        """Tell whether what is read as an entry of its own is the rest of the one before it."""
        first_stamp = self._known.first_stamp
        return entry.stamp is None and first_stamp is not None and entry.start > first_stamp

    def spans(
        self, since: int | None, until: int | None, most_at_once: int = MOST_AT_ONCE
    ) -> Iterator[tuple[int, int]]:
        return self._known.index.spans(since, until, most_at_once)

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held by who learns of the file, so that nobody reads it twice for that."""
        return self._known.lock

    @property
    def first_stamp(self) -> int | None:
        return self._known.first_stamp

    @property
    def indexed_bytes(self) -> int:
        return self._known.index.end

    @property
    def unknown_bytes(self) -> int:
        """How much the index is behind; of a compressed file at least so much."""
        return max((self.segment.size_bytes or self.segment.file.size_bytes) - self._known.index.end, 0)

    def entries(self, offset: int) -> Iterator[Dated]:
        """Read entries from where one begins."""
        before = self.instant_before(offset)
        first_stamp = self._known.first_stamp
        for entry in read_entries(self.segment, offset, first_stamp, self.limit_bytes, is_live=self.is_live):
            instant = self.instant(entry.stamp, entry.start)
            if instant is None:
                instant = before if before is not None else self._first_instant()
                yield Dated(entry, instant, is_late=False)
            else:
                yield Dated(entry, instant, is_late=before is not None and instant < before)
            before = instant

    def block_before(self, offset: int) -> Iterator[Dated] | None:
        """Read a block of entries that begin before an offset; None if there are none."""
        if offset <= 0:
            return None
        start = previous_start(self.segment, offset, self._known.first_stamp, self.segment.block_bytes)
        return self.entries_between(start, offset)

    def start_before(self, offset: int, low: int) -> int:
        """Return where an entry begins a little before an offset, and not before `low`, where one begins."""
        return previous_start(self.segment, offset, self._known.first_stamp, _NEAR_BYTES, low)

    def start_behind(self, offset: int, stop: int) -> int:
        """Return where the first entry begins behind an offset, or `stop`, where one begins."""
        return next_start(self.segment, offset, self._known.first_stamp, stop)

    def entries_between(self, start: int, offset: int) -> Iterator[Dated]:
        """Read the entries that begin from one place on, and before another."""
        for dated in self.entries(start):
            if dated.entry.start >= offset:
                return
            yield dated

    def year_between(self, start: int, end: int) -> int | None:
        """Return the year of the stamps between two offsets, 0 where they tell it; None where it turns."""
        return 0 if self._known.has_years else self._known.years.year_between(start, end)

    def instant(self, stamp: Stamp | None, start: int) -> int | None:
        known = self._known
        if stamp is None or stamp.has_year != known.has_years:
            return None
        try:
            return self._clock.instant(stamp, None if known.has_years else known.years.year_at(start))
        except (ValueError, OverflowError):
            return None

    def _first_instant(self) -> int | None:
        return self.instant(self._known.stamp, self._known.first_stamp or 0)

    def instant_before(self, offset: int) -> int | None:
        """Return the instant of the last stamp before an offset."""
        first_stamp = self._known.first_stamp
        if first_stamp is None or offset <= first_stamp:
            return None
        near = self._near_instant(offset)
        if near is not None:
            return near
        found = None
        for line in read_lines(self.segment, self.start_before(offset, 0)):
            if line.start >= offset:
                break
            instant = self.instant(read_stamp(line.text), line.start)
            found = found if instant is None else instant
        return found

    def _near_instant(self, offset: int) -> int | None:
        """Return the instant of the last stamp, if it is in the last few kilobytes before an offset."""
        start = max(offset - _NEAR_BYTES, 0)
        lines = self.segment.read(start, offset - start).split(b"\n")
        place = offset - len(lines.pop())
        for text in reversed(lines[0 if start == 0 else 1 :]):
            place -= len(text) + 1
            instant = self.instant(read_stamp(text), place)
            if instant is not None:
                return instant
        return None
