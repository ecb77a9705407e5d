"""Steps of tail.feature: server-sent events of a log that is being written."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from pytest_bdd import scenarios, then, when

from kata.steps import Stream, World, describe_answer, describe_stop, expect, is_problem

from .viewer import OK, SLOW_PATTERN, STREAMS, Listed, Viewer, large_log, lines, read_entry, same, stamped

scenarios("tail.feature")

BUSY = 503
EVENT_SECONDS = 4.0
HELD_SECONDS = 2.0
LATE_SECONDS = 1.0
PAUSE_SECONDS = 0.25
BRIEF_SECONDS = 0.1  # far below the half second after which an entry is complete
BETWEEN_SECONDS = 0.35
UNDER_WAY_SECONDS = 0.3
LEAVER_SECONDS = 4.0
HEALTH_SECONDS = 0.2
STOP_SECONDS = 10.0
UNREAD_BYTES = 3_000_000


@dataclass(frozen=True)
class Sent:
    """An event as it came."""

    id: str
    entry: Listed


class Events:
    """The events of one tail."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def next(self, seconds: float = EVENT_SECONDS) -> Sent | None:
        """Return the next event of an entry; None if none comes in time."""
        fields: list[tuple[str, str]] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            line = self._stream.line(left)
            if line is None:
                return None
            text = line.decode()
            right = "\r" not in text and "\x00" not in text
            expect(right, expected="lines without CR and NUL", got=repr(text)[:300])
            if text and not text.startswith(":"):
                name, _, value = text.partition(":")
                fields.append((name, value.removeprefix(" ")))
            elif not text and fields:
                event = read_event(fields)
                if event is not None:
                    return event
                fields = []
        return None

    def has_comment(self) -> bool:
        """Wait for a comment, where no event comes."""
        deadline = time.monotonic() + EVENT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            line = self._stream.line(left)
            if line is None or line.startswith(b":"):
                return line is not None
        return False

    def take(self, count: int) -> list[Sent]:
        """Return so many events, or those that came in time."""
        found: list[Sent] = []
        while len(found) < count and (event := self.next()) is not None:
            found.append(event)
        return found


def read_event(fields: list[tuple[str, str]]) -> Sent | None:
    """Read an event of an entry, or fail the check; None for what only says `retry`."""
    names = [name for name, _ in fields]
    if names == ["retry"]:
        return None
    expect(names.count("data") == 1, expected="one line of data", got=fields)
    values = dict(fields)
    expect(values.get("event") == "entry", expected="event: entry", got=fields)
    try:
        entry = json.loads(values["data"])
    except ValueError:
        entry = None
    return Sent(values.get("id", ""), read_entry(entry))


@contextmanager
def tail(
    viewer: Viewer, stream_id: str, *, last: str | None = None, process: int = 0, **query: str | None
) -> Iterator[Events]:
    """Follow a stream; `last` is sent as Last-Event-ID."""
    text = urlencode({name: value for name, value in query.items() if value is not None})
    headers = {"Accept": "text/event-stream", "Content-Length": "0"}
    if last is not None:
        headers["Last-Event-ID"] = last
    path = f"{STREAMS}/{stream_id}/tail" + (f"?{text}" if text else "")
    with Stream(viewer.service.urls[process], path, headers, method="GET") as stream:
        stream.end()
        begins_right(stream)
        yield Events(stream)


def begins_right(stream: Stream) -> None:
    """Wait for the first line, by which the tail has begun."""
    line = stream.line(EVENT_SECONDS)
    expect(line is not None, expected="a tail that begins with a line", got="no line", timing=True)


@dataclass(frozen=True)
class Followed:
    """What was followed, what came, and what should have."""

    what: str
    raws: list[bytes]
    wanted: list[bytes]


@when(
    "logs are followed from their end, with a filter and without, while entries of all kinds are written",
    target_fixture="followed",
)
def logs_are_followed_from_their_end(viewer: Viewer) -> list[Followed]:
    draw = viewer.draw
    name = viewer.new_name()
    heads = stamped(draw, 14)
    viewer.write(name, heads[:2])
    stream_id = viewer.id_of(name)
    tails = (
        b" a\rb",
        b" nul \x00",
        b"\n  at one\n  at two",
        b" data: x",
        b" \xff\xfe",
        b" \xe2\x80\xa8",
        b"",
    )
    texts = [head + draw.choice(tails) + b" x" for head in heads[2:10]]
    texts += [head + end for head, end in zip(heads[10:], draw.shuffle(tails)[:4], strict=True)]
    with tail(viewer, stream_id) as events, tail(viewer, stream_id, level="error", q="x") as errors:
        viewer.append(name, texts)
        sent = events.take(len(texts))
        wanted = [text for text in texts if b" ERROR " in text and b"x" in text]
        found = [
            Followed("a tail", [one.entry.raw for one in sent], texts),
            Followed("a tail with a filter", [one.entry.raw for one in errors.take(len(wanted))], wanted),
        ]
        beyond = events.next(1.0)
        expect(beyond is None, expected="no more events than entries", got=beyond)
    listed = viewer.page(stream_id).entries[2:]
    comes_in_time(viewer, draw.choice((b" ERROR x", b" INFO x")))
    comes_whole(viewer)
    same_entries = [one.entry for one in sent] == listed
    expect(same_entries, expected=f"what is listed: {listed[:1]}", got=[one.entry for one in sent][:1])
    return found


def comes_in_time(viewer: Viewer, end: bytes) -> None:
    """Write to an entry without a pause: it comes all the same, and what comes late is one of its own."""
    name = viewer.new_name()
    viewer.write(name, stamped(viewer.draw, 1))
    with tail(viewer, viewer.id_of(name)) as events:
        viewer.append(name, [stamped(viewer.draw, 1)[0] + end])
        begun = time.monotonic()
        with while_written(lambda: viewer.append(name, [b"  at one more"])):
            event = events.next(HELD_SECONDS + EVENT_SECONDS)
        took = time.monotonic() - begun
    in_time = event is not None and took <= HELD_SECONDS + LATE_SECONDS
    got = f"after {took:.1f} s" if event else f"nothing in {took:.1f} s"
    expect(in_time, expected="an entry two seconds after, though it is written to", got=got, timing=True)


def comes_whole(viewer: Viewer) -> None:
    """Write entries whose second line comes late, without a pause between them: each is held back anew."""
    name = viewer.new_name()
    heads = stamped(viewer.draw, 11)
    viewer.write(name, heads[:1])
    wanted = [head + b"\n  at two" for head in heads[1:]]
    with tail(viewer, viewer.id_of(name)) as events:
        for head in heads[1:]:
            viewer.append(name, [head])
            time.sleep(BRIEF_SECONDS)
            viewer.append(name, [b"  at two"])
            time.sleep(BETWEEN_SECONDS)
        raws = [one.entry.raw for one in events.take(len(wanted))]
    expect(raws == wanted, expected=f"each with its second line: {wanted}", got=raws, timing=True)


@contextmanager
def while_written(write: Callable[[], object]) -> Iterator[None]:
    """Write several times a second, in a thread of its own."""
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.wait(PAUSE_SECONDS):
            write()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@then("each entry comes as one event, as it is listed")
@then("each entry came once, in the order of the files")
def each_entry_came_once(followed: list[Followed]) -> None:
    for one in followed:
        same(one.raws, one.wanted, one.what)


@when(
    "a log is followed from a page's cursor, is interrupted, and is followed from the last event",
    target_fixture="followed",
)
def a_log_is_followed_from_a_pages_cursor(viewer: Viewer) -> list[Followed]:
    draw = viewer.draw
    name = viewer.new_name()
    texts = stamped(draw, 60)
    viewer.write(name, texts[:10])
    stream_id = viewer.id_of(name)
    page = viewer.page(stream_id)
    viewer.append(name, texts[10:14])
    found = page.raws
    with tail(viewer, stream_id, cursor=page.tail_cursor) as events:
        viewer.append(name, texts[14:20])
        sent = events.take(10)
        found = [*found, *(one.entry.raw for one in sent)]
    last = sent[-1].id if sent else ""
    for start in (20, 30, 40):
        viewer.append(name, texts[start : start + 4])
        # The header is of the browser, which repeats the first query: it counts.
        with tail(viewer, stream_id, last=last, cursor=page.tail_cursor) as events:
            viewer.append(name, texts[start + 4 : start + 10])
            sent = events.take(10)
            found = [*found, *(one.entry.raw for one in sent)]
            last = sent[-1].id if sent else last
    for header, query in (({}, {"cursor": "x"}), ({"Last-Event-ID": "x"}, {})):
        answer = viewer.client.get(f"{STREAMS}/{stream_id}/tail?{urlencode(query)}", headers=header)
        is_problem(answer, 400)
    is_problem(viewer.client.get(f"{STREAMS}/x{stream_id}/tail"), 404)
    return [Followed("a page and its tails", found, texts[:50])]


@when("a log is rotated in every way right after lines were written to it", target_fixture="followed")
def a_log_is_rotated_in_every_way(viewer: Viewer) -> list[Followed]:
    draw = viewer.draw
    found = []
    for how in ("renamed", "copied and truncated", "renamed, and there is none for a while"):
        name = viewer.new_name()
        texts = stamped(draw, 460)
        path = viewer.write(name, texts[:5])
        with tail(viewer, viewer.id_of(name)) as events:
            sent = []
            for start, end in ((5, 205), (205, 405), (405, 460)):
                viewer.append(name, texts[start:end])
                if end < len(texts):
                    rotate(path, how)
            sent += events.take(len(texts) - 5)
            found.append(Followed(f"a log that is {how}", [one.entry.raw for one in sent], texts[5:]))
    return found


def rotate(path: Path, how: str) -> None:
    if (old := Path(f"{path}.1")).exists():
        old.rename(f"{path}.2")
    if how.startswith("copied"):
        shutil.copyfile(path, f"{path}.1")
        os.truncate(path, 0)
        return
    path.rename(f"{path}.1")
    if "while" in how:
        time.sleep(0.4)
    path.touch()


@when("as many as may follow a log that is written to, and do not read", target_fixture="stopped")
def as_many_as_may_follow_a_log(
    world: World, log_dir: Path, service_settings: Mapping[str, str]
) -> tuple[float, int | None, float]:
    draw = world.draw
    most = draw.integer(3, 20)
    service = world.start_alone(
        {**service_settings, "MAX_TAILS": str(most), "HEARTBEAT_SECONDS": "1", "SCAN_MS": "1500"}
    )
    viewer = Viewer(service, draw, log_dir)
    name = viewer.new_name()
    viewer.write(name, stamped(draw, 2))
    stream_id = viewer.id_of(name)
    for wrong in ("cursor=x", "level=loud", "pattern=(", "limits=1")[: draw.integer(1, 4)] * most:
        is_problem(viewer.client.get(f"{STREAMS}/{stream_id}/tail?{wrong}"), 400)  # and takes no place
    with ExitStack() as stack:
        opened = [stack.enter_context(tail(viewer, stream_id)) for _ in range(most - 1)]
        with tail(viewer, stream_id, q="what nobody writes") as quiet:
            with while_written(lambda: viewer.append(name, lines([b"2026-01-01T00:00:00Z no"]))):
                for _ in range(2):  # to a tail nothing comes of what its filter holds back
                    expect(quiet.has_comment(), expected="a comment each second", got="none in 4 s")
            refused = viewer.client.get(f"{STREAMS}/{stream_id}/tail")
            is_problem(refused, BUSY)
            wait = refused.header("retry-after") or ""
            expect(wait.isdigit(), expected="Retry-After in seconds", got=wait or "none")
        is_free(viewer, stream_id, stack)
        with viewer.path(name).open("ab") as file:
            part = lines(stamped(draw, 1000))
            for _ in range(UNREAD_BYTES // len(part) + 1):
                file.write(part)
        time.sleep(1.0)
        slowest = max(health_seconds(viewer) for _ in range(10))
        is_problem(viewer.client.get(f"{STREAMS}/{stream_id}/tail"), BUSY)
        del opened
        large_id, other = large_log(viewer), Viewer(service, draw, log_dir)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(other.ask, large_id, pattern=SLOW_PATTERN)
            time.sleep(UNDER_WAY_SECONDS)
            before = time.monotonic()
            code = service.web.terminate()
            took = time.monotonic() - before
            running = answer.result()
        is_finished = running.status == OK or running.received < before  # or it was too quick for a stop
        got = describe_answer(running)
        expect(is_finished, expected="an answer to what runs", got=got, answer=running, timing=True)
        return slowest, code, took


def is_free(viewer: Viewer, stream_id: str, stack: ExitStack) -> None:
    """Follow again as soon as the one who left is noticed."""
    deadline = time.monotonic() + LEAVER_SECONDS + LATE_SECONDS
    while viewer.client.request("HEAD", f"{STREAMS}/{stream_id}/tail").status != OK:
        is_early = time.monotonic() < deadline
        expect(is_early, expected="a free place within four seconds", got="503 for 5 s", timing=True)
        time.sleep(0.1)
    stack.enter_context(tail(viewer, stream_id))


def health_seconds(viewer: Viewer) -> float:
    before = time.monotonic()
    answer = viewer.client.get("/health")
    expect(answer.status == OK, expected="200 from /health", got=answer.status)
    return time.monotonic() - before


@then("one more gets 503, others are answered at once, a place is free again, and a stop ends them all")
def one_more_gets_503(stopped: tuple[float, int | None, float]) -> None:
    slowest, code, seconds = stopped
    expect(
        slowest <= HEALTH_SECONDS,
        expected=f"/health within {HEALTH_SECONDS:g} s",
        got=f"{slowest:.2f} s",
        timing=True,
    )
    expect(code == 0, expected="exit code 0", got=describe_stop(code))
    expect(seconds <= STOP_SECONDS, expected=f"a stop within {STOP_SECONDS:g} s", got=f"{seconds:.1f} s")


@when("hundreds follow logs that nobody writes to, and an entry is written to each", target_fixture="crowd")
def hundreds_follow_logs(
    world: World, log_dir: Path, service_settings: Mapping[str, str]
) -> tuple[float, list[Followed]]:
    draw = world.draw
    most = draw.integer(140, 200)
    viewer = Viewer(world.start_alone({**service_settings, "MAX_TAILS": str(most)}), draw, log_dir)
    names = [viewer.new_name() for _ in range(3)]
    texts = {name: stamped(draw, 4) for name in names}
    for name in names:
        viewer.write(name, texts[name][:2])
    ids = {name: viewer.id_of(name) for name in names}
    second = {name: viewer.page(ids[name]).entries[1].id for name in names}
    found: list[Followed] = []
    with ExitStack() as stack:
        crowd = []
        for number in range(most):
            name = draw.choice(names)
            # One of ten begins further back than the others.
            cursor = None if number % 10 else second[name]
            crowd.append((name, cursor, stack.enter_context(tail(viewer, ids[name], cursor=cursor))))
        slowest = max(health_seconds(viewer) for _ in range(10))
        for name in names:
            viewer.append(name, texts[name][2:])
        for name, cursor, events in crowd:
            wanted = texts[name][1 if cursor else 2 :]
            sent = events.take(len(wanted))
            found.append(Followed(f"one of {most} tails", [one.entry.raw for one in sent], wanted))
            if found[-1].raws != wanted:
                break  # each of the others would be waited for as long
    return slowest, found


@then("others are answered at once, and each has got its entry")
def others_are_answered_at_once(crowd: tuple[float, list[Followed]]) -> None:
    slowest, found = crowd
    is_quick = slowest <= HEALTH_SECONDS
    expect(is_quick, expected=f"/health within {HEALTH_SECONDS:g} s", got=f"{slowest:.2f} s", timing=True)
    for one in found:
        same(one.raws, one.wanted, one.what)
