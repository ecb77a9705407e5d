"""Reads a page of a stream, forward or backward, and keeps account of what it has read."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from log_viewer.budget import Budget
from log_viewer.counting import Counting
from log_viewer.coverage import Coverage, FileCoverage, Reason
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated, Entry
from log_viewer.filters import Filter
from log_viewer.histogram import Histogram
from log_viewer.index import MOST_AT_ONCE
from log_viewer.positions import Place
from log_viewer.runs import learn_times
from log_viewer.search import Gap, Step, TextSearch
from log_viewer.segments import CHUNK_BYTES
from log_viewer.stretches import Stretch


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the file that it is in."""

    segment: int
    dated: Dated


class Scan:
    """One reading of a stream: what was found, unless a histogram counts it, and the account of it."""

    def __init__(
        self,
        files: Sequence[DatedFile],
        wanted: Filter,
        budget: Budget,
        histogram: Histogram | None = None,
    ) -> None:
        self._histogram = histogram
        self._files = files
        self._wanted = wanted
        self._budget = budget
        self._has_read = False
        self.coverage = Coverage()
        self.found: list[Found] = []

    def forward(self, start: Place, limit: int) -> Place:
        """Read on from a place, until there are enough entries, the budget is spent, or the stream ends."""
        return self._walk(start, limit, self._file_forward, range(start.segment, len(self._files)))

    def backward(self, start: Place | None, limit: int) -> Place:
        """Read back from a place, or from the end. What is found is in the order of the file."""
        first = start.segment if start is not None else len(self._files) - 1
        place = self._walk(start, limit, self._file_backward, range(first, -1, -1))
        self.found.reverse()
        return place

    def _walk(
        self, start: Place | None, limit: int, read: Callable[[int, int | None, int], int], order: range
    ) -> Place:
        place = start or Place(0, 0)
        for number in order:
            if not self._files[number].learn_years(self._budget):
                self.coverage.stopped_by = "budget"
                break
            offset = start.offset if start is not None and number == start.segment else None
            place = Place(number, read(number, offset, limit))
            if self.coverage.stopped_by:
                break
        return place

    def _file_forward(self, number: int, offset: int | None, limit: int) -> int:
        file = self._files[number]
        place = offset or 0
        for start, end in self._spans(file, place, None):
            if start > place:
                self._account(number).skip(place, start, "other_times")
            for step in self._steps(file, max(start, place), end):
                entry = step.entry if isinstance(step, Dated) else step
                if end is not None and entry.start >= end:
                    break
                if isinstance(entry, Entry) and not entry.is_ended and (reason := unfinished(file)):
                    self._account(number).skip(entry.start, entry.end, reason)
                    return place
                if self._is_over(limit):
                    return entry.start
                self._look_at(number, step)
                place = entry.end
            if end is not None:
                place = end
        if file.segment.damage:
            self._account(number).skip(place, place, file.segment.damage)
        return place

    def _file_backward(self, number: int, offset: int | None, limit: int) -> int:
        file = self._files[number]
        end = passed = offset if offset is not None else self._end(number)
        for low, high in reversed(list(self._spans(file, 0, end))):
            place = end if high is None else min(high, end)
            if place < passed:
                self._account(number).skip(place, passed, "other_times")
            for step in self._search(file).backward(place, low):
                if self._is_over(limit):
                    return place
                self._look_at(number, step)
                place = step.start if isinstance(step, Gap) else step.entry.start
            passed = low
        if passed > 0:
            self._account(number).skip(0, passed, "other_times")
        return 0

    def _end(self, number: int) -> int:
        """Return where reading a file backward begins: at what is whole."""
        file = self._files[number]
        end = whole = file_end(file)
        if reason := unfinished(file):
            whole = whole_lines_end(file, end)
            if whole < end or reason != "unfinished_line":
                self._account(number).skip(whole, end, reason)
        return whole

    def _spans(self, file: DatedFile, start: int, end: int | None) -> Iterator[tuple[int, int | None]]:
        """Yield which parts of a file to read: without a range of time it is the rest of it."""
        wanted = self._wanted
        # To learn more than may be read would cost it all, and find nothing: reading on does both.
        is_too_much = file.unknown_bytes > self._budget.bytes_left
        if not wanted.has_range or is_too_much or not learn_times(file, self._budget):
            yield start, end
            return
        limit = file.indexed_bytes if end is None else min(end, file.indexed_bytes)
        # A page wants few entries; a histogram wants all, and whole mebibytes of them at once.
        most_at_once = MOST_AT_ONCE if self._histogram is None else sys.maxsize
        for low, high in file.spans(wanted.since, wanted.until, most_at_once):
            if start < high and low < limit:
                yield max(low, start), min(high, limit)
        if end is None or end > limit:  # a last line that is not ended is in no index
            yield max(limit, start), end

    def _search(self, file: DatedFile) -> TextSearch:
        return TextSearch(file, self._wanted.text, self._budget)

    def _steps(self, file: DatedFile, offset: int, stop: int | None) -> Iterator[Step | Stretch]:
        if self._histogram is None or self._wanted.looks_into_texts:
            return self._search(file).forward(offset, stop)
        return Counting(file, self._wanted, self._histogram.width, self._budget).forward(offset, stop)

    def _look_at(self, number: int, step: Step | Stretch) -> None:
        account = self._account(number)
        self._has_read = True
        if isinstance(step, Stretch):
            account.add(step.start, step.end)
            self.coverage.undated += step.undated
            self.coverage.late += step.late
            self._budget.spend(step.end - step.start)
            if self._histogram is not None:
                self._histogram.add_stretch(step, self._wanted.levels)
            return
        if isinstance(step, Gap):
            account.skip(step.start, step.end, "other_text")
            self._budget.spend(step.end - step.start)
            return
        dated, entry = step, step.entry
        self._files[number].observe(dated)
        kept = entry.start + len(entry.raw) if entry.is_cut else entry.end
        account.add(entry.start, kept)
        if entry.is_cut:
            account.skip(kept, entry.end, "entry_limit")
        self.coverage.undated += dated.instant is None
        self.coverage.late += dated.is_late
        self._budget.spend(entry.end - entry.start)
        if not self._wanted.accepts(dated):
            return
        if self._histogram is not None:
            self._histogram.add(dated)
        else:
            self.found.append(Found(number, dated))

    def _is_over(self, limit: int) -> bool:
        if len(self.found) >= limit:
            self.coverage.stopped_by = "limit"
        elif self._budget.is_spent and self._has_read:  # without progress it would be asked for ever
            self.coverage.stopped_by = "budget"
        return self.coverage.stopped_by is not None

    def _account(self, number: int) -> FileCoverage:
        account = self.coverage.files.get(number)
        if account is None:
            account = self.coverage.files[number] = FileCoverage(self._files[number].segment.file.name)
        return account


def unfinished(file: DatedFile) -> Reason | None:
    """Tell why a last line without a line break is none: it is being written, or the rest of it is lost."""
    return file.segment.damage or ("unfinished_line" if file.is_live else None)


def file_end(file: DatedFile) -> int:
    """Return where a file ends: the size of a compressed one is only known when it was read."""
    segment = file.segment
    if segment.size_bytes is not None:
        return segment.size_bytes
    offset = 0
    while chunk := segment.read(offset, CHUNK_BYTES):
        offset += len(chunk)
    return offset


def whole_lines_end(file: DatedFile, end: int) -> int:
    """Return where the last line ends that has a line break."""
    while end > 0:
        start = max(end - CHUNK_BYTES, 0)
        position = file.segment.read(start, end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
