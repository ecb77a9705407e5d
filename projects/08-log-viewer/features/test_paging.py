"""Steps of paging.feature: a place in a stream, and what happens to its files meanwhile."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from pytest_bdd import scenarios, then, when

from kata.steps import Draw, Exchange, World, expect, is_problem

from .viewer import (
    GONE,
    MALFORMED,
    STREAMS,
    Viewer,
    compressed,
    instant_text,
    lines,
    same,
    stamped,
)

scenarios("paging.feature")

type Reading = tuple[str, list[bytes], list[bytes]]

HEAD_BYTES = 1024
MOST_RENAMES = 800


@when(
    "a log with hundreds of equal timestamps is read forward and backward, by pages of several sizes",
    target_fixture="readings",
)
def a_log_with_equal_timestamps_is_read(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    stamp = instant_text(draw.integer(10**9, 19 * 10**8) * 10**9)
    # The same text many times, too: only its place tells one from another.
    texts = [f"{stamp} {draw.choice(('same', 'line'))}".encode() for _ in range(draw.integer(300, 600))]
    name = viewer.new_name()
    first, second = sorted(draw.integer(1, len(texts) - 1) for _ in range(2))
    viewer.write(f"{name}.2", texts[:first])
    viewer.write(f"{name}.1", texts[first:second])
    viewer.write(name, texts[second:])
    stream_id = viewer.id_of(name)
    found: list[Reading] = []
    for limit in (draw.integer(1, 3), draw.integer(7, 60), len(texts) - 1, len(texts)):
        few = texts if limit > 3 else texts[: limit * 40]
        for read in (viewer.forward, viewer.backward) if few is texts else ():
            listed = read(stream_id, limit=limit)
            ids = {one.id for one in listed}
            expect(len(ids) == len(listed), expected="an id of its own for each entry", got=f"{len(ids)} ids")
            found.append((f"{read.__name__}, limit={limit}", [one.raw for one in listed], texts))
        if few is not texts:
            found.append((f"by {limit}", walk(viewer, stream_id, limit, 40), few))
    return found


def walk(viewer: Viewer, stream_id: str, limit: int, pages: int) -> list[bytes]:
    """Read so many pages from the beginning."""
    found: list[bytes] = []
    cursor: str | None = None
    for _ in range(pages):
        page = viewer.page(stream_id, cursor=cursor, limit=limit)
        found += page.raws
        cursor = page.next_cursor
    return found


@then("each entry comes once, in the order of the files")
def each_entry_comes_once(readings: list[Reading]) -> None:
    for what, raws, texts in readings:
        same(raws, texts, what)


@when("a log is read to and fro", target_fixture="to_and_fro")
def a_log_is_read_to_and_fro(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    texts = stamped(draw, draw.integer(60, 120))
    name = viewer.new_name()
    cut = draw.integer(20, 40)
    viewer.write(f"{name}.1.gz", compressed(lines(texts[:cut]), ".gz"))
    viewer.write(name, texts[cut:])
    stream_id = viewer.id_of(name)
    limit = draw.integer(5, 19)
    first = viewer.page(stream_id, limit=limit)
    second = viewer.page(stream_id, limit=limit, cursor=first.next_cursor)
    back = viewer.page(stream_id, limit=limit, cursor=second.previous_cursor, direction="backward")
    again = viewer.page(stream_id, limit=limit, cursor=back.next_cursor)
    found = [
        ("the first page, backward from the second", back.raws, first.raws),
        ("the second page, forward from that", again.raws, second.raws),
        ("the second page", second.raws, texts[limit : 2 * limit]),
    ]
    expect(first.previous_cursor is None, expected="no page before the first", got=first.previous_cursor)
    everything = viewer.page(stream_id, limit=1000)
    expect(everything.next_cursor is None, expected="no page behind the last", got=everything.next_cursor)
    begun = viewer.page(stream_id, limit=limit, cursor=everything.entries[0].id)
    expect(begun.previous_cursor is None, expected="no page before the first", got=begun.previous_cursor)
    last = viewer.page(stream_id, limit=limit, direction="backward")
    expect(last.next_cursor is None, expected="no page behind the last", got=last.next_cursor)
    found.append(("the last page, by direction=backward", last.raws, texts[-limit:]))
    for number in (0, cut - 1, cut, draw.integer(1, len(texts) - 1)):
        entry = everything.entries[number]
        page = viewer.page(stream_id, cursor=entry.id, limit=limit)
        found.append((f"from entry {number + 1}", page.raws, texts[number : number + limit]))
        page = viewer.page(stream_id, cursor=entry.id, limit=limit, direction="backward")
        found.append((f"up to entry {number + 1}", page.raws, texts[max(number - limit, 0) : number]))
    return found


@then("the same entries come, in the same order, and an entry's id is a cursor to it")
def the_same_entries_come(to_and_fro: list[Reading]) -> None:
    for what, raws, texts in to_and_fro:
        same(raws, texts, what)


@dataclass
class Growing:
    """A log that is written to, and rotated, while it is read."""

    viewer: Viewer
    name: str
    texts: list[bytes]
    written: int = 0

    def write(self, count: int) -> None:
        self.viewer.append(self.name, self.texts[self.written : self.written + count])
        self.written += count

    @property
    def path(self) -> Path:
        return self.viewer.path(self.name)

    def shift(self) -> None:
        """Give each rotated file the next number, as logrotate does."""
        for number in range(9, 0, -1):
            for suffix in ("", ".gz", ".zst"):
                old = self.viewer.path(f"{self.name}.{number}{suffix}")
                if old.exists():
                    old.rename(self.viewer.path(f"{self.name}.{number + 1}{suffix}"))

    def rename(self) -> None:
        self.shift()
        self.path.rename(f"{self.path}.1")

    def compress(self, number: int, suffix: str) -> None:
        plain = self.viewer.path(f"{self.name}.{number}")
        packed = plain.with_name(plain.name + suffix)
        packed.write_bytes(compressed(plain.read_bytes(), suffix))
        plain.unlink()

    def copy_and_truncate(self) -> None:
        self.shift()
        shutil.copyfile(self.path, f"{self.path}.1")
        os.truncate(self.path, 0)


def growing(viewer: Viewer, count: int) -> Growing:
    """Begin a log; its lines are short or long, so that its head may grow after a cursor was given out."""
    draw = viewer.draw
    pad = draw.choice((0, 0, 60, 400))
    texts = [text + b" " + draw.text(pad).encode() for text in stamped(draw, count)]
    log = Growing(viewer, viewer.new_name(), texts)
    log.write(draw.integer(3, 12))
    return log


def read_while(log: Growing, change: Callable[[Growing, int], None], rounds: int) -> list[Reading]:
    """Read page by page, and change the files between the pages; then read it all, in either direction."""
    viewer, draw = log.viewer, log.viewer.draw
    stream_id = viewer.id_of(log.name)
    found: list[bytes] = []
    cursor: str | None = None
    for number in range(rounds):
        page = viewer.page(stream_id, cursor=cursor, limit=draw.integer(1, 6))
        found += page.raws
        cursor = page.next_cursor or page.tail_cursor
        change(log, number)
    while cursor is not None:
        page = viewer.page(stream_id, cursor=cursor, limit=draw.integer(3, 30))
        found += page.raws
        cursor = page.next_cursor
    whole = log.texts[: log.written]
    return [
        ("page by page", found, whole),
        ("forward", [one.raw for one in viewer.forward(stream_id, limit=50)], whole),
        ("backward", [one.raw for one in viewer.backward(stream_id, limit=50)], whole),
    ]


@when("a log is rotated by renaming between its pages", target_fixture="readings")
def a_log_is_rotated_by_renaming(viewer: Viewer) -> list[Reading]:
    def change(log: Growing, _: int) -> None:
        if viewer.draw.integer(0, 1):
            log.rename()
        log.write(viewer.draw.integer(1, 8))

    return [*read_while(growing(viewer, 120), change, 8), read_at_any_moment(viewer)]


def read_at_any_moment(viewer: Viewer) -> Reading:
    """Read the only file of a log again and again while it is renamed: it is there at each moment."""
    log = growing(viewer, 12)
    stream_id = viewer.id_of(log.name)
    wanted = log.texts[: log.written]
    pauses = [viewer.draw.integer(1, 4) / 2000 for _ in range(MOST_RENAMES)]

    names = [log.path, *(Path(f"{log.path}.{number}") for number in range(1, MOST_RENAMES + 1))]

    def rename() -> None:
        for (old, new), seconds in zip(pairwise(names), pauses, strict=True):
            old.rename(new)
            time.sleep(seconds)

    with ThreadPoolExecutor(1) as pool:
        renaming = pool.submit(rename)
        raws = wanted
        while raws == wanted and not renaming.done():
            raws = viewer.page(stream_id).raws
        renaming.result()
    return "a log that is renamed meanwhile", raws, wanted


@when("a log is rotated and compressed between its pages", target_fixture="readings")
def a_log_is_rotated_and_compressed(viewer: Viewer) -> list[Reading]:
    def change(log: Growing, number: int) -> None:
        log.rename()
        log.write(viewer.draw.integer(1, 8))
        log.compress(1, (".gz", ".zst")[number % 2])

    return read_while(growing(viewer, 120), change, 8)


@when(
    "a log is copied and truncated between its pages, and soon larger than it was", target_fixture="readings"
)
def a_log_is_copied_and_truncated(viewer: Viewer) -> list[Reading]:
    def change(log: Growing, _: int) -> None:
        log.copy_and_truncate()
        log.write(viewer.draw.integer(1, 14))

    return read_while(growing(viewer, 160), change, 7)


@when("the bytes of a cursor are removed, truncated or overwritten", target_fixture="lost")
def the_bytes_of_a_cursor_are_removed(viewer: Viewer) -> list[tuple[str, Exchange, Growing, list[bytes]]]:
    draw = viewer.draw
    found = []
    for what in ("removed", "truncated", "overwritten", "other bytes behind the same head"):
        head = lines([b"the same banner in each file ".ljust(99, b"-")] * 12)
        log = Growing(viewer, viewer.new_name(), stamped(draw, 60))
        if what.startswith("other"):
            viewer.write(log.name, head)
        log.write(20)
        stream_id = viewer.id_of(log.name)
        cursor = viewer.page(stream_id, limit=draw.integer(14, 19)).next_cursor
        viewer.write(f"{log.name}.1", log.texts[:2])
        kept = log.texts[:2]
        if what == "removed":
            log.path.unlink()
            log.path.touch()
            rest: list[bytes] = []
        elif what == "truncated":
            os.truncate(log.path, 0)
            rest = log.texts[20:22]
            viewer.append(log.name, rest)
        else:
            rest = log.texts[20:60]
            before = head.splitlines() if what.startswith("other") else []
            log.path.write_bytes(lines([*before, *rest]))
            rest = [*before, *rest]
        path = f"{STREAMS}/{stream_id}/tail?cursor={quote(cursor or '', safe='')}"
        is_problem(viewer.client.get(path), GONE, rule=f"a tail, when the bytes were {what}")
        answer = viewer.ask(stream_id, cursor=cursor)
        found.append((what, answer, log, [*kept, *rest]))
    return found


@then("the cursor gets 410, and reading from the beginning goes on")
def the_cursor_gets_410(viewer: Viewer, lost: list[tuple[str, Exchange, Growing, list[bytes]]]) -> None:
    for what, answer, log, texts in lost:
        is_problem(answer, GONE, rule=f"the bytes were {what}")
        same([one.raw for one in viewer.forward(viewer.id_of(log.name))], texts, f"what is left when {what}")


@when(
    "cursors are changed by a character, cut, made up, or taken from another stream", target_fixture="refused"
)
def cursors_are_changed(viewer: Viewer) -> list[Exchange]:
    draw = viewer.draw
    ids = []
    cursors = []
    for _ in range(2):
        name = viewer.new_name()
        viewer.write(name, stamped(draw, 9))
        ids.append(viewer.id_of(name))
        page = viewer.page(ids[-1], limit=draw.integer(2, 5))
        cursors += [page.next_cursor or "", page.entries[-1].id, page.tail_cursor or ""]
    wrong = [*cursors[3:], "x", draw.text(40), "AAAA", "..", "é"]
    for cursor in cursors[:3]:
        places = {0, draw.integer(1, len(cursor) - 2), len(cursor) - 2, len(cursor) - 1}
        wrong += [cursor[:place] + neighbour(cursor[place]) + cursor[place + 1 :] for place in places]
        wrong += [cursor[:-1] + neighbour(cursor[-1], bit) for bit in (2, 4, 8)]
        wrong += [cursor[:-1], cursor[1:], f"{cursor}=", f"{cursor}A", f" {cursor}", cursor * 2]
    return [
        viewer.ask(ids[0], **{name: cursor})
        for cursor in wrong
        for name in (draw.choice(("cursor", "around")),)
    ]


def neighbour(character: str, bit: int = 1) -> str:
    """Return the character whose bits differ in one, in base64 and its like."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) ^ bit] if character in alphabet else "A"


@then("each gets 400")
def each_gets_400(refused: list[Exchange]) -> None:
    for answer in refused:
        is_problem(answer, MALFORMED)


@when("a log grows behind its last page, by entries and by lines of its last entry", target_fixture="grown")
def a_log_grows_behind_its_last_page(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    texts = stamped(draw, 40)
    name = viewer.new_name()
    viewer.write(name, texts[:10])
    stream_id = viewer.id_of(name)
    found = []
    for limit in (5, 100):
        page = viewer.page(stream_id, limit=limit)
        new, texts = texts[10:14], texts[4:]
        trace = [b"  at one", b"  at two"][: draw.integer(1, 2)]
        viewer.append(name, [*trace, *new])
        behind = viewer.page(stream_id, cursor=page.tail_cursor)
        # Lines of an entry that was already listed are an entry of their own, at its time.
        found.append((f"behind the end, after limit={limit}", behind.raws, [b"\n".join(trace), *new]))
        times = [one.time for one in behind.entries]
        last = viewer.page(stream_id, cursor=page.tail_cursor, direction="backward", limit=1).entries
        expect(
            times[0] == last[0].time, expected=f"the time of the entry before: {last[0].time}", got=times[0]
        )
    return found


@then("`tail_cursor` leads to what has come since, once")
def tail_cursor_leads_to_what_has_come_since(grown: list[Reading]) -> None:
    for what, raws, texts in grown:
        same(raws, texts, what)


@when(
    "pages are asked of two processes in turn, and of one that was started later", target_fixture="readings"
)
def pages_are_asked_of_two_processes(
    world: World, log_dir: Path, service_settings: Mapping[str, str]
) -> list[Reading]:
    service = world.start_alone({"LOG_DIR": service_settings["LOG_DIR"]})  # the rest has defaults
    service.add("web")
    viewers = [Viewer(service, world.draw, log_dir, process=number) for number in range(2)]
    draw: Draw = world.draw
    log = growing(viewers[0], 100)
    log.write(70)
    ids = {viewer.id_of(log.name) for viewer in viewers}
    expect(len(ids) == 1, expected="one id in both processes", got=ids)
    stream_id = ids.pop()
    found: list[bytes] = []
    cursor: str | None = None
    for number in range(8):
        page = viewers[number % 2].page(stream_id, cursor=cursor, limit=draw.integer(2, 7))
        found += page.raws
        cursor = page.next_cursor
        log.rename()
        log.write(1)
    for _ in range(2):  # each is known by the other process, which is not asked for a list
        one = Growing(viewers[0], viewers[0].new_name(), stamped(draw, 5))
        one.write(5)
        heard = viewers[1].page(viewers[0].id_of(one.name)).raws
        same(heard, one.texts, "a log whose id the other process gave out")
    service.add("web")
    later = Viewer(service, draw, log_dir, process=2)
    expect(
        later.id_of(log.name) == stream_id, expected="the same id after a restart", got=later.id_of(log.name)
    )
    while cursor is not None:
        page = later.page(stream_id, cursor=cursor, limit=40)
        found += page.raws
        cursor = page.next_cursor
    return [("of several processes", found, log.texts[: log.written])]


@when(
    "a log is asked for by time, grows, is rotated and truncated, and is asked again", target_fixture="ranges"
)
def a_log_is_asked_for_by_time_and_again(viewer: Viewer) -> list[Reading]:
    draw = viewer.draw
    log = growing(viewer, 400)
    found: list[Reading] = []

    def ask() -> None:
        stream_id = viewer.id_of(log.name)
        whole = log.texts[: log.written]
        times = [text.split(b" ")[0].decode() for text in whole]
        low, high = sorted(draw.choice(times) for _ in range(2))
        for since, until in ((low, high), (times[-1], None), (None, times[0]), (times[0], None)):
            wanted = [
                text
                for text, moment in zip(whole, times, strict=True)
                if (since is None or since <= moment) and (until is None or moment < until)
            ]
            listed = viewer.forward(stream_id, since=since, until=until, limit=1000)
            found.append((f"from {since} to {until}", [one.raw for one in listed], wanted))

    for change in draw.shuffle(("grow", "grow", "rename", "copy", "grow", "compress", "copy")):
        ask()
        if change == "rename":
            log.rename()
        elif change == "copy":
            log.copy_and_truncate()
        elif change == "compress":
            log.rename()
            log.compress(1, ".gz")
        log.write(draw.integer(1, 50))
    ask()
    return found


@then("each range has all of its entries as they are then")
def each_range_has_all_of_its_entries(ranges: list[Reading]) -> None:
    for what, raws, texts in ranges:
        same(raws, texts, what)
