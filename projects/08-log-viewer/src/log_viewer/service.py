"""The verbs of this service."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from log_viewer.budget import Budget
from log_viewer.catalog import Catalog, Stream
from log_viewer.dated_file import Dated, DatedFile, Library
from log_viewer.filters import Filter
from log_viewer.histogram import Bucket, Histogram
from log_viewer.positions import Place, Positions
from log_viewer.scan import Coverage, Found, Scan, file_end, whole_lines_end
from log_viewer.segments import Segment


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a page, with the token of its place."""

    id: str
    file: str
    dated: Dated


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the order of the files, the ways on from there, and the account."""

    items: list[Item]
    next_cursor: str | None
    previous_cursor: str | None
    tail_cursor: str | None
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries there are when; those without a time apart."""

    buckets: list[Bucket]
    undated: int
    next_cursor: str | None
    coverage: Coverage


class LogService:
    """Reads streams."""

    def __init__(self, catalog: Catalog, library: Library, scan_bytes: int, scan_seconds: float) -> None:
        self._catalog = catalog
        self._library = library
        self._scan_bytes = scan_bytes
        self._scan_seconds = scan_seconds

    def streams(self) -> list[Stream]:
        return self._catalog.streams()

    def stream(self, stream_id: str) -> Stream:
        """Find one. Raises: UnknownStreamError."""
        return self._catalog.stream(stream_id)

    def forward(self, stream_id: str, wanted: Filter, cursor: str | None, limit: int) -> Page:
        """Read a page from a place on, or from the beginning.

        Raises: UnknownStreamError, InvalidQueryError, GoneError.
        """
        with self._opened(stream_id) as (files, positions):
            start = positions.find(cursor, "cursor") if cursor else Place(0, 0)
            scan = self._scan(files, wanted)
            end = scan.forward(start, limit)
            return self._page(files, positions, scan, start, end if scan.coverage.stopped_by else None)

    def backward(self, stream_id: str, wanted: Filter, cursor: str | None, limit: int) -> Page:
        """Read the page that ends at a place, or at the end.

        Raises: UnknownStreamError, InvalidQueryError, GoneError.
        """
        with self._opened(stream_id) as (files, positions):
            end = positions.find(cursor, "cursor") if cursor else None
            scan = self._scan(files, wanted)
            start = scan.backward(end, limit)
            return self._page(files, positions, scan, start, end)

    def around(self, stream_id: str, entry_id: str, before: int, after: int) -> Page:
        """Read what stands around an entry, whatever else was asked for when it was found.

        Raises: UnknownStreamError, InvalidQueryError, GoneError.
        """
        with self._opened(stream_id) as (files, positions):
            place = positions.find(entry_id, "around")
            back, scan = self._scan(files, Filter()), self._scan(files, Filter())
            start = back.backward(place, before) if before else place
            end = scan.forward(place, after + 1)
            scan.found[:0] = back.found
            scan.coverage.include(back.coverage)
            is_over = scan.coverage.stopped_by is None
            return self._page(files, positions, scan, start, None if is_over else end)

    def histogram(self, stream_id: str, wanted: Filter, cursor: str | None, width_seconds: int) -> Counted:
        """Count the entries from a place on, or all.

        Raises: UnknownStreamError, InvalidQueryError, GoneError, TooManyBucketsError.
        """
        with self._opened(stream_id) as (files, positions):
            start = positions.find(cursor, "cursor") if cursor else Place(0, 0)
            histogram = Histogram(width_seconds)
            scan = self._scan(files, wanted, histogram.add)
            end = scan.forward(start, 1)
            following = positions.write(end) if scan.coverage.stopped_by else None
            return Counted(list(histogram.buckets()), histogram.undated, following, scan.coverage)

    def _scan(
        self, files: Sequence[DatedFile], wanted: Filter, take: Callable[[Dated], None] | None = None
    ) -> Scan:
        return Scan(files, wanted, Budget(self._scan_bytes, self._scan_seconds), take)

    @contextmanager
    def _opened(self, stream_id: str) -> Iterator[tuple[list[DatedFile], Positions]]:
        with self._catalog.opened(stream_id) as segments:
            files = [
                self._library.open(segment, is_live=is_live(segments, number))
                for number, segment in enumerate(segments)
            ]
            yield files, Positions(stream_id, segments)

    def _page(
        self, files: Sequence[DatedFile], positions: Positions, scan: Scan, start: Place, end: Place | None
    ) -> Page:
        return Page(
            [self._item(files, positions, found) for found in scan.found],
            positions.write(end) if end is not None else None,
            positions.write(start) if start != Place(0, 0) and files else None,
            self._tail(files, positions),
            scan.coverage,
        )

    def _item(self, files: Sequence[DatedFile], positions: Positions, found: Found) -> Item:
        place = Place(found.segment, found.dated.entry.start)
        return Item(positions.write(place), files[found.segment].segment.file.name, found.dated)

    def _tail(self, files: Sequence[DatedFile], positions: Positions) -> str | None:
        """Write the place behind the last whole line; None where nothing is being written."""
        number = len(files) - 1
        if number < 0 or not files[number].is_live:
            return None
        # An empty file has nothing to be known by, and the one before it may still be written to.
        while number > 0 and files[number].segment.size_bytes == 0 and files[number - 1].is_live:
            number -= 1
        return positions.write(Place(number, whole_lines_end(files[number], file_end(files[number]))))


def is_live(segments: Sequence[Segment], number: int) -> bool:
    """Tell whether a file may be written to: the last, and the one before it as long as the last is empty."""
    behind = segments[number + 1 :]
    return segments[number].size_bytes is not None and all(segment.size_bytes == 0 for segment in behind)
