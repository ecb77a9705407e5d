"""Steps of timestamps.feature: which instant a line has, and which lines are one entry."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect, is_problem

from .formats import (
    Written,
    android,
    around_changes,
    bsd,
    draw_moment,
    each_month,
    with_zone,
    without_zone,
)
from .viewer import (
    MALFORMED,
    NANOSECONDS,
    Listed,
    Viewer,
    instant_text,
    lines,
    same,
    set_modified,
    stamped,
)

DAY = 86_400
BEYOND_A_BLOCK = 200_000

scenarios("timestamps.feature")

type Told = list[tuple[Listed, Written]]


def told(viewer: Viewer, name: str, written: list[Written]) -> Told:
    """Read a file that has these lines, or fail the check."""
    listed = viewer.page(viewer.id_of(name), limit=1000).entries
    same([one.raw for one in listed], [one.line for one in written], "a file with a timestamp in each line")
    return list(zip(listed, written, strict=True))


@when("a line of each format is written, with moments that are drawn", target_fixture="told_times")
def a_line_of_each_format_is_written(viewer: Viewer) -> Told:
    name = viewer.new_name()
    draw = viewer.draw
    written = draw.shuffle([*(one for _ in range(6) for one in with_zone(draw)), *each_month(draw)])
    viewer.write(name, [one.line for one in written])
    return told(viewer, name, written)


@when(
    "lines without a zone are written, of summer and winter, beside lines with offsets",
    target_fixture="told_times",
)
def lines_without_a_zone_are_written(viewer: Viewer, service_settings: Mapping[str, str]) -> Told:
    name, zone = viewer.new_name(), service_settings["DEFAULT_TZ"]
    draw = viewer.draw
    written = draw.shuffle([*[one for _ in range(4) for one in without_zone(draw, zone)], *with_zone(draw)])
    written += around_changes(draw, zone)
    viewer.write(name, [one.line for one in written])
    return told(viewer, name, written)


@when(
    "lines without a year are written, across New Year and one of them late, and with a 29th of February",
    target_fixture="told_times",
)
def lines_without_a_year_are_written(viewer: Viewer, service_settings: Mapping[str, str]) -> Told:
    zone, draw = service_settings["DEFAULT_TZ"], viewer.draw
    year = draw.integer(2003, 2024)
    minute = timedelta(minutes=1)
    turn = datetime(year + 1, 1, 1)  # noqa: DTZ001 - the stamps have no zone
    around = [turn - 3 * minute, turn - minute, turn + minute, turn - timedelta(seconds=5), turn + 2 * minute]
    early = [turn - timedelta(days=days) for days in (300 + draw.integer(0, 40), 200, 120, 40)]
    two_turns = [turn - timedelta(days=days) for days in (500, 380, 300)]
    middle = [turn + timedelta(days=30), turn + timedelta(days=75), turn + timedelta(days=74)]
    # Behind February, so that a leap year makes no difference.
    spring = datetime(year, draw.integer(3, 6), draw.integer(1, 28), 12)  # noqa: DTZ001
    half, more = spring + timedelta(days=183), (spring + timedelta(days=184)).replace(year=year - 1)
    leap = datetime(draw.choice((2004, 2008, 2012, 2016, 2020)), 2, 29, 13, draw.integer(0, 59))  # noqa: DTZ001
    moments = [
        [*early, *around, *middle],
        [*two_turns, *early[1:], *around],
        [leap - timedelta(days=draw.integer(1, 40)), leap, leap + timedelta(days=draw.integer(1, 170))],
        [draw_moment(draw, 2001, 2020).replace(hour=12)],
        [half, spring],
        [more, spring],
    ]
    found: Told = []
    for days in moments:
        name = viewer.new_name()
        make = draw.choice((bsd, android))
        written = [make(local, zone) for local in days]
        path = viewer.write(name, [one.line for one in written])
        # What was last written is not older than the file's last change, and may look a little newer.
        after = draw.choice((timedelta(hours=-12), timedelta(hours=12), timedelta(days=draw.integer(2, 150))))
        set_modified(path, (days[-1] + after - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
        found += told(viewer, name, written)
    return found


@then("each has the instant that it says")
def each_has_the_instant_that_it_says(told_times: Told) -> None:
    for listed, written in told_times:
        expect(
            listed.time == written.time,
            expected=f"{written.time} for {written.line.decode()[:120]!r} ({written.name})",
            got=listed.time,
        )


@when("stack traces with numbers and dates in them are written", target_fixture="traces")
def stack_traces_are_written(viewer: Viewer) -> tuple[list[Listed], list[bytes], list[bytes]]:
    draw = viewer.draw
    tails = [
        b"Traceback (most recent call last):",
        b'  File "2026-01-01T00:00:00Z.py", line 7, in main',
        b"69.01998901367188",
        b"1700000000.123 seconds",
        b"\t2026-01-01 00:00:00 indented",
        b" at 2020-02-30T00:00:00Z",
        b"2020-13-01T00:00:00Z is no date",
        b"2021-02-29T10:00:00Z is none either",
        b"2020-01-01T25:00:00Z nor this",
        b"12345 2019-01-01T00:00:00Z a number first",
        b"{not: json}",
        b'"time": "2026-01-01T00:00:00Z"',
        b"Monday Jan 1 00:00:00",
        b"",
        b"   ",
        b"...",
    ]
    heads = stamped(draw, draw.integer(4, 12))
    texts = [
        b"\n".join([head, *[draw.choice(tails) for _ in range(draw.integer(0, 9))]]) for head in heads
    ] + [b"\n".join([stamped(draw, 1)[0], *draw.shuffle(tails)])]
    name = viewer.new_name()
    viewer.write(name, texts)
    forward, backward = (viewer.page(viewer.id_of(name), direction=to) for to in ("forward", "backward"))
    same(backward.raws, texts, "traces, backward")
    return forward.entries, texts, [text.split(b" ")[0] for text in texts]


@then("each trace is one entry, at the time of its first line")
def each_trace_is_one_entry(traces: tuple[list[Listed], list[bytes], list[bytes]]) -> None:
    listed, texts, stamps = traces
    same([one.raw for one in listed], texts, "traces")
    times = [one.time for one in listed]
    wanted = [stamp.decode() for stamp in stamps]
    expect(times == wanted, expected=f"the times of the first lines: {wanted}", got=times)


@when(
    "a file begins with lines that have none, and another file has no timestamp at all",
    target_fixture="beginnings",
)
def a_file_begins_with_lines_that_have_none(viewer: Viewer) -> list[tuple[Listed, bytes, str | None]]:
    draw = viewer.draw
    banner = [f"{draw.word()} version {draw.integer(1, 99)}".encode() for _ in range(draw.integer(1, 20))]
    stamps = stamped(draw, 3)
    first = stamps[0].split(b" ")[0].decode()
    wanted: list[tuple[bytes, str | None]] = [
        *((line, first) for line in banner),
        *((line, line.split(b" ")[0].decode()) for line in stamps),
    ]
    plain: list[tuple[bytes, str | None]] = [(line, None) for line in draw.shuffle([*banner, b"", b"  x"])]
    found = []
    for texts in (wanted, plain):
        name = viewer.new_name()
        viewer.write(name, [line for line, _ in texts])
        for direction in ("forward", "backward"):
            listed = viewer.page(viewer.id_of(name), direction=direction).entries
            same([one.raw for one in listed], [line for line, _ in texts], f"a file's beginning, {direction}")
            found += [(one, line, time) for one, (line, time) in zip(listed, texts, strict=True)]
    return found


@then("each of these lines is an entry, at the time of the first timestamp or of none")
def each_of_these_lines_is_an_entry(beginnings: list[tuple[Listed, bytes, str | None]]) -> None:
    for listed, line, time in beginnings:
        expect(listed.time == time, expected=f"time {time} for {line!r}", got=listed.time)


@dataclass(frozen=True)
class Range:
    """What was asked for, what came, and what should have."""

    query: str
    raws: list[bytes]
    wanted: list[bytes]
    late: list[bool]


def ask_ranges(viewer: Viewer, name: str, texts: list[tuple[int, bytes]], count: int) -> list[Range]:
    """Ask for ranges whose bounds lie at, just before and just behind entries."""
    draw, stream_id = viewer.draw, viewer.id_of(name)
    moments = [moment for moment, _ in texts]
    late = [own for before, own in itertools.pairwise(moments) if own < before] or moments
    found = []
    for _ in range(count):
        since = draw.choice(moments) + draw.choice((-1, 0, 1))
        until = draw.choice(moments) + draw.choice((-1, 0, 1))
        first = draw.choice(draw.choice((moments, late))) + draw.choice((-1, 0, 1))
        narrow = (first, first + draw.integer(1, 1_000_000))
        ranges: list[tuple[int | None, int | None]] = [
            narrow,
            narrow,
            (since, until),
            (since, None),
            (None, until),
        ]
        low, high = draw.choice(ranges)
        wanted = [
            text
            for moment, text in texts
            if (low is None or low <= moment) and (high is None or moment < high)
        ]
        query = {
            "since": instant_text(low) if low is not None else None,
            "until": instant_text(high) if high is not None else None,
            "limit": min(draw.choice((1000, max(len(wanted) // 2, 1), max(len(wanted), 1))), 1000),
        }
        read = draw.choice((viewer.forward, viewer.backward))
        listed = read(stream_id, **query)
        marks = [one.out_of_order for one in listed]
        found.append(Range(f"{query}, {read.__name__}", [one.raw for one in listed], wanted, marks))
    return found


@when("entries a nanosecond apart are asked for by ranges of time", target_fixture="ranges")
def entries_a_nanosecond_apart_are_asked_for(viewer: Viewer) -> list[Range]:
    start = viewer.draw.integer(1_000_000_000, 1_900_000_000) * NANOSECONDS + NANOSECONDS - 5
    texts = [
        (moment := start + number // 2, f"{instant_text(moment)} {number}".encode()) for number in range(20)
    ]
    name = viewer.new_name()
    viewer.write(name, [text for _, text in texts])
    return ask_ranges(viewer, name, texts, 12)


@then("a page has those of the range, to the nanosecond")
def a_page_has_those_of_the_range(ranges: list[Range]) -> None:
    for one in ranges:
        same(one.raws, one.wanted, one.query)


@when("a long log with late lines is asked for by ranges of time", target_fixture="late_ranges")
def a_long_log_with_late_lines_is_asked_for(viewer: Viewer) -> tuple[list[Range], dict[bytes, bool]]:
    draw = viewer.draw
    moment = draw.integer(1_000_000_000, 1_900_000_000) * NANOSECONDS
    texts: list[tuple[int, bytes]] = []
    size = 0
    while size < BEYOND_A_BLOCK:
        moment += draw.integer(0, 20_000_000)
        own = moment - (
            draw.integer(1, draw.choice((9, 2000))) * NANOSECONDS if draw.integer(0, 150) == 0 else 0
        )
        text = f"{instant_text(own)} {len(texts)} {draw.text(draw.integer(1, 200))}".encode()
        texts.append((own, text))
        size += len(text) + 1
    # One that is far from all the others, in the middle.
    middle = len(texts) // 2
    early = texts[0][0] - 5 * DAY * NANOSECONDS
    texts.insert(middle, (early, f"{instant_text(early)} far too late".encode()))
    name = viewer.new_name()
    viewer.write(name, [text for _, text in texts])
    only = viewer.forward(viewer.id_of(name), until=instant_text(texts[0][0] - 4000 * NANOSECONDS))
    same([one.raw for one in only], [texts[middle][1]], "a range with one late line")
    is_late = {text: number > 0 and own < texts[number - 1][0] for number, (own, text) in enumerate(texts)}
    return ask_ranges(viewer, name, texts, 15), is_late


@then("each range has all of its entries, and the late ones are marked")
def each_range_has_all_of_its_entries(late_ranges: tuple[list[Range], dict[bytes, bool]]) -> None:
    ranges, is_late = late_ranges
    for one in ranges:
        same(one.raws, one.wanted, one.query)
        for raw, late in zip(one.raws, one.late, strict=True):
            expect(late is is_late[raw], expected=f"out_of_order {is_late[raw]} for {raw[:60]!r}", got=late)


@when("bounds without an offset, and others that are none, are asked for", target_fixture="refused_bounds")
def bounds_without_an_offset_are_asked_for(viewer: Viewer) -> list[tuple[str, str, Exchange]]:
    draw = viewer.draw
    name = viewer.new_name()
    viewer.write(name, lines(stamped(draw, 2)))
    stream_id = viewer.id_of(name)
    wrong = (
        f"{draw_moment(draw):%Y-%m-%dT%H:%M:%S}",
        "2026-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00:00+0100 ",
        "1700000000",
        "yesterday",
        "2026-1-1T00:00:00Z",
    )
    return [
        (parameter, text, viewer.ask(stream_id, **{parameter: text}))
        for parameter in ("since", "until")
        for text in wrong
    ]


@then("each gets 400 with the name of the parameter")
def each_gets_400_with_the_name(refused_bounds: list[tuple[str, str, Exchange]]) -> None:
    names = {"since": "from", "until": "to"}
    for parameter, _, answer in refused_bounds:
        errors = is_problem(answer, MALFORMED).get("errors")
        told_names = (
            [one.get("parameter") for one in errors if isinstance(one, dict)]
            if isinstance(errors, list)
            else []
        )
        expect(told_names == [names[parameter]], expected=f"an error about {names[parameter]}", got=errors)
