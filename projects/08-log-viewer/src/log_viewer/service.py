"""The verbs of this service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from log_viewer.budget import Budget
from log_viewer.catalog import Catalog, Stream
from log_viewer.coverage import Coverage
from log_viewer.dated_file import DatedFile
from log_viewer.entries import Dated
from log_viewer.filters import Filter
from log_viewer.histogram import Bucket, Histogram
from log_viewer.opening import Opener
from log_viewer.positions import Place, Positions
from log_viewer.scan import Found, Scan, file_end, whole_lines_end

type Files = Sequence[DatedFile]


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
    end_cursor: str  # where reading forward has stopped, or where the page was to end
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

    def __init__(self, catalog: Catalog, opener: Opener, scan_bytes: int, scan_seconds: float) -> None:
        self._catalog = catalog
        self._opener = opener
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

        def read(files: Files, positions: Positions) -> Page:
            start = positions.find(cursor, "cursor") if cursor else Place(0, 0)
            scan = self._scan(files, wanted)
            end = scan.forward(start, limit)
            following = end if scan.coverage.stopped_by else None
            return _page(files, positions, scan, start, following, end)

        return self._read(stream_id, read)

    def backward(self, stream_id: str, wanted: Filter, cursor: str | None, limit: int) -> Page:
        """Read the page that ends at a place, or at the end.

        Raises: UnknownStreamError, InvalidQueryError, GoneError.
        """

        def read(files: Files, positions: Positions) -> Page:
            end = positions.find(cursor, "cursor") if cursor else None
            scan = self._scan(files, wanted)
            start = scan.backward(end, limit)
            return _page(files, positions, scan, start, end, start)

        return self._read(stream_id, read)

    def around(self, stream_id: str, entry_id: str, before: int, after: int) -> Page:
        """Read what stands around an entry, whatever else was asked for when it was found.

        Raises: UnknownStreamError, InvalidQueryError, GoneError.
        """

        def read(files: Files, positions: Positions) -> Page:
            place = positions.find(entry_id, "around")
            back, scan = self._scan(files, Filter()), self._scan(files, Filter())
            start = back.backward(place, before) if before else place
            end = scan.forward(place, after + 1)
            scan.found[:0] = back.found
            scan.coverage.include(back.coverage)
            following = end if scan.coverage.stopped_by else None
            return _page(files, positions, scan, start, following, end)

        return self._read(stream_id, read)

    def histogram(self, stream_id: str, wanted: Filter, cursor: str | None, width_seconds: int) -> Counted:
        """Count the entries from a place on, or all.

        Raises: UnknownStreamError, InvalidQueryError, GoneError, TooManyBucketsError.
        """

        def read(files: Files, positions: Positions) -> Counted:
            start = positions.find(cursor, "cursor") if cursor else Place(0, 0)
            histogram = Histogram(width_seconds)
            scan = self._scan(files, wanted, histogram)
            end = scan.forward(start, 1)
            following = positions.write(end) if scan.coverage.stopped_by else None
            return Counted(list(histogram.buckets()), histogram.undated, following, scan.coverage)

        return self._read(stream_id, read)

    def _scan(self, files: Sequence[DatedFile], wanted: Filter, histogram: Histogram | None = None) -> Scan:
        return Scan(files, wanted, Budget(self._scan_bytes, self._scan_seconds), histogram)

    def _read[T](self, stream_id: str, read: Callable[[Files, Positions], T]) -> T:
        return self._opener.read((stream_id,), lambda logs: read(logs[0].files, logs[0].positions))


def _page(
    files: Files, positions: Positions, scan: Scan, start: Place, following: Place | None, stop: Place
) -> Page:
    last = len(files) - 1
    return Page(
        [_item(files, positions, found) for found in scan.found],
        positions.write(following) if following is not None else None,
        positions.write(start) if start != Place(0, 0) else None,
        positions.write(_last_known(files, Place(last, _end(files[last])))) if files[last].is_live else None,
        positions.write(_last_known(files, stop)),
        scan.coverage,
    )


def _item(files: Files, positions: Positions, found: Found) -> Item:
    place = Place(found.segment, found.dated.entry.start)
    return Item(positions.write(place), files[found.segment].segment.file.name, found.dated)


def _end(file: DatedFile) -> int:
    return whole_lines_end(file, file_end(file))


def _last_known(files: Files, place: Place) -> Place:
    """Return the same place in a file that is not empty: an empty one has nothing to be known by."""
    while place.segment > 0 and files[place.segment].segment.size_bytes == 0:
        before = files[place.segment - 1]
        if not before.is_live:
            break
        place = Place(place.segment - 1, _end(before))
    return place
