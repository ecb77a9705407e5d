"""Steps of reading.feature: archives, budgets, and what an answer says of itself."""

import gzip
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, World, expect

from .viewer import (
    MOST_PAGES,
    NANOSECONDS,
    SLOW_PATTERN,
    Page,
    Viewer,
    instant_text,
    large_log,
    lines,
    same,
    stamped,
    zstd_frame,
)

scenarios("reading.feature")

WINDOW_OF_128_MIB = 27
SLACK_SECONDS = 2.0
SMALL_BUDGET = 20_000
KEPT_OF_LONG = 200_000

type Reading = tuple[str, list[bytes], list[bytes]]


def packed(data: bytes, suffix: str) -> bytes:
    return gzip.compress(data) if suffix == ".gz" else zstd_frame(data)


def member(draw: Draw, data: bytes, suffix: str) -> bytes:
    """Write a member with anything that its head may have (RFC 1952, 2.3), or a frame, and one to skip."""
    if suffix == ".zst":
        skipped = draw.text(draw.integer(0, 9)).encode()
        head = (0x184D2A50 + draw.integer(0, 15)).to_bytes(4, "little")  # RFC 8878, 3.1.2
        return head + len(skipped).to_bytes(4, "little") + skipped + zstd_frame(data)
    has_extra, has_name, has_comment, has_crc = (draw.integer(0, 1) for _ in range(4))
    flags = has_crc << 1 | has_extra << 2 | has_name << 3 | has_comment << 4
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\x00\x00\x00\x00\x00\xff"
    head += b"\x07\x00kt\x03\x00a\x00b" * has_extra
    head += b"app.log\x00" * has_name + b"of today\x00" * has_comment
    head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little") * has_crc
    plain = gzip.compress(data)
    return head + plain[10:]


@when("archives of several members and frames are read", target_fixture="readings")
def archives_of_several_members_are_read(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    found: list[Reading] = []
    for suffix in (".gz", ".zst"):
        texts = stamped(draw, draw.integer(40, 90))
        data = lines(texts)
        # Members end where they will: in the middle of a line, and one has nothing in it.
        first, second = sorted(draw.integer(1, len(data) - 1) for _ in range(2))
        parts = [data[:first], b"", data[first:second], data[second:]]
        name = viewer.new_name()
        viewer.write(f"{name}.1{suffix}", b"".join(member(draw, part, suffix) for part in parts))
        stream_id = viewer.id_of(name)
        limit = draw.integer(5, 30)
        found += [
            (f"{suffix}, {read.__name__}", [one.raw for one in read(stream_id, limit=limit)], texts)
            for read in (viewer.forward, viewer.backward)
        ]
    return found


@then("each entry comes once, in the order of the archive")
def each_entry_comes_once(readings: list[Reading]) -> None:
    for what, raws, texts in readings:
        same(raws, texts, what)


@dataclass(frozen=True)
class Damaged:
    """What was done to an archive, what came of it, what has to, and what may."""

    what: str
    page: Page
    least: list[bytes]
    most: list[bytes]
    reason: str


@when(
    "archives are read that are cut, have garbage at the end, or ask for too much memory",
    target_fixture="damaged",
)
def archives_are_read_that_are_cut(viewer: Viewer) -> list[Damaged]:
    draw = viewer.draw
    found = []
    for suffix in (".gz", ".zst"):
        texts = [text + b" " + draw.text(60).encode() for text in stamped(draw, 80)]
        first, rest = packed(lines(texts[:40]), suffix), packed(lines(texts[40:]), suffix)
        cut = draw.integer(20, len(rest) - 1)
        garbage = b"\xff\xfenot compressed"
        kinds = {
            "cut": (first + rest[:cut], texts[:40], texts, "truncated"),
            "with garbage": (first + rest + garbage, texts, texts, "damaged"),
        }
        for kind, (data, least, most, reason) in kinds.items():
            name = viewer.new_name()
            viewer.write(name + suffix, data)
            for direction in ("forward", "backward"):
                page = viewer.page(viewer.id_of(name), limit=1000, direction=direction)
                found.append(Damaged(f"{suffix} {kind}, {direction}", page, least, most, reason))
    name = viewer.new_name()
    viewer.write(f"{name}.zst", zstd_frame(lines(texts), WINDOW_OF_128_MIB))
    page = viewer.page(viewer.id_of(name))
    found.append(Damaged("a window of 128 MiB", page, [], [], "damaged"))
    return found


@then("what is whole is listed with 200, and the coverage says what is missing")
def what_is_whole_is_listed(damaged: list[Damaged]) -> None:
    for one in damaged:
        raws = one.page.raws
        same(raws[: len(one.least)], one.least, f"{one.what}: what is before the fault")
        same(raws, one.most[: len(raws)], f"{one.what}: entries that are whole")
        is_told = one.page.coverage.get("complete") is False and one.reason in reasons(one.page)
        expect(is_told, expected=f"{one.what}: incomplete, {one.reason}", got=one.page.coverage)


def files_of(page: Page) -> list[Mapping[str, object]]:
    listed = page.coverage.get("files")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def skipped_of(file: Mapping[str, object]) -> list[tuple[int, int, str]]:
    listed = file.get("skipped")
    spans = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [(int(one["start"]), int(one["end"]), str(one["reason"])) for one in spans]


def read_of(file: Mapping[str, object]) -> list[tuple[int, int]]:
    listed = file.get("read")
    return [(int(start), int(end)) for start, end in listed] if isinstance(listed, list) else []


def searched_of(file: Mapping[str, object]) -> list[tuple[int, int]]:
    """Return what was read as entries, or looked through for a text."""
    return [*read_of(file), *((start, end) for start, end, why in skipped_of(file) if why == "other_text")]


def reasons(page: Page) -> list[str]:
    return [reason for file in files_of(page) for _, _, reason in skipped_of(file)]


@dataclass(frozen=True)
class Account:
    """A page, and the bytes of each file that its query is about."""

    what: str
    page: Page
    spans: dict[str, tuple[int, int]]
    is_complete: bool
    counts: Mapping[str, int | str | None]


@when("pages of all kinds are asked for", target_fixture="accounts")
def pages_of_all_kinds_are_asked_for(
    world: World, viewer: Viewer, log_dir: Path, service_settings: Mapping[str, str]
) -> tuple[list[Account], list[Reading]]:
    service = world.start_alone({**service_settings, "MAX_ENTRY_BYTES": str(KEPT_OF_LONG)})
    searched, readings = long_entries_searched(Viewer(service, world.draw, log_dir))
    return [*plain_pages(viewer), *searched], readings


def long_entries_searched(viewer: Viewer) -> tuple[list[Account], list[Reading]]:
    """Look for words that stand at the end of long entries, wherever a search may be cut in pieces."""
    draw = viewer.draw
    words = [draw.word() for _ in range(12)]
    texts = []
    for head in stamped(draw, 120):
        rest = b"\n  at ".join(b"x" * draw.integer(1000, 6000) for _ in range(draw.integer(4, 14)))
        texts.append(head + b"\n" + rest + b"\r\n\xff " + draw.choice(words).encode())
    name = viewer.new_name()
    viewer.write(name, texts)
    stream_id = viewer.id_of(name)
    accounts: list[Account] = []
    readings: list[Reading] = []
    for word in words:
        for direction in ("forward", "backward"):
            page = viewer.page(stream_id, q=word, direction=direction, limit=1000)
            what = f"q={word}, {direction}"
            counts = {"stopped_by": None, "undated": 0, "out_of_order": 0}
            sizes = {name: (0, len(lines(texts)))}
            accounts.append(Account(what, page, sizes, is_complete=True, counts=counts))
            readings.append((what, page.raws, [text for text in texts if text.endswith(word.encode())]))
    return accounts, readings


def plain_pages(viewer: Viewer) -> list[Account]:
    draw = viewer.draw
    start = draw.integer(10**9, 19 * 10**8)
    texts = [
        f"{instant_text((start + n * 10) * NANOSECONDS)} {n} {draw.text(90)}".encode() for n in range(2500)
    ]
    late = draw.integer(1100, 2400)
    texts[late] = texts[1000]
    name = viewer.new_name()
    cut = draw.integer(200, 900)
    viewer.write(f"{name}.1.gz", gzip.compress(lines(texts[:cut])))
    viewer.write(name, texts[cut:])
    stream_id = viewer.id_of(name)
    old, new = f"{name}.1.gz", name
    sizes = {old: (0, len(lines(texts[:cut]))), new: (0, len(lines(texts[cut:])))}
    none = {"undated": 0, "out_of_order": 0}
    limit = draw.integer(5, cut)
    end = len(lines(texts[:limit]))
    page = viewer.page(stream_id, limit=limit)
    found = [
        Account(
            f"{query} that is nowhere",
            page_of,
            sizes,
            is_complete=True,
            counts={"stopped_by": None, "undated": 0, "out_of_order": int(has_read(page_of, new, place))},
        )
        for place in (len(lines(texts[cut:late])),)
        for query in ("q", "pattern")
        for page_of in (viewer.page(stream_id, **{query: "nowhere at all"}),)
    ]
    expect(
        "other_text" not in reasons(found[1].page),
        expected="no other_text without q",
        got=found[1].page.coverage,
    )
    found += [
        Account(
            f"limit={limit}", page, {old: (0, end)}, is_complete=False, counts={"stopped_by": "limit", **none}
        ),
    ]
    moment = draw.integer(start + 50, start + 24_000)
    for query in ({"since": moment}, {"until": moment}):
        texts_of = {name: instant_text(value * NANOSECONDS) for name, value in query.items()}
        for direction in ("forward", "backward"):
            ranged = viewer.page(stream_id, q="nowhere", direction=direction, **texts_of)
            found.append(Account(f"{texts_of}, {direction}", ranged, sizes, is_complete=True, counts={}))
    edge = instant_text((start + draw.integer(cut + 200, 1500) * 10) * NANOSECONDS)
    for side, direction in (("since", "forward"), ("since", "backward"), ("until", "backward")):
        pages = all_pages(viewer, stream_id, direction, limit=draw.integer(400, 900), **{side: edge})
        each_byte_once(pages, sizes, f"{side} {edge}, {direction}, {len(pages)} pages")
    name = viewer.new_name()
    viewer.write(name, [b"no", b"stamps", b"here"])
    plain = viewer.page(viewer.id_of(name))
    found.append(Account("no stamps", plain, {name: (0, 15)}, is_complete=True, counts={"undated": 3}))
    return found


def all_pages(viewer: Viewer, stream_id: str, direction: str, **query: object) -> list[Page]:
    """Follow the cursors to the end of the stream, or to its beginning."""
    pages: list[Page] = []
    cursor: str | None = None
    while not pages or (cursor is not None and len(pages) < MOST_PAGES):
        pages.append(viewer.page(stream_id, cursor=cursor, direction=direction, **query))
        cursor = pages[-1].next_cursor if direction == "forward" else pages[-1].previous_cursor
    return pages


def each_byte_once(pages: Sequence[Page], sizes: Mapping[str, tuple[int, int]], what: str) -> None:
    """Hold the accounts of pages that follow one another against the files, or fail the check."""
    for name, (start, end) in sizes.items():
        spans = sorted(
            span
            for page in pages
            for file in files_of(page)
            if file.get("name") == name
            for span in (*read_of(file), *((low, high) for low, high, _ in skipped_of(file)))
        )
        ends = [start, *(high for _, high in spans)]
        expect(
            [low for low, _ in spans] == ends[:-1] and ends[-1] == end,
            expected=f"{name} from {start} to {end}, each byte in one of the pages, {what}",
            got=spans,
        )


def has_read(page: Page, name: str, offset: int) -> bool:
    """Tell whether a byte of a file was read as a part of an entry."""
    return any(
        start <= offset < end
        for file in files_of(page)
        if file.get("name") == name
        for start, end in read_of(file)
    )


@then("what was read and what was skipped are together all that was asked about")
def what_was_read_and_skipped_are_all(accounts: tuple[list[Account], list[Reading]]) -> None:
    for what, raws, texts in accounts[1]:
        same(raws, texts, what)
    for one in accounts[0]:
        got = one.page.coverage
        expect(
            got.get("complete") is one.is_complete,
            expected=f"complete: {one.is_complete}, {one.what}",
            got=got,
        )
        counts = {name: got.get(name) for name in one.counts}
        expect(counts == one.counts, expected=f"{one.counts}, {one.what}", got=counts)
        named = {str(file.get("name")): file for file in files_of(one.page)}
        for name, (start, end) in one.spans.items():
            file = named.get(name, {})
            spans = sorted([*read_of(file), *((a, b) for a, b, _ in skipped_of(file))])
            place = start
            for low, high in spans:
                expect(low == place, expected=f"{name} from {place} on, {one.what}", got=spans)
                place = high
            expect(place == end, expected=f"{name} up to {end}, {one.what}", got=spans)


@when(
    "a log larger than SCAN_BYTES is searched, and one that takes longer than SCAN_MS", target_fixture="parts"
)
def a_log_larger_than_scan_bytes_is_searched(
    world: World, log_dir: Path, service_settings: Mapping[str, str]
) -> tuple[list[Reading], Page, float]:
    draw = world.draw
    most = draw.integer(SMALL_BUDGET // 2, SMALL_BUDGET * 2)
    service = world.start_alone({**service_settings, "SCAN_BYTES": str(most), "SCAN_MS": "60000"})
    viewer = Viewer(service, draw, log_dir)
    texts = [text + b" " + draw.text(draw.integer(0, 150)).encode() for text in stamped(draw, 1500)]
    needle = texts[draw.integer(1000, 1400)].split(b" ")[2]
    name = viewer.new_name()
    cut = draw.integer(100, 1400)
    viewer.write(f"{name}.1", texts[:cut])
    viewer.write(name, texts[cut:])
    stream_id = viewer.id_of(name)
    found: list[Reading] = []
    for direction in ("forward", "backward"):
        raws = within_budget(viewer, stream_id, most, direction, q=f" {needle.decode()} ")
        found.append((f"q, {direction}", raws, [text for text in texts if b" %s " % needle in text]))
    middle = texts[700].split(b" ")[0].decode()
    for query in ({"since": middle}, {"until": middle}):
        raws = within_budget(viewer, stream_id, most, "forward", **query)
        wanted = [text for text in texts if (text.split(b" ")[0].decode() >= middle) == ("since" in query)]
        found.append((f"{query}", raws, wanted))
    return found, *slow(world, log_dir, service_settings)


def within_budget(viewer: Viewer, stream_id: str, most: int, direction: str, **query: str) -> list[bytes]:
    """Read all parts: none of them reads much more than it may, and none is without progress."""
    found: list[bytes] = []
    cursor: str | None = None
    stops = 0
    for _ in range(1000):
        page = viewer.page(stream_id, cursor=cursor, direction=direction, limit=1000, **query)
        found = [*found, *page.raws] if direction == "forward" else [*page.raws, *found]
        read = sum(end - start for file in files_of(page) for start, end in searched_of(file))
        longest = 1000
        expect(read <= most + longest, expected=f"at most {most} bytes and an entry", got=read)
        following = page.next_cursor if direction == "forward" else page.previous_cursor
        if page.coverage.get("stopped_by") is None:
            break
        stops += 1
        told = page.coverage.get("complete") is False and page.coverage.get("stopped_by") == "budget"
        expect(told, expected="incomplete, stopped_by budget", got=page.coverage)
        expect(following not in {None, cursor}, expected="a cursor further on", got=following)
        cursor = following
    expect(stops > 1, expected="several parts", got=f"{stops} of them")
    return found


def slow(world: World, log_dir: Path, service_settings: Mapping[str, str]) -> tuple[Page, float]:
    """Search a log for longer than SCAN_MS."""
    service = world.start_alone({**service_settings, "SCAN_MS": str(world.draw.integer(50, 200))})
    viewer = Viewer(service, world.draw, log_dir)
    stream_id = large_log(viewer)
    before = time.monotonic()
    page = viewer.page(stream_id, pattern=SLOW_PATTERN)
    return page, time.monotonic() - before


@then("each answer is a part with a cursor, and the parts are the whole")
def each_answer_is_a_part_with_a_cursor(parts: tuple[list[Reading], Page, float]) -> None:
    readings, page, seconds = parts
    for what, raws, texts in readings:
        same(raws, texts, what)
    stopped = page.coverage.get("stopped_by") == "budget" and page.next_cursor is not None
    expect(stopped, expected="stopped_by budget, with a cursor", got=page.coverage)
    expect(
        seconds <= SLACK_SECONDS,
        expected=f"an answer within {SLACK_SECONDS:g} s, with SCAN_MS of at most 200",
        got=f"{seconds:.1f} s",
        timing=True,
    )


@dataclass(frozen=True)
class Cut:
    """An entry as it was written, and as it was listed."""

    written: bytes
    listed: bytes
    is_truncated: bool


@when("entries of MAX_ENTRY_BYTES, of a byte more and of megabytes are read", target_fixture="cuts")
def entries_of_max_entry_bytes_are_read(
    viewer: Viewer, service_settings: Mapping[str, str]
) -> tuple[int, list[Cut], list[Page]]:
    draw = viewer.draw
    limit = int(service_settings["MAX_ENTRY_BYTES"])
    heads = stamped(draw, 12)
    texts = []
    for number, head in enumerate(heads):
        size = (limit - 1, limit, limit + 1, limit + draw.integer(2, 3000), 2_500_000, 60)[number % 6]
        rest = (draw.text(40) * (size // 40 + 1))[: size - len(head) - 1].encode()
        joiner = b"\n" if number >= 6 else b" "
        texts.append(head + joiner + rest)
    # What is too long may be JSON, whose time is read all the same.
    moment, pads = heads[0].split(b" ")[0], (limit + draw.integer(1, 3000), draw.integer(900_000, 1_000_000))
    texts[3:3] = [b'{"pad":"%s","time":"%s"}' % (b"x" * size, moment) for size in pads]
    name = viewer.new_name()
    viewer.write(name, texts)
    pages = [
        viewer.page(viewer.id_of(name), direction=direction, limit=1000)
        for direction in ("forward", "backward")
    ]
    cuts = []
    for page in pages:
        expect(len(page.entries) == len(texts), expected=f"{len(texts)} entries", got=len(page.entries))
        cuts += [Cut(text, one.raw, one.truncated) for text, one in zip(texts, page.entries, strict=True)]
    return limit, cuts, pages


@then("the first is whole, the others are cut, and what follows is right")
def the_first_is_whole_the_others_are_cut(cuts: tuple[int, list[Cut], list[Page]]) -> None:
    limit, entries, pages = cuts
    for one in entries:
        size = len(one.written)
        same([one.listed], [one.written[:limit]], f"an entry of {size} bytes, of which {limit} are kept")
        is_cut = size > limit
        expect(
            one.is_truncated is is_cut, expected=f"truncated: {is_cut} for {size} bytes", got=one.is_truncated
        )
    for page in pages:
        told = page.coverage.get("complete") is False and "entry_limit" in reasons(page)
        expect(told, expected="incomplete, entry_limit", got=page.coverage)
