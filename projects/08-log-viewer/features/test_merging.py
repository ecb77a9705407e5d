"""Steps of merging.feature: several streams in the order of their instants."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, World, as_object, describe_answer, expect, is_problem

from .viewer import (
    INVALID,
    MALFORMED,
    MOST_PAGES,
    NANOSECONDS,
    NOT_FOUND,
    OK,
    Listed,
    Viewer,
    compressed,
    instant_text,
    lines,
    read_entry,
    same,
    shown,
    stamped,
)

scenarios("merging.feature")

ENTRIES = "/api/v1/entries"
MOST_STREAMS = 32
NEVER = 1 << 80
LEVELS = {"INFO": "info", "ERROR": "error", "WARN": "warning"}


@dataclass(frozen=True)
class Row:
    """An entry as it was written; `moment` is None in a stream without times."""

    stream: int
    moment: int | None
    raw: bytes
    level: str = ""


@dataclass
class Written:
    """Streams as they were written: of each its name and its rows, in the order of its files."""

    names: list[str]
    rows: list[list[Row]]
    ids: list[str] = field(default_factory=list)

    def merged(self) -> list[Row]:
        """Put all rows in order: by instant, then by stream, then as they stand; last what has no time."""
        every = [row for rows in self.rows for row in rows]
        return sorted(every, key=lambda row: NEVER if row.moment is None else row.moment)


@dataclass(frozen=True)
class MergedPage:
    """A page as it came."""

    entries: list[tuple[str, Listed]]
    next_cursor: str | None
    previous_cursor: str | None
    coverage: Mapping[str, object]


type Reading = tuple[str, list[bytes], list[bytes]]


def ask(viewer: Viewer, ids: Sequence[str], **query: object) -> Exchange:
    names = {"since": "from", "until": "to"}
    pairs = [
        f"{names.get(name, name)}={quote(str(value), safe='')}"
        for name, value in query.items()
        if value is not None
    ]
    pairs.append(f"streams={','.join(ids)}")
    return viewer.client.get(f"{ENTRIES}?{'&'.join(viewer.draw.shuffle(pairs))}")


def merged(viewer: Viewer, ids: Sequence[str], **query: object) -> MergedPage:
    answer = ask(viewer, ids, **query)
    expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {shown(answer)}")
    body = as_object(answer)
    listed, coverage = body.get("entries"), body.get("coverage")
    entries = [
        (str(one.get("stream")) if isinstance(one, dict) else "", read_entry(one))
        for one in (listed if isinstance(listed, list) else [])
    ]
    cursors = [body.get(name, ...) for name in ("next_cursor", "previous_cursor")]
    right = isinstance(listed, list) and isinstance(coverage, dict)
    right = right and all(cursor is None or isinstance(cursor, str) for cursor in cursors)
    expect(right, expected="entries, next_cursor, previous_cursor and coverage", got=shown(answer))
    texts = [cursor if isinstance(cursor, str) else None for cursor in cursors]
    return MergedPage(entries, texts[0], texts[1], coverage if isinstance(coverage, dict) else {})


def read_all(viewer: Viewer, ids: Sequence[str], direction: str, **query: object) -> list[tuple[str, Listed]]:
    """Follow the cursors to the end."""
    found: list[tuple[str, Listed]] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = merged(viewer, ids, direction=direction, cursor=cursor, **query)
        found = [*found, *page.entries] if direction == "forward" else [*page.entries, *found]
        cursor = page.next_cursor if direction == "forward" else page.previous_cursor
        if cursor is None:
            return found
    expect(False, expected="a last page", got=f"{MOST_PAGES} pages, and a cursor to the next")
    return found


def stamp(draw: Draw, moment: int) -> str:
    """Write an instant by a clock of some zone."""
    offset = draw.choice((0, -360, 330, 60, draw.integer(-700, 700)))
    local = instant_text(moment + offset * 60 * NANOSECONDS)[:-1]
    return f"{local}{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def rows_of(draw: Draw, stream: int, start: int, count: int, pad: int) -> list[Row]:
    """Draw entries of a stream: some have an instant that others have too, and some come late."""
    found = []
    moment = start
    for number in range(count):
        moment += draw.integer(0, 3) * NANOSECONDS
        is_late = draw.integer(0, 19) == 0
        own = moment - draw.integer(1, 400) * NANOSECONDS if is_late else moment + draw.integer(0, 1)
        word = draw.choice(tuple(LEVELS))
        text = f"{stamp(draw, own)} {word} {stream}.{number} {draw.choice(('tea', 'cake'))} {draw.text(pad)}"
        trace = b"\n  at " + draw.word().encode() if draw.integer(0, 9) == 0 else b""
        found.append(Row(stream, own, text.encode() + trace, LEVELS[word]))
    return found


def write_streams(viewer: Viewer, counts: Sequence[int], *, pad: int, undated: int) -> Written:
    """Write streams of which each has files of its own kinds; the last has no times."""
    draw = viewer.draw
    start = draw.integer(10**9, 19 * 10**8) * NANOSECONDS
    rows = [rows_of(draw, number, start, count, pad) for number, count in enumerate(counts)]
    plain = [Row(len(rows), None, f"{number} {draw.word()} tea".encode()) for number in range(undated)]
    rows = [*rows, plain] if undated else rows
    names = [viewer.new_name() for _ in rows]
    for name, own in zip(names, rows, strict=True):
        texts = [row.raw for row in own]
        cut = draw.integer(0, len(texts))
        suffix = draw.choice(("", ".gz", ".zst"))
        if cut:
            data = lines(texts[:cut])
            viewer.write(f"{name}.1{suffix}", compressed(data, suffix) if suffix else data)
        viewer.write(name, texts[cut:])
    written = Written(names, rows)
    written.ids = [viewer.id_of(name) for name in names]
    return written


def reordered(written: Written, order: Sequence[int]) -> Written:
    """Ask for the streams in another order."""
    numbers = {old: new for new, old in enumerate(order)}
    rows = [[replace(row, stream=numbers[old]) for row in written.rows[old]] for old in order]
    return Written([written.names[old] for old in order], rows, [written.ids[old] for old in order])


@when(
    "streams with late lines, equal instants and other zones are merged, with filters and without",
    target_fixture="readings",
)
def streams_are_merged(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    counts = [draw.integer(1, 900), draw.integer(300, 900), *(draw.integer(1, 60) for _ in range(2))]
    written = write_streams(viewer, draw.shuffle(counts), pad=120, undated=draw.integer(1, 40))
    written = reordered(written, draw.shuffle(range(len(written.names))))
    ids, rows = written.ids, written.merged()
    moments = [row.moment for row in rows if row.moment is not None]
    low, high = sorted(draw.choice(moments) for _ in range(2))
    found: list[Reading] = []
    for query in (
        {},
        {"q": "tea"},
        {"level": "error,unknown"},
        {"since": instant_text(low), "until": instant_text(high)},
        {"since": instant_text(max(moments))},
        {"until": instant_text(min(moments))},
    ):
        wanted = [row for row in rows if holds(row, query)]
        for direction in ("forward", "backward"):
            listed = read_all(viewer, ids, direction, limit=draw.integer(200, 1000), **query)
            what = f"a merge by {query}, {direction}"
            found.append((what, [entry.raw for _, entry in listed], [row.raw for row in wanted]))
            owners = [stream_id for stream_id, _ in listed]
            right = owners == [ids[row.stream] for row in wanted][: len(owners)]
            expect(right, expected="the id of its stream in `stream`", got=owners[:3])
    alone = [viewer.forward(one, limit=1000) for one in ids]
    by_id = {entry.id: entry for entries in alone for entry in entries}
    page = merged(viewer, [*ids, ids[0]], limit=1000)
    as_listed = all(by_id.get(entry.id) == entry for _, entry in page.entries)
    expect(as_listed, expected="entries as their own streams have them", got=page.entries[:1])
    found.append(
        ("a stream twice", [entry.raw for _, entry in page.entries], [row.raw for row in rows][:1000])
    )
    is_problem(ask(viewer, [*ids, f"{ids[0][:-1]}"]), NOT_FOUND)
    is_problem(ask(viewer, [f"{ids[0]}{number}" for number in range(MOST_STREAMS + 1)]), MALFORMED)
    answer = viewer.client.get(ENTRIES)
    is_problem(answer, MALFORMED if answer.status == MALFORMED else INVALID)
    return found


def holds(row: Row, query: Mapping[str, str]) -> bool:
    if query.get("q", "").encode() not in row.raw:
        return False
    if "level" in query and (row.level or "unknown") not in query["level"]:
        return False
    if "since" in query or "until" in query:
        if row.moment is None:
            return False
        text = instant_text(row.moment)
        return query.get("since", "") <= text < query.get("until", "~")
    return True


@then("each entry came once, by instant, and of one instant in the order of the streams")
def each_entry_came_once(readings: list[Reading]) -> None:
    for what, raws, texts in readings:
        same(raws, texts, what)


@when(
    "a merge is read page by page, to and fro, while its streams grow and are rotated",
    target_fixture="readings",
)
def a_merge_is_read_page_by_page(viewer: Viewer, service_settings: Mapping[str, str]) -> list[Reading]:
    draw = viewer.draw
    written = write_streams(viewer, [draw.integer(30, 60) for _ in range(3)], pad=60, undated=0)
    ids, texts = written.ids, [row.raw for row in written.merged()]
    found: list[Reading] = []
    for direction in ("forward", "backward"):
        raws = [entry.raw for _, entry in read_all(viewer, ids, direction, limit=draw.integer(1, 9))]
        found.append((f"page by page, {direction}", raws, texts))
    limit = draw.integer(5, 19)
    first = merged(viewer, ids, limit=limit)
    second = merged(viewer, ids, limit=limit, cursor=first.next_cursor)
    back = merged(viewer, ids, limit=limit, cursor=second.previous_cursor, direction="backward")
    last = merged(viewer, ids, limit=limit, direction="backward")
    again = merged(viewer, ids, limit=limit, cursor=last.previous_cursor)
    number = draw.integer(limit, 2 * limit - 1)
    middle = second.entries[number - limit][1].id
    for what, page, wanted in (
        ("the second page", second, texts[limit : 2 * limit]),
        ("the first page, backward from the second", back, texts[:limit]),
        ("the last page, forward from the one before", again, texts[-limit:]),
        (
            "from an entry's id",
            merged(viewer, ids, limit=limit, cursor=middle),
            texts[number : number + limit],
        ),
        (
            "up to an entry's id",
            merged(viewer, ids, limit=limit, cursor=middle, direction="backward"),
            texts[number - limit : number],
        ),
    ):
        found.append((what, [entry.raw for _, entry in page.entries], wanted))
    for wrong in (f"{middle}A", middle[:-1], "x", f"x{middle}"):
        is_problem(ask(viewer, ids, cursor=wrong), MALFORMED)
    others = [one for one in ids if one != second.entries[number - limit][0]]
    is_problem(ask(viewer, others, cursor=middle), MALFORMED)
    return [*found, *read_while_growing(viewer, int(service_settings["MAX_ENTRY_BYTES"]))]


def read_while_growing(viewer: Viewer, limit_bytes: int) -> list[Reading]:
    """Read on while entries, and lines of the last entry, are appended, and files are rotated.

    None of them has more bytes than are kept of one.
    """
    draw = viewer.draw
    names = [viewer.new_name() for _ in range(2)]
    moment = draw.integer(10**9, 19 * 10**8) * NANOSECONDS
    texts: list[bytes] = []
    found: list[bytes] = []
    cursor: str | None = None
    ids: list[str] = []
    for turn in range(12):
        for name in names:
            size = min(draw.choice((40, 2000, 30_000)), limit_bytes - 200)
            moment += draw.integer(1, 3) * NANOSECONDS
            texts += [
                f"{instant_text(moment + n)} {turn} {draw.text(40) * (size // 40)}".encode() for n in (0, 1)
            ]
            if turn and draw.integer(0, 2) == 0:
                path = viewer.path(name)
                path.rename(viewer.path(f"{name}.{20 - turn}"))
                path.touch()
            viewer.append(name, texts[-2:])
        ids = ids or [viewer.id_of(name) for name in names]
        page = merged(viewer, ids, cursor=cursor, limit=draw.integer(1, 3))
        found += [entry.raw for _, entry in page.entries]
        cursor = page.next_cursor
        trace = f"  at {draw.word()}".encode()
        viewer.append(names[1], [trace])
        texts[-1] += b"\n" + trace
    for _ in range(100):
        page = merged(viewer, ids, cursor=cursor, limit=draw.integer(1, 20))
        found += [entry.raw for _, entry in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            break
    return [("a merge whose streams grow and are renamed", found, texts)]


@when("streams are merged that are larger than the budget", target_fixture="parts")
def streams_are_merged_that_are_larger_than_the_budget(
    world: World, viewer: Viewer, log_dir: Path, service_settings: Mapping[str, str]
) -> list[Reading]:
    draw = world.draw
    small = world.start_alone({**service_settings, "SCAN_BYTES": str(draw.integer(20_000, 90_000))})
    tight = Viewer(small, draw, log_dir)
    found: list[Reading] = []
    written = write_streams(viewer, [draw.integer(400, 900), draw.integer(100, 900)], pad=200, undated=50)
    rows = written.merged()
    needle = draw.choice(rows).raw.split(b" ")[2].decode()
    for direction in ("forward", "backward"):
        for query in ({}, {"q": f" {needle} "}):
            raws, stops = in_parts(tight, written, direction, **query)
            wanted = [row.raw for row in rows if query.get("q", "").encode() in row.raw]
            found.append((f"in parts by {query}, {direction}", raws, wanted))
            expect(stops > 0, expected="parts, stopped_by budget", got="one whole")
    viewer.append(written.names[0], b"not ended")
    whole = merged(viewer, written.ids, limit=1000)
    is_told = whole.coverage.get("complete") is False
    expect(is_told, expected="incomplete, for a line is not ended", got=whole.coverage)
    accounts_for_all(viewer, written, whole)
    says_that_an_archive_is_cut(viewer, written.ids[0])
    return found


def says_that_an_archive_is_cut(viewer: Viewer, other_id: str) -> None:
    """Merge archives that are cut within a line, and right behind one."""
    data = gzip.compress(lines(stamped(viewer.draw, 300)))
    for cut in (data[: viewer.draw.integer(len(data) // 3, len(data) - 20)], data + data[:12]):
        name = viewer.new_name()
        viewer.write(f"{name}.1.gz", cut)
        page = merged(viewer, [other_id, viewer.id_of(name)], limit=1000)
        listed = page.coverage.get("files")
        files = {str(one.get("name")): one for one in (listed if isinstance(listed, list) else [])}
        reasons = [one["reason"] for one in files.get(f"{name}.1.gz", {}).get("skipped", [])]
        is_told = reasons == ["truncated"] and page.coverage.get("complete") is False
        expect(is_told, expected=f"incomplete, for {name}.1.gz is truncated", got=page.coverage)


def in_parts(viewer: Viewer, written: Written, direction: str, **query: str) -> tuple[list[bytes], int]:
    """Read all parts, each of which has a cursor further on, and an account."""
    found: list[bytes] = []
    cursor: str | None = None
    stops = same_again = 0
    for _ in range(MOST_PAGES):
        page = merged(viewer, written.ids, direction=direction, cursor=cursor, limit=1000, **query)
        raws = [entry.raw for _, entry in page.entries]
        found = [*found, *raws] if direction == "forward" else [*raws, *found]
        following = page.next_cursor if direction == "forward" else page.previous_cursor
        why = page.coverage.get("stopped_by")
        expect((following is None) == (why is None), expected="a cursor if it stopped", got=(following, why))
        if following is None:
            is_whole = page.coverage.get("complete") is True
            expect(is_whole, expected="complete: true, of the last part", got=page.coverage)
            return found, stops
        stops += why == "budget"
        same_again = same_again + 1 if following == cursor and not raws else 0
        expect(same_again < 200, expected="progress", got="200 answers with one cursor")
        if page.coverage.get("files"):
            accounts_for_all(viewer, written, page)
        cursor = following
    expect(False, expected="a last part", got=f"{MOST_PAGES} parts")
    return found, stops


def accounts_for_all(viewer: Viewer, written: Written, page: MergedPage) -> None:
    """Demand that each byte of each file is accounted for once."""
    listed = page.coverage.get("files")
    files = {str(one.get("name")): one for one in (listed if isinstance(listed, list) else [])}
    for name, rows in zip(written.names, written.rows, strict=True):
        own = {path for path in files if path == name or path.startswith(f"{name}.1")}
        sizes = 0
        for path in sorted(own):
            spans = sorted(
                [
                    *((int(start), int(end)) for start, end in files[path].get("read", [])),
                    *((int(one["start"]), int(one["end"])) for one in files[path].get("skipped", [])),
                ]
            )
            place = 0
            for low, high in spans:
                expect(low == place, expected=f"{path} from {place} on, once", got=spans[:20])
                place = high
            sizes += place
        total = len(lines(row.raw for row in rows))
        partial = viewer.path(name).read_bytes().rpartition(b"\n")[2]
        expect(sizes == total + len(partial), expected=f"{total + len(partial)} bytes of {name}", got=sizes)


@then("the parts are the whole, and each accounts for every byte")
def the_parts_are_the_whole(parts: list[Reading]) -> None:
    for what, raws, texts in parts:
        same(raws, texts, what)
