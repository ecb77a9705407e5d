"""Drawn logs that are counted again and again: what is known from before changes no answer."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_viewer import dated_file, entries, stretches
from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.filters import Filter
from log_viewer.opening import Opener
from log_viewer.service import Counted, LogService
from log_viewer.timestamps import NANOSECONDS, Clock

NO_BOUND = 2**30
START = 1_767_225_600
MOST_KEPT = 256


class Query(NamedTuple):
    """What is counted."""

    width: int
    filter: Filter


def row(moment: int | None, level: str, size: int) -> bytes:
    """Write a line; one without a moment belongs to the entry before it."""
    before = b"  at" if moment is None else instant(moment).isoformat().encode()
    return b"%s %s %s\n" % (before, level.encode(), b"." * size)


def instant(moment: int) -> datetime:
    return datetime.fromtimestamp(START + moment, UTC)


def query(width: int, since: int | None, until: int | None, levels: frozenset[str]) -> Query:
    low, high = (None if one is None else (START + one) * NANOSECONDS for one in (since, until))
    return Query(width, Filter(low, high, levels))


rows = st.builds(
    row,
    st.none() | st.integers(-90, 400),
    st.sampled_from(("INFO", "ERROR", "x")),
    st.sampled_from((*range(9), 30, 60, 2 * MOST_KEPT)),
)
logs = (st.lists(rows, max_size=30) | st.lists(rows, min_size=15, max_size=60)).map(b"".join)
bounds = st.none() | st.integers(-100, 420)
some_levels = st.sampled_from((frozenset[str](), frozenset({"error"}), frozenset({"info", "unknown"})))
queries = st.builds(query, st.sampled_from((1, 7, 60, 90, 120)), bounds, bounds, some_levels)


@pytest.fixture(autouse=True, scope="module")
def small_stretches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "STRETCH_BYTES", 120)
        patch.setattr(entries, "CHUNK_BYTES", 50)
        patch.setattr(dated_file, "_NEAR_BYTES", 16)
        yield


def opened(root: Path, scan_bytes: int = NO_BOUND) -> LogService:
    catalog = Catalog(root)
    return LogService(catalog, Opener(catalog, Library(Clock(ZoneInfo("UTC")), MOST_KEPT)), scan_bytes, 60.0)


def count(service: LogService, what: Query, cursor: str | None = None) -> Counted:
    return service.histogram(service.streams()[0].id, what.filter, cursor, what.width)


@given(log=logs, asked=st.lists(queries, min_size=1, max_size=5), suffix=st.sampled_from(("", ".gz")))
@settings(deadline=None)
def test_what_was_counted_before_changes_no_answer(log: bytes, asked: list[Query], suffix: str) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"app.log{suffix}").write_bytes(gzip.compress(log) if suffix else log)
        service = opened(root)
        count(service, query(60, None, None, frozenset()))
        for what in asked:
            assert shown(count(service, what)) == shown(count(opened(root), what))


def shown(counted: Counted) -> tuple[object, ...]:
    """Show an answer but for how it tells what is left out: who knows the times passes more over."""
    coverage = counted.coverage
    return counted.buckets, counted.undated, counted.next_cursor, coverage.stopped_by


@given(log=logs, scan_bytes=st.integers(1, 900))
@settings(deadline=None)
def test_the_parts_of_what_is_known_add_up(log: bytes, scan_bytes: int) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "app.log").write_bytes(log)
        what = query(60, None, None, frozenset())
        whole = count(opened(root), what)
        service = opened(root, scan_bytes)
        for _ in range(2):
            total, late, cursor = 0, 0, None
            while True:
                part = count(service, what, cursor)
                total += sum(sum(bucket.levels.values()) for bucket in part.buckets) + part.undated
                late += part.coverage.late
                cursor = part.next_cursor
                if cursor is None:
                    break
            assert total == sum(sum(bucket.levels.values()) for bucket in whole.buckets) + whole.undated
            assert late == whole.coverage.late


def test_a_stretch_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    first = row(0, "INFO", 240)
    log = [first, *(row(second, "INFO", 60) for second in range(1, 40))]
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(log))
    what = query(60, None, None, frozenset())
    whole, part = opened(tmp_path), opened(tmp_path, 300)
    cursor = count(part, what).next_cursor
    assert cursor is not None
    counted = opened(tmp_path)
    count(counted, what, cursor)  # its index of times does not know what was before
    path.write_bytes(first + b"".join(log[1:]).replace(b"INFO", b"WARN"))
    assert count(counted, what).buckets == count(whole, what).buckets
    assert count(whole, what).buckets[0].levels == {"info": 1, "warning": 39}
