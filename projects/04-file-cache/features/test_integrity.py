"""Steps of integrity.feature: damaged files, and killed processes."""

import os
import re
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Stream, describe_answer, expect, wait_until_ready

from .store import BLOCK_BYTES, CREATED, OK, Store, file_of, is_gone_by, is_hit, is_miss, path_of, unlike

scenarios("integrity.feature")

ROUNDS = 4
PARTIAL = 206
# Larger and larger, so that most of the time one is on its way.
SIZES = range(300_000, 2_500_000, 150_000)
AT_ONCE = 3
PAUSES = 3
MARGIN_SECONDS = 0.6
DAMAGED = re.compile(r"^(\w*(?:damaged|corrupt)\w*)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Damaged:
    """An entry, and the file that holds its bytes, and what was done to it."""

    key: bytes
    body: bytes
    what: str
    must_miss: bool
    """Where the damage is in what an answer begins with."""


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << (at % 8)
    path.write_bytes(data)


@when("the files of entries are damaged in every way", target_fixture="damaged")
def the_files_of_entries_are_damaged(store: Store) -> list[Damaged]:
    draw = store.draw
    found = []
    for size_bytes in (draw.integer(60, 4000), BLOCK_BYTES, draw.integer(300_000, 900_000)):
        for what, damage in ways(store, size_bytes).items():
            key, body = store.key(), store.body(size_bytes)
            store.put(key, body)
            path = file_of(store, body)
            damage(path, path.read_bytes().index(body[:40]))
            late = size_bytes > BLOCK_BYTES and what.startswith("late")
            found.append(Damaged(key, body, f"{what}, of {size_bytes} bytes", must_miss=not late))
    return [*found, *mixed_up(store)]


def ways(store: Store, size_bytes: int) -> dict[str, Callable[[Path, int], object]]:
    """Return what can be done to a file in which a body begins at some place."""
    draw = store.draw
    early = draw.integer(0, min(size_bytes, BLOCK_BYTES) - 1)
    late = draw.integer(size_bytes // 2, size_bytes - 1)
    cut = draw.integer(1, size_bytes - 1)

    def keep(path: Path, length: int) -> None:
        os.truncate(path, length)

    return {
        "a bit of the first block flipped": lambda path, start: flip(path, start + early),
        "late: a bit flipped": lambda path, start: flip(path, start + late),
        "late: a bit of the last byte flipped": lambda path, start: flip(path, start + size_bytes - 1),
        "cut off within the body": lambda path, start: keep(path, start + cut),
        "late: the last byte gone": lambda path, _: keep(path, path.stat().st_size - 1),
        "emptied": lambda path, _: keep(path, 0),
        "one byte longer": lambda path, _: path.write_bytes(path.read_bytes() + b"\0"),
        "filled with zeros": lambda path, _: path.write_bytes(bytes(path.stat().st_size)),
        "gone": lambda path, _: path.unlink(),
    }


def mixed_up(store: Store) -> list[Damaged]:
    """Put a whole file of one entry into the place of another."""
    size_bytes = store.draw.integer(100, 200_000)
    pair = [(store.key(), store.body(size_bytes)) for _ in range(2)]
    for key, body in pair:
        store.put(key, body)
    one, other = (file_of(store, body) for _, body in pair)
    other.write_bytes(one.read_bytes())
    return [Damaged(pair[1][0], pair[1][1], "replaced by the file of another", must_miss=True)]


@then("no complete answer has other bytes than were stored, the damage is counted, and the others live on")
def no_complete_answer_has_other_bytes(store: Store, damaged: list[Damaged]) -> None:
    others = [(store.key(), store.body(200_000)) for _ in range(3)]
    for key, body in others:
        store.put(key, body)
    counted = damages(store)
    for method in ("GET", "HEAD", "DELETE"):
        store.ask(method, store.key())
    same = damages(store) == counted
    expect(same, expected=f"{counted:g} damaged files, also after misses", got=f"{damages(store):g}")
    for one in damaged:
        answers = [store.get(one.key, {"Range": "bytes=1-"}), store.get(one.key)]
        for number, answer in enumerate(answers):
            is_right = (answer.status, answer.body) in {(OK, one.body), (PARTIAL, one.body[1:])}
            is_cut = answer.status == 0 and not (number or one.must_miss)
            if not is_right and not is_cut:
                got = unlike(answer.body, one.body)
                wanted = f"no complete answer of what was {one.what}"
                expect(answer.status not in {OK, PARTIAL}, expected=wanted, got=got, answer=answer)
                is_miss(answer)
            if "flipped" in one.what or "cut off" in one.what:
                expect(not is_right, expected=f"no hit of what was {one.what}", got="200", answer=answer)
    more = damages(store) - counted
    least = sum("flipped" in one.what for one in damaged)
    expect(more >= least, expected=f"{least} more of a counter of damaged files", got=more)
    for key, body in others:
        store.expect_hit(key, body)


def damages(store: Store) -> float:
    """Return what /metrics says of damaged files: the sum of the first counter of such a name."""
    scrape = store.service.client().get("/metrics")
    found = [(name, value) for name, value in DAMAGED.findall(scrape.text) if name.endswith("_total")]
    expect(bool(found), expected="a counter of damaged files in /metrics", got="none", answer=scrape)
    return sum(float(value) for name, value in found if name == found[0][0])


@then("a new PUT heals each")
def a_new_put_heals_each(store: Store, damaged: list[Damaged]) -> None:
    for one in damaged:
        body = store.body(len(one.body))
        store.put(one.key, body)
        store.expect_hit(one.key, body)
        store.expect_hit(one.key, body)


@dataclass
class Killed:
    """What each key may hold, and how much was in the folder before the last round."""

    acknowledged: dict[bytes, bytes] = field(default_factory=dict)
    possible: dict[bytes, list[bytes]] = field(default_factory=dict)
    largest_bytes: int = 0


@when(
    "the service is killed again and again in the midst of uploads, and started again",
    target_fixture="killed",
)
def the_service_is_killed_again_and_again(store: Store) -> Killed:
    killed = Killed()
    keys = [store.key() for _ in range(AT_ONCE)]
    for key in keys:
        killed.acknowledged[key] = store.body(store.draw.integer(100_000, 900_000))
        store.put(key, killed.acknowledged[key])
    for _ in range(ROUNDS):
        bodies = {key: [store.body(size_bytes) for size_bytes in SIZES] for key in keys}
        after_seconds = store.draw.integer(30, 250) / 1000
        unfinished = store.key()
        with half_sent(store, unfinished), ThreadPoolExecutor(AT_ONCE) as pool:
            sending = [pool.submit(go_on, store, killed, key, bodies[key]) for key in keys]
            time.sleep(after_seconds)
            store.service.web.kill()
            for one in sending:
                one.result()
        store.service.web.restart()
        wait_until_ready(store.service.web, timeout_seconds=20)
        store.expect_miss(unfinished)
        for key in keys:
            is_one_of_them(store, killed, key)
    return killed


def half_sent(store: Store, key: bytes) -> Stream:
    """Begin an upload that will not end: at least this one is on its way when the service is killed."""
    body = store.body(SIZES[-1])
    headers = {"Content-Length": str(len(body)), "Cache-Control": "max-age=900"}
    stream = Stream(store.service.urls[0], path_of(key), headers, method="PUT")
    stream.send(body[: len(body) // 2])
    return stream


def go_on(store: Store, killed: Killed, key: bytes, bodies: list[bytes]) -> None:
    """Store one body after the other until nobody answers."""
    killed.possible[key] = [killed.acknowledged[key]]
    for body in bodies:
        killed.possible[key].append(body)
        answer = store.ask("PUT", key, {}, body)
        if answer.status not in {OK, CREATED}:
            expect(answer.status == 0, expected="stored, or no answer", got=describe_answer(answer))
            return
        killed.acknowledged[key] = body
        killed.possible[key] = [body]


def is_one_of_them(store: Store, killed: Killed, key: bytes) -> None:
    """What was acknowledged last is there, or what was on its way after it; whole in either case."""
    answer = store.get(key)
    expect(answer.status == OK, expected="the last entry that was acknowledged", got=describe_answer(answer))
    is_whole = answer.body in killed.possible[key]
    got = unlike(answer.body, killed.acknowledged[key])
    expect(is_whole, expected="the old bytes or the new ones, whole", got=got, answer=answer)
    killed.acknowledged[key] = answer.body


@then("each entry is the old one or the new one, whole, and what was acknowledged is there")
def each_entry_is_the_old_one_or_the_new_one(store: Store, killed: Killed) -> None:
    for key, body in killed.acknowledged.items():
        is_hit(store.get(key), body)


@then("what was on its way is gone from the folder within three pauses")
def what_was_on_its_way_is_gone(store: Store, killed: Killed) -> None:
    most = sum(len(body) + 5000 for body in killed.acknowledged.values()) + 50_000
    deadline = time.monotonic() + PAUSES * (float(store.settings["CLEANUP_SECONDS"]) + MARGIN_SECONDS)
    wanted = f"at most {most} bytes in the folder"
    is_gone_by(deadline, lambda: max(0, store.used_bytes() - most), expected=wanted, got="bytes more")


@when("entries are stored under keys that would lead elsewhere", target_fixture="answers")
def entries_are_stored_under_keys_that_would_lead_elsewhere(store: Store) -> list[Exchange]:
    word = store.draw.word().encode()
    up = b"../" * store.draw.integer(1, 9)
    keys = [
        up + word,
        b"/etc/" + word,
        b"/tmp/" + word,
        word + b"\x00",
        up + b"tmp/" + word,
        word + b"/" + up + word,
    ]
    keys.append(str(store.data.parent).encode() + b"/" + word)
    answers = [store.put(key, store.body()) for key in store.draw.shuffle(keys)]
    for key in keys[1::2]:  # a file that was read is as private as one that was not
        answer = store.get(key)
        expect(answer.status == OK, expected="200 for what was stored", got=describe_answer(answer))
    return answers


@then("each file is in the folder, and nobody else may read or write it")
def each_file_is_in_the_folder(store: Store, answers: list[Exchange]) -> None:
    with_content = [path for path in store.files() if path.is_file() and path.stat().st_size]
    enough = len(with_content) >= len(answers)
    expect(enough, expected=f"files of {len(answers)} entries in the folder", got=len(with_content))
    for path in with_content:
        mode = stat.S_IMODE(path.stat().st_mode)
        expect(not mode & 0o077, expected="0600", got=f"{mode:04o} for {path.relative_to(store.data)}")
    made = [path.name for path in store.data.parent.iterdir() if path.is_file()]
    strange = [name for name in made if not name.endswith("-beside")]
    expect(not strange, expected="nothing beside the folder", got=strange)
