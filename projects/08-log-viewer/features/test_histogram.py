"""Steps of histogram.feature: how many entries there are when."""

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, World, as_object, describe_answer, expect, is_problem

from .viewer import INVALID, NANOSECONDS, OK, STREAMS, Viewer, instant_text, lines, shown, stamped

scenarios("histogram.feature")

type Counts = dict[str, Counter[str]]

MOST_BUCKETS = 10_000
WORDS = {
    "TRACE": "trace",
    "INFO": "info",
    "WARN": "warning",
    "ERROR": "error",
    "DEBUG": "debug",
    "plain": "unknown",
}


@dataclass(frozen=True)
class Counted:
    """What was asked for, what was counted, and what should have been."""

    what: str
    width: int
    starts: list[str]
    counts: Counts
    wanted: Counts


def ask(viewer: Viewer, stream_id: str, **query: object) -> Exchange:
    names = {"since": "from", "until": "to"}
    text = urlencode({names.get(name, name): value for name, value in query.items() if value is not None})
    return viewer.client.get(f"{STREAMS}/{stream_id}/histogram?{text}")


def histogram(viewer: Viewer, stream_id: str, **query: object) -> Mapping[str, object]:
    answer = ask(viewer, stream_id, **query)
    expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {shown(answer)}")
    return as_object(answer)


def read_buckets(body: Mapping[str, object]) -> tuple[list[str], Counts]:
    """Read the buckets, each of whose levels add up, or fail the check."""
    listed = body.get("buckets")
    buckets = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    expect(isinstance(listed, list), expected="an array `buckets`", got=listed)
    for one in buckets:
        total = sum(one.get("levels", {}).values())
        expect(one.get("entries") == total, expected=f"entries: {total}, the sum of levels", got=one)
    starts = [str(one.get("start")) for one in buckets]
    levels = [Counter({name: n for name, n in one.get("levels", {}).items() if n}) for one in buckets]
    return starts, {start: counts for start, counts in zip(starts, levels, strict=True) if counts}


def bucket_of(moment: int, width: int) -> str:
    return instant_text(moment // (width * NANOSECONDS) * width * NANOSECONDS)


@when("a log is counted in buckets of several widths, with filters and without", target_fixture="counted")
def a_log_is_counted_in_buckets(viewer: Viewer) -> list[Counted]:
    draw = viewer.draw
    side = draw.choice((1, -1))  # of 1970: one log is before it, and one behind it
    start = side * draw.integer(10**9, 19 * 10**8)
    width = draw.choice((1, 7, 60, 3600, 86_400, draw.integer(2, 5000)))
    edge = (start // width + 3) * width * NANOSECONDS
    moments = [edge, edge - 1, edge + 1]  # where a bucket begins
    moments += [
        (start + draw.integer(0, 40 * width)) * NANOSECONDS + draw.integer(0, NANOSECONDS - 1)
        for _ in range(200)
    ]
    moments += [edge + 90 * width * NANOSECONDS]  # behind many buckets that are empty
    rows = [
        (moment, draw.choice(tuple(WORDS)), draw.choice(("tea", "cake"))) for moment in draw.shuffle(moments)
    ]
    name = viewer.new_name()
    texts = [f"{instant_text(moment)} {word} {item}".encode() for moment, word, item in rows]
    cut = draw.integer(1, len(texts) - 1)
    viewer.write(f"{name}.1", texts[:cut])
    viewer.write(name, texts[cut:])
    stream_id = viewer.id_of(name)
    low, high = sorted(draw.choice(moments) for _ in range(2))
    found = []
    for query in (
        {},
        {"q": "tea"},
        {"level": "error,unknown"},
        {"since": instant_text(low), "until": instant_text(high)},
    ):
        starts, counts = read_buckets(histogram(viewer, stream_id, bucket_seconds=width, **query))
        wanted: Counts = {}
        for moment, word, item in rows:
            holds = item == query.get("q", item) and WORDS[word] in query.get("level", WORDS[word])
            if holds and (not query.get("since") or low <= moment < high):
                wanted.setdefault(bucket_of(moment, width), Counter())[WORDS[word]] += 1
        listed = len(viewer.forward(stream_id, limit=1000, **query))
        total = sum(sum(one.values()) for one in counts.values())
        expect(total == listed, expected=f"{listed} entries in all, as listed by {query}", got=total)
        found.append(Counted(f"{query}, bucket_seconds={width}", width, starts, counts, wanted))
    for wrong in ("0", "-1", "31622401"):
        is_problem(ask(viewer, stream_id, bucket_seconds=wrong), INVALID)
    return [*found, counted_of_one_form(viewer, -side)]


def counted_of_one_form(viewer: Viewer, side: int) -> Counted:
    """Count a log whose lines are nearly all of one form. Some come late, and a few have another format."""
    draw = viewer.draw
    width = 60 * draw.integer(1, 5)
    moment = side * draw.integer(10**9, 19 * 10**8) * NANOSECONDS
    wanted: Counts = {}
    texts: list[bytes] = []
    moments: list[int] = []
    others = {draw.integer(500, 2499) for _ in range(2)}
    for number in range(2500):
        moment += draw.integer(0, NANOSECONDS)
        own = moment - draw.integer(1, 400) * NANOSECONDS if draw.integer(0, 99) == 0 else moment
        stamp, word = instant_text(own), draw.choice(("INFO", "WARN", "ERROR", "DEBUG"))
        line = f"ts={stamp} level={word} n={number}" if number in others else f"{stamp} [io] {word} {number}"
        texts.append(line.encode())
        moments.append(own)
        wanted.setdefault(bucket_of(own, width), Counter())[WORDS[word]] += 1
    name = viewer.new_name()
    viewer.write(name, texts)
    body = histogram(viewer, viewer.id_of(name), bucket_seconds=width)
    coverage = body.get("coverage")
    late = sum(after < before for before, after in itertools.pairwise(moments))
    told = coverage.get("out_of_order") if isinstance(coverage, dict) else coverage
    expect(told == late, expected=f"out_of_order: {late}", got=told)
    return Counted(f"a log of one form, bucket_seconds={width}", width, *read_buckets(body), wanted)


@then("each bucket has the entries of its time and level, and together they are those that are listed")
def each_bucket_has_the_entries_of_its_time(counted: list[Counted]) -> None:
    for one in counted:
        expect(one.counts == one.wanted, expected=f"{one.wanted} for {one.what}", got=one.counts)
        follows = consecutive(one.starts, one.width)
        expect(
            follows, expected=f"buckets of {one.width} s without a gap, for {one.what}", got=one.starts[:9]
        )
        ends = [*sorted(one.wanted)[:1], *sorted(one.wanted)[-1:]]
        expect([*one.starts[:1], *one.starts[-1:]] == ends, expected=f"from {ends}", got=one.starts[:3])


def consecutive(starts: list[str], width: int) -> bool:
    """Tell whether the buckets follow one another, the empty ones among them."""
    moments = [seconds_of(start) for start in starts]
    return all(after - before == width for before, after in itertools.pairwise(moments))


def seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(f"{text[:19]}+00:00").timestamp())


@when("logs without time, out of order and larger than the budget are counted", target_fixture="sums")
def logs_are_counted(
    viewer: Viewer, world: World, log_dir: Path, service_settings: Mapping[str, str]
) -> list[tuple[str, object, object]]:
    draw = viewer.draw
    name = viewer.new_name()
    plain = [f"{draw.word()} without a time".encode() for _ in range(draw.integer(2, 30))]
    viewer.write(name, plain)
    body = histogram(viewer, viewer.id_of(name))
    found: list[tuple[str, object, object]] = [
        ("what has no time", (body.get("undated"), body.get("buckets")), (len(plain), [])),
    ]
    name = viewer.new_name()
    year = 366 * 86_400
    start = draw.integer(10**9, 12 * 10**8)
    far = [start, start + MOST_BUCKETS - 1, start + year]
    viewer.write(name, [f"{instant_text(moment * NANOSECONDS)} x".encode() for moment in far])
    is_problem(ask(viewer, viewer.id_of(name), bucket_seconds=1), INVALID)
    ranged = histogram(
        viewer, viewer.id_of(name), bucket_seconds=1, until=instant_text((start + year) * NANOSECONDS)
    )
    found.append(("the most buckets", len(read_buckets(ranged)[0]), MOST_BUCKETS))
    small = Viewer(
        world.start_alone({**service_settings, "SCAN_BYTES": str(draw.integer(3000, 9000))}), draw, log_dir
    )
    name = small.new_name()
    texts = stamped(draw, 900)
    small.write(name, lines(texts))
    stream_id, width = small.id_of(name), draw.integer(20, 90)
    total: Counter[str] = Counter()
    cursor: object = None
    parts = 0
    while (cursor is not None or parts == 0) and parts < len(texts):
        body = histogram(small, stream_id, bucket_seconds=width, cursor=cursor)
        total += merged(read_buckets(body)[1])
        cursor = body.get("next_cursor")
        parts += 1
    found.append(("several parts", parts > 1, True))
    return [*found, ("all parts together", total, merged(counts_of(texts, width)))]


def merged(counts: Counts) -> Counter[str]:
    return Counter({f"{start} {level}": n for start, levels in counts.items() for level, n in levels.items()})


def counts_of(texts: Iterable[bytes], width: int) -> Counts:
    found: Counts = {}
    for text in texts:
        stamp, word, *_ = text.decode().split(" ")
        start = instant_text(seconds_of(stamp) // width * width * NANOSECONDS)
        found.setdefault(start, Counter())[WORDS[word]] += 1
    return found


@then("what has no time is counted apart, and the parts add up to the whole")
def what_has_no_time_is_counted_apart(sums: list[tuple[str, object, object]]) -> None:
    for what, got, wanted in sums:
        expect(got == wanted, expected=f"{what}: {wanted}"[:600], got=str(got)[:600])


@when(
    "a log of megabytes is counted twice, appended to, and replaced by as many bytes that begin alike",
    target_fixture="recounts",
)
def a_log_of_megabytes_is_counted(viewer: Viewer) -> list[Counted]:
    draw, name = viewer.draw, viewer.new_name()
    texts = long_texts(draw)
    widths = 60 * draw.integer(1, 5), draw.choice((1, draw.integer(2, 300)))  # the same each time
    path = viewer.write(name, texts)
    stream_id = viewer.id_of(name)
    found = recount(viewer, stream_id, widths, texts, "when it is new")
    found += recount(viewer, stream_id, widths, texts, "as it was")
    added = [text.replace(b" INFO ", b" WARN ") for text in texts[-draw.integer(500, 1500) :]]
    viewer.append(name, added)
    texts += added
    found += recount(viewer, stream_id, widths, texts, "with what was appended")
    kept = draw.integer(50, 300)
    middle = [text.replace(b" ERROR ", b" TRACE ") for text in reversed(texts[kept:-1])]
    texts = [*texts[:kept], *middle, texts[-1]]
    modified = path.stat().st_mtime_ns
    path.write_bytes(lines(texts))  # in place, as copytruncate does it
    os.utime(path, ns=(modified, modified))  # as a copy does that keeps times
    return found + recount(viewer, stream_id, widths, texts, "with others in their place")


def long_texts(draw: Draw) -> list[bytes]:
    """Draw lines that make some megabytes, about one a second; of some the time is out of order."""
    filler = b" " + draw.text(draw.integer(900, 1400), "abcdefghij ").encode()
    texts = [text + filler for text in stamped(draw, draw.integer(2400, 3400), most_step=2 * NANOSECONDS)]
    for _ in range(draw.integer(10, 30)):
        one, other = (draw.integer(0, len(texts) - 2) for _ in range(2))
        texts[one], texts[other] = texts[other], texts[one]
    return texts


def recount(
    viewer: Viewer, stream_id: str, widths: tuple[int, int], texts: list[bytes], when: str
) -> list[Counted]:
    """Count all, and some levels in ranges that begin and end anywhere."""
    draw = viewer.draw
    levels = {"level": "warning,error"}
    some = [text for text in texts if text.split(b" ")[1] in {b"WARN", b"ERROR"}]
    asked: list[tuple[dict[str, str], list[bytes]]] = [({}, texts), (levels, some)]
    for _ in range(4):
        low, high = sorted(instant_of(draw.choice(texts)) for _ in range(2))
        rows = [text for text in some if low <= instant_of(text) < high]
        asked.append(({**levels, "since": low, "until": high}, rows))
    found = []
    for (query, rows), width in itertools.product(asked, widths):
        body = histogram(viewer, stream_id, bucket_seconds=width, **query)
        starts, counts = read_buckets(body)
        what = f"{query}, bucket_seconds={width}, {when}"
        found.append(Counted(what, width, starts, counts, counts_of(rows, width)))
    return found


def instant_of(text: bytes) -> str:
    return text.split(b" ", 1)[0].decode()


@then("each count is that of the log at its time")
def each_count_is_that_of_the_log(recounts: list[Counted]) -> None:
    for one in recounts:
        wrong = {
            start: (one.counts.get(start), one.wanted.get(start))
            for start in sorted({*one.counts, *one.wanted})
            if one.counts.get(start) != one.wanted.get(start)
        }
        expect(not wrong, expected=f"as in the log, for {one.what}", got=str(dict(list(wrong.items())[:4])))
