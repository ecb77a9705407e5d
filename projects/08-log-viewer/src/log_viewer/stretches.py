"""Counts of whole stretches of a file, kept so that a histogram need not read the same bytes again.

A stretch has the entries that begin in the same mebibyte. It counts them by minute and level, which serves
every histogram whose range and buckets do not cut it finer. A digest tells whether its bytes are still there:
that is far cheaper than to read them as entries.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from log_viewer.segments import Segment
from log_viewer.timestamps import NANOSECONDS

STRETCH_BYTES: Final = 1024 * 1024
_READ_BYTES: Final = 128 * 1024
MINUTE: Final = 60 * NANOSECONDS

type Counts = Counter[tuple[int | None, str]]
# With more minutes and levels than this the counts would be as dear as the entries.
_MOST_COUNTS: Final = 512


class Run(NamedTuple):
    """Some kilobytes of whole entries: how many there are of each minute and level, and when they are."""

    start: int
    end: int
    low: int | None
    high: int | None
    last: int | None  # the instant of the last of them
    late: int
    counts: Mapping[tuple[int | None, str], int]

    has_undated: bool = False


class Stretch:
    """The entries from one place to another. None of them is cut."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.counts: Counts = Counter()
        self.late = 0
        self._low: int | None = None
        self._high: int | None = None
        self._digest = b""

    @property
    def limit(self) -> int:
        """Where the next one begins, or as soon behind that as an entry does."""
        return (self.start // STRETCH_BYTES + 1) * STRETCH_BYTES

    @property
    def is_worth_it(self) -> bool:
        return len(self.counts) <= _MOST_COUNTS

    @property
    def undated(self) -> int:
        return sum(count for (minute, _), count in self.counts.items() if minute is None)

    def add(self, instant: int | None, level: str, *, is_late: bool) -> None:
        """Count the next entry."""
        self.late += is_late
        if instant is None:
            self.counts[None, level] += 1
            return
        self.counts[instant // MINUTE, level] += 1
        self._low = instant if self._low is None else min(self._low, instant)
        self._high = instant if self._high is None else max(self._high, instant)

    def include(self, run: Run) -> None:
        """Count the entries that come next."""
        self.end = run.end
        self.late += run.late
        for key, count in run.counts.items():
            self.counts[key] += count
        for instant in (run.low, run.high):
            if instant is not None:
                self._low = instant if self._low is None else min(self._low, instant)
                self._high = instant if self._high is None else max(self._high, instant)

    def close(self, end: int, segment: Segment) -> None:
        """Say where it ends, and remember which bytes were counted."""
        self.end = end
        self._digest = self._digest_of(segment)

    def still_holds(self, segment: Segment) -> bool:
        """Tell whether the file has what was counted. An archive does: it is another file when it changes."""
        return segment.file.compression is not None or self._digest_of(segment) == self._digest

    def lies_within(self, since: int | None, until: int | None) -> bool:
        """Tell whether all of its entries are in [since, until)."""
        if since is None and until is None:
            return True
        if self._low is None or self._high is None or self.undated:
            return False
        return (since is None or since <= self._low) and (until is None or self._high < until)

    def fits(self, width: int) -> bool:
        """Tell whether each minute, or all of it, is in one bucket of so many nanoseconds."""
        if self._low is None or self._high is None or width % MINUTE == 0:
            return True
        return self._low // width == self._high // width

    def instants(self) -> Iterator[tuple[int | None, str, int]]:
        """Yield how many entries have a level, at an instant that is in the same bucket as theirs."""
        for (minute, level), count in self.counts.items():
            yield None if minute is None else max(minute * MINUTE, self._low or 0), level, count

    def _digest_of(self, segment: Segment) -> bytes:
        digest = sha256()
        for start in range(self.start, self.end, _READ_BYTES):
            digest.update(segment.read(start, min(_READ_BYTES, self.end - start)))
        return digest.digest()
