"""Reads the entries of a file that may have a text, and passes over the stretches that do not have its bytes.

To find bytes is far cheaper than to read entries. A stretch is passed over only from where one entry begins
to where another does: the rest of it, which may go on behind what was searched, is searched again with that.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from log_viewer.budget import Budget
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated
from log_viewer.segments import CHUNK_BYTES

# What is searched at once, between two looks at the clock.
WINDOW_BYTES: Final = 256 * 1024
# To begin to read entries anew costs about as much as to read so many bytes of them.
LEAST_GAP_BYTES: Final = 16 * 1024


class Gap(NamedTuple):
    """Whole entries that do not have the text."""

    start: int
    end: int


type Step = Dated | Gap


class TextSearch:
    """The entries of a file, without those that are known not to have a text. An empty text is in all."""

    def __init__(self, file: DatedFile, text: bytes, budget: Budget) -> None:
        self._file = file
        self._text = text
        self._budget = budget

    def forward(self, offset: int, stop: int | None) -> Iterator[Step]:
        """Read on from where an entry begins; nothing that begins behind `stop` is passed over."""
        if not self._text:
            yield from self._file.entries(offset)
            return
        read_to: int | None = offset
        while read_to is not None and (stop is None or offset < stop):
            start, read_to = self._ahead(offset, stop)
            if start - offset >= LEAST_GAP_BYTES:
                yield Gap(offset, start)
                offset = start
            if offset == read_to:
                continue
            for dated in self._file.entries(offset):
                if read_to is not None and dated.entry.start >= read_to:
                    break
                yield dated
                offset = dated.entry.end

    def _ahead(self, offset: int, stop: int | None) -> tuple[int, int | None]:
        """Return where an entry begins that may have the text, and to where to read: None for the end."""
        size = self._window() if stop is None else min(self._window(), stop - offset)
        data = self._file.segment.read(offset, size)
        found = data.find(self._text)
        if found < 0:
            end = offset + len(data)
            start = self._file.start_before(end, offset)
            if start - offset >= LEAST_GAP_BYTES:
                return start, start
            return start, end if data else None
        last = found
        while 0 <= (following := data.find(self._text, last + 1)) < last + LEAST_GAP_BYTES:
            last = following
        return self._file.start_before(offset + found + 1, offset), offset + last + 1

    def backward(self, offset: int, low: int) -> Iterator[Step]:
        """Read back from a place to where an entry begins, the last entry first."""
        # The entry that a place is in may go on behind it, and is read whatever is before the place.
        start = self._file.start_before(offset, low) if self._text else None
        while offset > low:
            if start is None:
                block = self._file.block_before(offset)
            else:
                block = self._file.entries_between(start, offset)
            entries = [dated for dated in block or () if dated.entry.start >= low]
            if not entries:
                return
            yield from reversed(entries)
            offset = entries[0].entry.start
            while start is not None and offset > low:
                end, start = self._behind(offset, low)
                if offset - end < LEAST_GAP_BYTES:
                    break
                yield Gap(end, offset)
                offset = end

    def _behind(self, offset: int, low: int) -> tuple[int, int]:
        """Return where the last entry ends that may have the text, and from where to read."""
        window = max(offset - self._window(), low)
        data = self._file.segment.read(window, offset - window)
        last = data.rfind(self._text)
        if last < 0:
            end = window if window == low else self._file.start_behind(window - 1, offset)
            return end, self._file.start_before(offset, low)
        first = last
        least = max(last - CHUNK_BYTES, 0)  # no more entries at once than without a text
        while (before := data.rfind(self._text, least, first + len(self._text) - 1)) >= 0:
            if before <= first - LEAST_GAP_BYTES:
                break
            first = before
        end = self._file.start_behind(window + last, offset)
        return end, self._file.start_before(window + first + 1, low)

    def _window(self) -> int:
        return max(min(WINDOW_BYTES, self._budget.bytes_left), 1)
