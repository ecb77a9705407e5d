"""Pages of drawn logs, held against a reading that is as simple as can be."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_viewer import entries, index
from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.filters import Filter
from log_viewer.opening import Opener
from log_viewer.segments import PlainSegment
from log_viewer.service import LogService, Page
from log_viewer.timestamps import Clock

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())

# The second of a stamp, or none; and how long the line is.
lines = st.lists(
    st.tuples(st.none() | st.integers(min_value=0, max_value=59), st.integers(min_value=0, max_value=90)),
    max_size=40,
)
logs = st.lists(lines, min_size=1, max_size=3)

type Line = tuple[int | None, int]
type Known = tuple[bytes, int | None]


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    """Make blocks so small that entries lie across their bounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainSegment, "block_bytes", 64)
        patch.setattr(entries, "CHUNK_BYTES", 50)
        patch.setattr(index, "BLOCK_BYTES", 100)
        yield


def written(line: Line, number: int) -> bytes:
    second, length = line
    text = b"%d" % number + b"x" * length
    return text if second is None else b"2026-01-01T00:00:%02dZ %s" % (second, text)


def simply_read(log: list[Line]) -> list[Known]:
    """Read the entries of a file, each with its second."""
    first = next((second for second, _ in log if second is not None), None)
    found: list[tuple[bytes, int | None]] = []
    has_begun = False
    for number, line in enumerate(log):
        text, second = written(line, number), line[0]
        if second is not None:
            has_begun = True
        if has_begun and second is None:
            found[-1] = (found[-1][0] + b"\n" + text, found[-1][1])
        else:
            found.append((text, second if second is not None else first))
    return found


def make(folder: Path, files: list[list[Line]]) -> tuple[LogService, str, list[Known]]:
    for age, log in enumerate(reversed(files)):
        data = b"".join(written(line, number) + b"\n" for number, line in enumerate(log))
        (folder / ("app.log" if age == 0 else f"app.log.{age}")).write_bytes(data)
    catalog = Catalog(folder)
    opener = Opener(catalog, Library(Clock(ZoneInfo("UTC")), 65_536))
    service = LogService(catalog, opener, 2**30, 60.0)
    known = [entry for log in files for entry in simply_read(log)]
    return service, service.streams()[0].id, known


def read(service: LogService, stream_id: str, wanted: Filter, limit: int, *, backward: bool) -> list[bytes]:
    found: list[bytes] = []
    cursor: str | None = None
    while True:
        page: Page = (service.backward if backward else service.forward)(stream_id, wanted, cursor, limit)
        raws = [item.dated.entry.raw for item in page.items]
        found = [*raws, *found] if backward else [*found, *raws]
        cursor = page.previous_cursor if backward else page.next_cursor
        if cursor is None:
            return found


@settings(max_examples=150, deadline=None)
@given(logs, st.integers(min_value=1, max_value=9), st.booleans())
def test_the_pages_are_the_log(files: list[list[Line]], limit: int, backward: bool) -> None:
    with TemporaryDirectory() as folder:
        service, stream_id, known = make(Path(folder), files)
        assert read(service, stream_id, Filter(), limit, backward=backward) == [text for text, _ in known]


@settings(max_examples=150, deadline=None)
@given(
    logs,
    st.none() | st.integers(min_value=0, max_value=60),
    st.none() | st.integers(min_value=0, max_value=60),
    st.integers(min_value=1, max_value=9),
    st.booleans(),
)
def test_a_range_of_time_has_all_of_its_entries(
    files: list[list[Line]],
    low: int | None,
    high: int | None,
    limit: int,
    backward: bool,
) -> None:
    with TemporaryDirectory() as folder:
        service, stream_id, known = make(Path(folder), files)
        since, until = (None if bound is None else (START + bound) * 10**9 for bound in (low, high))
        wanted = [
            text
            for text, second in known
            if (low is None and high is None)
            or (second is not None and (low is None or second >= low) and (high is None or second < high))
        ]
        found = read(service, stream_id, Filter(since, until), limit, backward=backward)
        assert found == wanted
