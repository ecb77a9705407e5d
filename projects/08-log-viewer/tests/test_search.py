"""A text in drawn logs, held against reading every entry: nothing is passed over that has it."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from log_viewer import dated_file, entries, index, search
from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.filters import Filter
from log_viewer.opening import Opener
from log_viewer.segments import CompressedSegment, PlainSegment
from log_viewer.service import LogService, Page
from log_viewer.timestamps import Clock

MOST_KEPT = 90
NO_BOUND = 2**30
START = 1767225600

stamps = st.sampled_from(
    (b"", b"", b"2026-01-01T00:00:01Z ", b"2026-01-01 00:00:02,5 ", b'{"ts":1767225600,"m":"')
)
# Few letters, so that a text is there by chance; carriage returns and bytes that are no UTF-8 among them.
rests = st.lists(
    st.sampled_from((b"a", b"b", b"ab" * 9, b"c" * 40, b"\r", b"\xff", b"\xc3", b'"}')), max_size=6
)
logs = st.lists(st.tuples(stamps, rests.map(b"".join)), max_size=60).map(
    lambda lines: b"".join(stamp + rest + b"\n" for stamp, rest in lines)
)
bounds = st.none() | st.integers(-2, 5)
texts = st.text("ab\r\n2", min_size=1, max_size=5).map(str.encode) | st.binary(min_size=1, max_size=2)
packings = st.sampled_from(("", ".gz", ".zst"))


@pytest.fixture(autouse=True, scope="module")
def small_windows() -> Iterator[None]:
    """Make windows so small that entries and texts lie across their bounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "WINDOW_BYTES", 70)
        patch.setattr(search, "LEAST_GAP_BYTES", 12)
        patch.setattr(search, "CHUNK_BYTES", 50)
        patch.setattr(index, "BLOCK_BYTES", 100)
        patch.setattr(entries, "CHUNK_BYTES", 50)
        patch.setattr(dated_file, "_NEAR_BYTES", 16)
        patch.setattr(PlainSegment, "block_bytes", 64)
        patch.setattr(CompressedSegment, "block_bytes", 64)
        yield


def packed(data: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(data)
    return zstd.compress(data) if suffix else data


def make(folder: Path, old: bytes, suffix: str, new: bytes, most: int) -> tuple[LogService, str]:
    (folder / f"app.log.1{suffix}").write_bytes(packed(old, suffix))
    (folder / "app.log").write_bytes(new)
    catalog = Catalog(folder)
    opener = Opener(catalog, Library(Clock(ZoneInfo("UTC")), MOST_KEPT))
    service = LogService(catalog, opener, most, 60.0)
    return service, service.streams()[0].id


def read(service: LogService, stream_id: str, wanted: Filter, limit: int, *, backward: bool) -> list[Page]:
    """Read all pages, in the order in which they come."""
    pages: list[Page] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        pages.append((service.backward if backward else service.forward)(stream_id, wanted, cursor, limit))
        cursor = pages[-1].previous_cursor if backward else pages[-1].next_cursor
    return pages


def found_in(pages: list[Page], *, backward: bool) -> list[tuple[bytes, int | None, bool]]:
    return [
        (item.dated.entry.raw, item.dated.instant, item.dated.is_late)
        for page in (reversed(pages) if backward else pages)
        for item in page.items
    ]


def is_within(instant: int | None, since: int | None, until: int | None) -> bool:
    if instant is None:
        return since is None and until is None
    return (since is None or since <= instant) and (until is None or instant < until)


def accounted(pages: list[Page]) -> dict[str, list[tuple[int, int]]]:
    """Return what was read or skipped of each file, in the order of its bytes."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for file in (file for page in pages for file in page.coverage.files.values()):
        spans.setdefault(file.name, []).extend([*file.read, *((a, b) for a, b, _ in file.skipped)])
    return {name: sorted(spans[name]) for name in spans}


@settings(max_examples=150, deadline=None)
@given(
    logs,
    packings,
    logs,
    texts,
    st.integers(1, 9),
    st.integers(1, 300) | st.just(NO_BOUND),
    st.tuples(bounds, bounds),
    st.booleans(),
)
def test_a_text_is_found_in_each_entry_that_has_it(
    old: bytes,
    suffix: str,
    new: bytes,
    text: bytes,
    limit: int,
    most: int,
    span: tuple[int | None, int | None],
    backward: bool,
) -> None:
    with TemporaryDirectory() as folder:
        service, stream_id = make(Path(folder), old, suffix, new, most)
        everything = found_in(read(service, stream_id, Filter(), 1000, backward=False), backward=False)
        since, until = (None if bound is None else (START + bound) * 10**9 for bound in span)
        pages = read(service, stream_id, Filter(since, until, text=text), limit, backward=backward)
        wanted = [one for one in everything if text in one[0] and is_within(one[1], since, until)]
        assert found_in(pages, backward=backward) == wanted
        spans = accounted(pages)
        for name, data in ((f"app.log.1{suffix}", old), ("app.log", new)):
            place = 0
            for low, high in spans.get(name, []):
                assert low == place
                place = high
            assert place == len(data)


@settings(max_examples=60, deadline=None)
@given(logs, packings, logs, texts, st.integers(1, 300) | st.just(NO_BOUND))
def test_a_histogram_counts_each_entry_that_has_it(
    old: bytes, suffix: str, new: bytes, text: bytes, most: int
) -> None:
    with TemporaryDirectory() as folder:
        service, stream_id = make(Path(folder), old, suffix, new, most)
        everything = found_in(read(service, stream_id, Filter(), 1000, backward=False), backward=False)
        count = 0
        cursor: str | None = None
        while True:
            part = service.histogram(stream_id, Filter(text=text), cursor, 60)
            count += part.undated + sum(sum(bucket.levels.values()) for bucket in part.buckets)
            cursor = part.next_cursor
            if cursor is None:
                break
        assert count == sum(text in raw for raw, _, _ in everything)


def test_what_does_not_have_the_text_is_not_read(tmp_path: Path) -> None:
    lines = [b"2026-01-01T00:00:%02dZ %d\n" % (number % 60, number) for number in range(500)]
    service, stream_id = make(tmp_path, b"", "", b"".join(lines), NO_BOUND)
    for backward in (False, True):
        (page,) = read(service, stream_id, Filter(text=b" 250"), 100, backward=backward)
        (account,) = page.coverage.files.values()
        assert [item.dated.entry.raw + b"\n" for item in page.items] == [lines[250]]
        assert sum(end - start for start, end in account.read) < 200
        assert {reason for _, _, reason in account.skipped} == {"other_text"}
        assert page.coverage.is_complete
