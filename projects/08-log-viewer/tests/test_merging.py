"""Merges of drawn streams, held against a sort."""

from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_viewer import index
from log_viewer.catalog import Catalog
from log_viewer.dated_file import Library
from log_viewer.errors import TooDisorderedError
from log_viewer.filters import Filter
from log_viewer.merging import MergedPage, MergeService
from log_viewer.opening import Opener
from log_viewer.timestamps import Clock

# Of each entry the second that it was written at; and after how many of them the file was looked at first.
seconds = st.lists(st.integers(min_value=0, max_value=40), max_size=30)
streams = st.lists(st.tuples(seconds, st.integers(min_value=0, max_value=30)), min_size=1, max_size=3)


def entry(second: int, number: int, trace: bytes) -> bytes:
    return b"2026-01-01T00:00:%02dZ %d%s" % (second, number, trace)


def opener(folder: Path) -> Opener:
    return Opener(Catalog(folder), Library(Clock(ZoneInfo("UTC")), 65_536))


def read(service: MergeService, ids: list[str], wanted: Filter, limit: int, *, backward: bool) -> list[bytes]:
    found: list[bytes] = []
    cursor: str | None = None
    for _ in range(10_000):
        page: MergedPage = service.page(ids, wanted, cursor, limit, is_backward=backward)
        raws = [item.dated.entry.raw for _, item in page.items]
        found = [*raws, *found] if backward else [*found, *raws]
        cursor = page.previous_cursor if backward else page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("no last page")


@settings(max_examples=150, deadline=None)
@given(
    streams,
    st.integers(min_value=1, max_value=9),
    st.booleans(),
    st.none() | st.integers(min_value=0, max_value=40),
    st.sampled_from((1024, 2**30)),
)
def test_the_pages_of_a_merge_are_all_entries_by_time(
    logs: list[tuple[list[int], int]], limit: int, backward: bool, since: int | None, scan_bytes: int
) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "BLOCK_BYTES", 100)  # so that there are many, and entries end where they do
        folder = Path(name)
        known: list[tuple[int, bytes]] = []
        reading = opener(folder)
        service = MergeService(reading, scan_bytes, 60.0)
        paths = [folder / f"{number}.log" for number in range(len(logs))]
        for path in paths:
            path.touch()
        ids = [stream.id for stream in Catalog(folder).streams()]
        for path, (moments, first) in zip(paths, logs, strict=True):
            texts = [
                entry(second, number, b"\n  trace" if number == first else b"")
                for number, second in enumerate(moments)
            ]
            data = b"".join(text + b"\n" for text in texts[: first + 1])
            path.write_bytes(data.removesuffix(b"  trace\n"))
            read(service, ids, Filter(), 10, backward=False)
            path.write_bytes(data + b"".join(text + b"\n" for text in texts[first + 1 :]))
            known += zip(moments, texts, strict=True)
        bound = None if since is None else (1_767_225_600 + since) * 10**9
        wanted = [text for second, text in sorted(known, key=lambda one: one[0]) if second >= (since or 0)]
        assert read(service, ids, Filter(since=bound), limit, backward=backward) == wanted


def test_what_is_out_of_order_beyond_the_budget_is_refused(tmp_path: Path) -> None:
    text = b"".join(b"2026-01-01T00:00:%02dZ %s\n" % (number % 60, b"x" * 2000) for number in range(6000))
    (tmp_path / "app.log").write_bytes(text)
    service = MergeService(opener(tmp_path), 2**30, 0.002)
    ids = [stream.id for stream in Catalog(tmp_path).streams()]
    with pytest.raises(TooDisorderedError):
        read(service, ids, Filter(), 10, backward=False)
