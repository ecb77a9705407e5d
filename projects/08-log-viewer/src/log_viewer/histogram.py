"""How many entries there are in each stretch of time, by level: buckets without gaps, each half-open."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from log_viewer.entries import Dated
from log_viewer.errors import TooManyBucketsError
from log_viewer.stretches import Stretch
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
        self.width = width_seconds * NANOSECONDS
        self._counts: dict[int, Counter[str]] = {}
        self._first = self._last = 0
        self.undated = 0

    def add(self, dated: Dated) -> None:
        """Count an entry. Raises: TooManyBucketsError."""
        self._add(dated.instant, dated.level, 1)

    def add_stretch(self, stretch: Stretch, levels: Collection[str]) -> None:
        """Count a stretch that fits: its entries of some levels, or all. Raises: TooManyBucketsError."""
        for instant, level, count in stretch.instants():
            if not levels or level in levels:
                self._add(instant, level, count)

    def _add(self, instant: int | None, level: str, count: int) -> None:
        if instant is None:
            self.undated += count
            return
        number = instant // self.width
        counts = self._counts.get(number)
        if counts is None:
            self._first = min(self._first, number) if self._counts else number
            self._last = max(self._last, number) if self._counts else number
            counts = self._counts[number] = Counter()
            if self._last - self._first >= MOST_BUCKETS:
                raise TooManyBucketsError(MOST_BUCKETS)
        counts[level] += count

    def buckets(self) -> Iterator[Bucket]:
        """Return them in their order, from the first that has an entry to the last; also those without."""
        if self._counts:
            for number in range(self._first, self._last + 1):
                yield Bucket(number * self.width, dict(self._counts.get(number, {})))
