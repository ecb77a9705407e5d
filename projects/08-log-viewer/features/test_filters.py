"""Steps of filters.feature: which entries a query finds."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, expect, is_problem

from .viewer import (
    MALFORMED,
    OK,
    Listed,
    Viewer,
    instant_text,
    json_line,
    same,
    stamped,
)

LEVELS = ("trace", "debug", "info", "warning", "error", "critical")
LINEAR_SECONDS = 2.0

scenarios("filters.feature")

WORDS: Mapping[str, tuple[str, ...]] = {
    "trace": ("TRACE", "VERBOSE", "FINEST"),
    "debug": ("DEBUG", "FINE"),
    "info": ("INFO", "NOTICE", "INFORMATION"),
    "warning": ("WARN", "WARNING"),
    "error": ("ERROR", "ERR", "SEVERE"),
    "critical": ("CRITICAL", "CRIT", "FATAL", "ALERT", "EMERG", "PANIC"),
}
SEVERITIES = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
PINO = {"trace": 10, "debug": 20, "info": 30, "warning": 40, "error": 50, "critical": 60}
LETTERS = {"trace": "V", "debug": "D", "info": "I", "warning": "W", "error": "E", "critical": "F"}

type Leveled = tuple[bytes, str | None]


def level_lines(draw: Draw) -> list[Leveled]:
    """Write a line of each format and level; some that only look as if they had one."""
    found: list[Leveled] = []
    for level, words in WORDS.items():
        word = draw.choice(words)
        cased = draw.choice((word, word.lower(), word.title()))
        found += [
            (f"2026-01-01 00:00:00,001 {word} [main] x".encode(), level),
            (f"2026-01-01T00:00:00Z [{cased}] x".encode(), level),
            (f"2026-01-01 00:00:00,001 - {word}  [Quorum] INFO x".encode(), level),
            (f"[Sun Dec 04 04:47:44 2005] [core:{word.lower()}] x".encode(), level),
            (f"17/06/09 20:10:40 {word}: ERROR x".encode(), level),
            (f"2026-01-01T00:00:00Z | {word} | x".encode(), level),
            (json_line({"time": "2026-01-01T00:00:00Z", "level": cased, "m": "ERROR"}), level),
            (json_line({"ts": 1767225600.5, "severity": word}), level),
            (json_line({"time": 1767225600500, "level": PINO[level]}), level),
            (f'level={cased} ts=2026-01-01T00:00:00Z msg="ERROR FATAL"'.encode(), level),
            (f"03-17 16:13:38.811  1702  2395 {LETTERS[level]} ERROR: x".encode(), level),
        ]
    for severity, level in enumerate(SEVERITIES):
        pri = draw.integer(0, 23) * 8 + severity
        found.append((f"<{pri}>1 2026-01-01T00:00:00Z host app - - - INFO".encode(), level))
        found.append((f"<{pri}>Jan  1 00:00:00 host app: ERROR".encode(), level))
    return [
        *found,
        (b"2026-01-01T00:00:00Z an error, and a warning", None),
        (b"2026-01-01T00:00:00Z INFORMANT ERRORS PRE-ERROR", None),
        (b"2026-01-01T00:00:00Z two three four five six seven ERROR", "error"),
        (b"2026-01-01T00:00:00Z two three four five six seven eight ERROR", None),
        (b"2026-01-01T00:00:00Z none\nERROR in the second line", None),
        (json_line({"time": "2026-01-01T00:00:00Z", "message": "ERROR"}), None),
        (json_line({"time": "2026-01-01T00:00:00Z", "inner": {"level": "error"}}), None),
        (b"ts=2026-01-01T00:00:00Z msg=ERROR", None),
        (b'ts=2026-01-01T00:00:00Z msg="it is level=error here"', None),
        (json_line({"time": "2026-01-01T00:00:00Z", "level": True}), None),
        (json_line({"time": "2026-01-01T00:00:00Z", "level": 35}), None),
        (json_line({"time": "2026-01-01T00:00:00Z", "lvl": "error", "severity": "loud"}), None),
        (b'10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 500 12', None),
    ]


@when("lines of each format and level are written", target_fixture="levels")
def lines_of_each_format_and_level_are_written(viewer: Viewer) -> tuple[str, list[Leveled]]:
    name = viewer.new_name()
    written = viewer.draw.shuffle(level_lines(viewer.draw))
    # A file has stamps with years, or without.
    yearless = [one for one in written if one[0][:3] == b"03-" or b">Jan " in one[0]]
    written = [one for one in written if one not in yearless]
    for end, part in ((".a", yearless), (".b", written)):
        viewer.write(name + end, [line for line, _ in part])
        listed = viewer.page(viewer.id_of(name + end), limit=1000).entries
        same([one.raw for one in listed], [line for line, _ in part], "lines of each format")
        for one, (line, level) in zip(listed, part, strict=True):
            expect(one.level == level, expected=f"level {level} of {line!r}", got=one.level)
    return viewer.id_of(f"{name}.b"), written


@then("each has its level, and a filter finds those of its levels")
def each_has_its_level(viewer: Viewer, levels: tuple[str, list[Leveled]]) -> None:
    stream_id, written = levels
    names = (*LEVELS, "unknown")
    few = viewer.draw.shuffle(names)[: viewer.draw.integer(2, 4)]
    for asked in (*((name,) for name in names), tuple(few)):
        wanted = [line for line, level in written if (level or "unknown") in asked]
        same(
            viewer.page(stream_id, level=",".join(asked), limit=1000).raws, wanted, f"level={','.join(asked)}"
        )
    for wrong in ("warn", "ERROR", "error,", "error;info", "error info"):
        is_problem(viewer.ask(stream_id, level=wrong), MALFORMED)


@dataclass(frozen=True)
class Search:
    """What was asked for, what came, and what should have."""

    what: str
    raws: list[bytes]
    wanted: list[bytes]


def search(
    viewer: Viewer, texts: list[bytes], queries: list[tuple[dict[str, str], Callable[[bytes], bool]]]
) -> list[Search]:
    """Write a file, and ask it each query; each says itself which texts it is to find."""
    name = viewer.new_name()
    viewer.write(name, texts)
    stream_id = viewer.id_of(name)
    return [
        Search(
            str(query),
            viewer.page(stream_id, limit=1000, **query).raws,
            [text for text in texts if is_wanted(text)],
        )
        for query, is_wanted in queries
    ]


@when("texts with markup, escapes and signs of patterns are looked for", target_fixture="searches")
def texts_are_looked_for(viewer: Viewer) -> list[Search]:
    draw = viewer.draw
    tea = draw.word()
    needles = [
        "<button>",
        "&amp;",
        "\x1b[31mred",
        "a.b*[c]",
        "C:\\temp\\n",
        "größe",
        "\N{SNOWMAN}",
        "100%",
        "a+b",
        "two  blanks",
        "'quoted\"",
        "?x=1&y=2",
        draw.word(),
        draw.word().upper(),
        f" {tea} ",
    ]
    heads = stamped(draw, 60)
    texts = [
        head
        + f" {draw.word()}".encode()
        + b"".join(
            draw.choice((b" ", b"\n  at ", b"-")) + draw.choice(needles).encode()
            for _ in range(draw.integer(0, 3))
        )
        for head in heads
    ]
    texts += [head + b" a1b*c axb" + b" 100 \xff" for head in stamped(draw, 2)]
    texts += [head + f" {tea}. -{tea} {tea}".encode() for head in stamped(draw, 1)]  # without the blanks
    decoys = ["button", "&", "A.B", "GRÖSSE", "a b", draw.word()]
    return search(viewer, texts, [({"q": one}, holds(one.encode())) for one in [*needles, *decoys]])


def holds(needle: bytes) -> Callable[[bytes], bool]:
    return lambda text: needle in text


@then("the entries that have the text are found, and no others")
def the_entries_that_have_the_text_are_found(searches: list[Search]) -> None:
    for one in searches:
        same(one.raws, one.wanted, one.what)


@when("patterns are looked for, and one that explodes elsewhere", target_fixture="patterns")
def patterns_are_looked_for(viewer: Viewer) -> tuple[list[Search], list[Exchange], float]:
    draw = viewer.draw
    numbers = [draw.integer(100, 999) for _ in range(30)]
    texts = [
        head + f" user={number} größe".encode()
        for head, number in zip(stamped(draw, 30), numbers, strict=True)
    ]
    texts += [
        stamped(draw, 1)[0] + b"\n  at line two " + b"a" * 2000 + b"!",
        stamped(draw, 1)[0] + b" caf\xe9 au lait",
    ]
    digit = draw.integer(1, 9)
    queries: list[tuple[dict[str, str], Callable[[bytes], bool]]] = [
        ({"pattern": f"user={digit}[0-9]+ "}, holds(f"user={digit}".encode())),
        ({"pattern": f"(?i)USER={digit}"}, holds(f"user={digit}".encode())),
        ({"pattern": r"gr\pL+e$"}, holds("größe".encode())),
        ({"pattern": "user=.*größ.$"}, holds("größe".encode())),
        ({"pattern": r"line (one|two)"}, holds(b"line two")),
        ({"pattern": "caf. au"}, holds(b"caf\xe9 au")),
        ({"pattern": "^  at line"}, lambda _: False),
        ({"pattern": "(?m)^  at line"}, holds(b"line two")),
        ({"pattern": "nothing of this"}, lambda _: False),
    ]
    found = search(viewer, texts, queries)
    name = viewer.new_name()
    viewer.write(name, texts)
    stream_id = viewer.id_of(name)
    before = time.monotonic()
    answer = viewer.ask(stream_id, pattern=r"(a+)+(a|a)*\?$", q="aaa")
    seconds = time.monotonic() - before
    expect(answer.status == OK, expected="200 for a pattern with nested repetition", got=answer.status)
    wrong = ("(?=x)", "(?<=x)y", r"(a)\1", "(", "[z-a]", "a{1001}", "*")
    return found, [viewer.ask(stream_id, pattern=one) for one in wrong], seconds


@then("the entries that match are found, and lookaround is refused with 400")
def the_entries_that_match_are_found(patterns: tuple[list[Search], list[Exchange], float]) -> None:
    found, refused, seconds = patterns
    for one in found:
        same(one.raws, one.wanted, one.what)
    for answer in refused:
        is_problem(answer, MALFORMED)
    expect(
        seconds <= LINEAR_SECONDS,
        expected=f"an answer within {LINEAR_SECONDS:g} s",
        got=f"{seconds:.1f} s",
        timing=True,
    )


@when("lines with fields of all kinds are looked for by these", target_fixture="searches")
def lines_with_fields_are_looked_for(viewer: Viewer) -> list[Search]:
    draw = viewer.draw
    number = draw.integer(10**17, 10**18)
    words = [draw.word() for _ in range(3)]
    time_member = '"time":"2026-01-01T00:00:00Z"'
    texts = [
        f'{{{time_member},"status":500,"user":"{words[0]}"}}',
        f'{{{time_member},"status":"500","user":"{words[1]}"}}',
        f'{{{time_member},"status":5000,"http":{{"status":500,"path":"/a b"}}}}',
        f'{{{time_member},"id":{number},"x":1.10,"ok":true,"none":null}}',
        f'{{{time_member},"id":{number + 1},"x":1.1,"ok":"true"}}',
        f'{{{time_member},"status":200,"status":500}}',
        f'{{{time_member},"list":["500"],"größe":"\\u0041","sign":"\\ud83d\\ude00 \\u00fc"}}',
        f"time=2026-01-01T00:00:00Z status=500 user={words[0]}",
        f'time=2026-01-01T00:00:00Z status="500" msg="a \\"b\\" c" user={words[2]}',
        f"time=2026-01-01T00:00:00Z xstatus=500 user={words[0]}{words[1]} empty=",
        f'time=2026-01-01T00:00:00Z msg="status=500 user={words[0]}"',
    ]
    lines = [text.encode() for text in texts]
    wanted: list[tuple[str, tuple[int, ...]]] = [
        ("status=500", (0, 1, 5, 7, 8)),
        (f"status=500 user={words[0]}", (0, 7)),
        (f"user={words[2]}   status=500", (8,)),
        ("http.status=500", (2,)),
        ('http.path="/a b"', (2,)),
        (f"id={number}", (3,)),
        (f"id={number + 1}", (4,)),
        ("x=1.10", (3,)),
        ("x=1.1", (4,)),
        ("ok=true", (3, 4)),
        ("none=null", (3,)),
        ("größe=A", (6,)),
        ('sign="\U0001f600 ü"', (6,)),
        ('msg="a \\"b\\" c"', (8,)),
        ("empty=", (9,)),
        ("status=200 status=500", (5,)),
        ("nothing=1", ()),
    ]
    queries = [({"where": text}, one_of([lines[number] for number in numbers])) for text, numbers in wanted]
    found = search(viewer, lines, queries)
    stream_id = viewer.streams()[0]["id"]
    for wrong in ("status", "=500", 'status="500', "status=500 and", " "):
        is_problem(viewer.ask(str(stream_id), where=wrong), MALFORMED)
    return found


def one_of(texts: list[bytes]) -> Callable[[bytes], bool]:
    return lambda text: text in texts


@then("the entries that have all of the fields are found, and no others")
def the_entries_that_have_all_of_the_fields_are_found(searches: list[Search]) -> None:
    for one in searches:
        same(one.raws, one.wanted, one.what)


@when("a log is asked for by everything at once, page by page", target_fixture="searches")
def a_log_is_asked_for_by_everything_at_once(viewer: Viewer) -> list[Search]:
    draw = viewer.draw
    start = draw.integer(1_000_000_000, 1_900_000_000)
    rows = [
        (
            start + number,
            draw.choice(("debug", "info", "error")),
            draw.choice(("tea", "cake")),
            draw.integer(1, 3),
        )
        for number in range(draw.integer(300, 700))
    ]
    texts = [
        f"time={instant_text(second * 10**9)} level={level} item={item} n={n}".encode()
        for second, level, item, n in rows
    ]
    low, high = sorted(draw.choice(rows)[0] for _ in range(2))
    level, item, n = draw.choice(("debug", "info", "error")), draw.choice(("tea", "cake")), draw.integer(1, 3)
    name = viewer.new_name()
    cut = draw.integer(1, len(texts) - 1)
    viewer.write(f"{name}.1", texts[:cut])
    viewer.write(name, texts[cut:])
    wanted = [
        text
        for text, row in zip(texts, rows, strict=True)
        if low <= row[0] < high and row[1:] == (level, item, n)
    ]
    query = {
        "since": instant_text(low * 10**9),
        "until": instant_text(high * 10**9),
        "level": f"{level},critical",
        "q": f"item={item}",
        "pattern": f"level={level[:2]}",
        "where": f"n={n}",
        "limit": draw.integer(1, 9),
    }
    stream_id = viewer.id_of(name)
    return [
        Search(f"{query}, {read.__name__}", [one.raw for one in read(stream_id, **query)], wanted)
        for read in (viewer.forward, viewer.backward)
    ]


@then("an entry is found if all of it holds, in either direction")
def an_entry_is_found_if_all_of_it_holds(searches: list[Search]) -> None:
    for one in searches:
        same(one.raws, one.wanted, one.what)


@when("an entry is found by a filter, and what is around it is asked for", target_fixture="surroundings")
def an_entry_is_found_by_a_filter(viewer: Viewer) -> list[tuple[str, list[Listed], list[bytes]]]:
    draw = viewer.draw
    texts = stamped(draw, draw.integer(150, 300))
    name = viewer.new_name()
    cut = draw.integer(1, len(texts) - 1)
    viewer.write(f"{name}.1", texts[:cut])
    viewer.write(name, texts[cut:])
    stream_id = viewer.id_of(name)
    found = []
    for number in (0, cut - 1, cut, draw.integer(1, len(texts) - 2), len(texts) - 1):
        entry = viewer.page(stream_id, q=texts[number].decode()).entries[0]
        before, after = draw.choice((0, draw.integer(1, 60))), draw.choice((0, draw.integer(1, 60)))
        page = viewer.page(
            stream_id,
            around=entry.id,
            before=before,
            after=after,
            q="nothing",
            level="critical",
            direction=draw.choice(("forward", "backward", None)),
        )
        wanted = texts[max(number - before, 0) : number + after + 1]
        found.append((f"around entry {number + 1}, before={before}, after={after}", page.entries, wanted))
    usual = viewer.page(stream_id, around=viewer.page(stream_id, q=texts[75].decode()).entries[0].id)
    found.append(("around entry 76", usual.entries, texts[25:126]))
    return found


@then("its neighbours are there, as many as were asked for on each side")
def its_neighbours_are_there(surroundings: list[tuple[str, list[Listed], list[bytes]]]) -> None:
    for what, listed, wanted in surroundings:
        same([one.raw for one in listed], wanted, what)
