"""How many entries there are in each stretch of time, by level: buckets without gaps, each half-open."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from log_viewer.dated_file import Dated
from log_viewer.errors import TooManyBucketsError
from log_viewer.filters import UNKNOWN, first_line
from log_viewer.levels import read_level
from log_viewer.timestamps import NANOSECONDS

MOST_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """The entries from an instant on, up to the start of the next bucket."""

    start: int
    levels: dict[str, int]


class Histogram:
    """Counts entries. Buckets begin at multiples of their width since 1970."""

    def __init__(self, width_seconds: int) -> None:
        self._width = width_seconds * NANOSECONDS
        self._counts: dict[int, Counter[str]] = {}
        self._first = self._last = 0
        self.undated = 0

    def add(self, dated: Dated) -> None:
        """Count an entry. Raises: TooManyBucketsError."""
        if dated.instant is None:
            self.undated += 1
            return
        number = dated.instant // self._width
        counts = self._counts.get(number)
        if counts is None:
            self._first = min(self._first, number) if self._counts else number
            self._last = max(self._last, number) if self._counts else number
            counts = self._counts[number] = Counter()
            if self._last - self._first >= MOST_BUCKETS:
                raise TooManyBucketsError(MOST_BUCKETS)
        counts[read_level(first_line(dated.entry.raw)) or UNKNOWN] += 1

    def buckets(self) -> Iterator[Bucket]:
        """Return them in their order, from the first that has an entry to the last; also those without."""
        if self._counts:
            for number in range(self._first, self._last + 1):
                yield Bucket(number * self._width, dict(self._counts.get(number, {})))
