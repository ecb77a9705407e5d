"""Steps of budget.feature: room, and who makes it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Instance,
    Stream,
    World,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .bodies import CHUNK_BYTES, comes_first, digest, first_answer
from .store import CREATED, OK, Store, folder_of, is_miss, path_of

scenarios("budget.feature")

NO_ROOM = 507
CONTINUE = 100
MIB = 1024 * 1024
PARTIAL = 206
LEAST_PART = 0.75
# Beside its bytes an entry may have so much in its file.
BESIDE_BYTES = 4096
UNDER_WAY_SECONDS = 0.4
# More than the last 64 KiB of a body in chunks, which need not count yet, and what entries have beside them.
SMALL_BYTES = 120_000


@given("a cache with a small budget", target_fixture="store")
def a_cache_with_a_small_budget(world: World, service_settings: dict[str, str]) -> Store:
    return small_cache(world, service_settings, world.draw.integer(900_000, 1_500_000))


@given("a cache with room for a few large entries", target_fixture="store")
def a_cache_with_room_for_a_few_large_entries(world: World, service_settings: dict[str, str]) -> Store:
    return small_cache(world, service_settings, world.draw.integer(1_500_000, 2_200_000))


def small_cache(world: World, service_settings: dict[str, str], most: int) -> Store:
    folder = folder_of(world)
    budget = world.draw.integer(4 * most, 6 * most)
    small = {"MAX_VALUE_BYTES": str(most), "BUDGET_BYTES": str(budget), "DATA_DIR": str(folder)}
    settings = {**service_settings, **small}
    return Store(world.start_alone(settings), world.draw, settings, folder)


@dataclass(frozen=True)
class Filled:
    """What was stored, in order."""

    entries: Sequence[tuple[bytes, int]]


def fill(store: Store, budgets: float, processes: int = 1) -> list[tuple[bytes, int]]:
    """Store so many budgets of entries; the newest is found at once, whatever had to go."""
    entries: list[tuple[bytes, int]] = []
    left_bytes = budgets * store.budget_bytes
    while left_bytes > 0:
        key, size_bytes = store.key(), store.draw.integer(20_000, 250_000)
        process = len(entries) % processes
        store.put(key, bytes(size_bytes), process=process)
        head = (
            store.ask("HEAD", key, process=len(entries) // 2 % processes) if len(entries) % 5 == 0 else None
        )
        expect(
            head is None or head.status == OK,
            expected="200 for what was just stored",
            got=head and head.status,
        )
        entries.append((key, size_bytes))
        left_bytes -= size_bytes
    return entries


def found(store: Store, entries: Sequence[tuple[bytes, int]]) -> int:
    """Return how many bytes those have that are still there."""
    total = 0
    for key, size_bytes in entries:
        answer = store.get(key)
        if answer.status == OK:
            expect(answer.body == bytes(size_bytes), expected=f"{size_bytes} bytes", got=len(answer.body))
            total += size_bytes
        else:
            is_miss(answer)
    return total


@when(
    "three times as much is stored as the budget, by both processes, over restarts", target_fixture="filled"
)
def three_times_as_much_is_stored(store: Store, second: Instance) -> Filled:
    entries = fill(store, 1.5, processes=2)
    for instance in (store.service.web, second):
        instance.kill()
        instance.restart()
    for instance in (store.service.web, second):
        wait_until_ready(instance, timeout_seconds=20)
    more = fill(store, 0.7, processes=2)
    key, size_bytes = store.key(), store.draw.integer(50_000, 60_000)
    for number in range(int(0.8 * store.budget_bytes / size_bytes)):  # one entry, in its own place
        store.put(key, bytes(size_bytes), process=number % 2)
    return Filled([*entries, *more, (key, size_bytes)])


@then("what is found has BUDGET_BYTES at most and three quarters of it at least, and what came last is found")
def what_is_found_has_the_budget_at_most(store: Store, filled: Filled) -> None:
    used = store.used_bytes()
    most = store.budget_bytes + len(filled.entries) * BESIDE_BYTES + 100_000
    expect(used <= most, expected=f"files of {most} bytes at most", got=used)
    total = found(store, filled.entries)
    least = int(LEAST_PART * store.budget_bytes)
    got = f"{total} bytes are found"
    expect(
        least <= total <= store.budget_bytes, expected=f"from {least} to {store.budget_bytes} bytes", got=got
    )
    last, _ = filled.entries[-1]
    answer = store.get(last)
    expect(answer.status == OK, expected="200 for what came last", got=describe_answer(answer), answer=answer)


@then("the files have not much more")
def the_files_have_not_much_more(store: Store, filled: Filled) -> None:
    used = store.used_bytes()
    most = store.budget_bytes + len(filled.entries) * BESIDE_BYTES + 100_000
    expect(used <= most, expected=f"files of {most} bytes at most", got=used)


@dataclass(frozen=True)
class Scanned:
    """Those that were read, and those that nobody has read."""

    read: Sequence[tuple[bytes, int]]
    unread: Sequence[tuple[bytes, int]]


@when(
    "entries are stored of which some are read once, and three times the budget follows that nobody reads",
    target_fixture="scanned",
)
def entries_are_stored_of_which_some_are_read_once(store: Store) -> Scanned:
    entries = store.draw.shuffle(fill_unread(store, 0.8))
    read = entries[: len(entries) // 3]
    for number, (key, _) in enumerate(read):
        answer = store.get(key, {} if number % 3 else {"Range": "bytes=0-9"})
        is_read = answer.status == (OK if number % 3 else PARTIAL)
        expect(is_read, expected="200 or 206 before there is too much", got=describe_answer(answer))
    return Scanned(read, [*entries[len(read) :], *fill_unread(store, 3)])


def fill_unread(store: Store, budgets: float) -> list[tuple[bytes, int]]:
    entries: list[tuple[bytes, int]] = []
    left_bytes = budgets * store.budget_bytes
    while left_bytes > 0:
        key, size_bytes = store.key(), store.draw.integer(20_000, 250_000)
        store.put(key, bytes(size_bytes))
        entries.append((key, size_bytes))
        left_bytes -= size_bytes
    return entries


@then("those that were read are still there")
def those_that_were_read_are_still_there(store: Store, scanned: Scanned) -> None:
    for key, size_bytes in scanned.read:
        store.expect_hit(key, bytes(size_bytes))
    left_bytes = store.budget_bytes // 4
    for key, size_bytes in reversed(scanned.unread):
        left_bytes -= size_bytes
        if left_bytes < 0:
            break
        store.expect_hit(key, bytes(size_bytes))
    total = found(store, [*scanned.read, *scanned.unread])
    expect(total <= store.budget_bytes, expected=f"{store.budget_bytes} bytes at most", got=total)


@dataclass(frozen=True)
class Crowd:
    """Uploads under way, and who came while there was no room."""

    under_way: Sequence[tuple[bytes, bytes]]
    refused: Sequence[Exchange]
    announced: Sequence[bytes]
    stored: Sequence[Exchange]


@when("uploads that are under way hold most of the budget, and more come than fit", target_fixture="crowd")
def uploads_that_are_under_way_hold_most_of_the_budget(store: Store) -> Crowd:
    store.put(store.key(), store.body())  # what may be evicted does not help
    under_way = [(store.key(), body) for body in nearly_all(store)]
    streams = all_begun(store, under_way)
    time.sleep(UNDER_WAY_SECONDS)
    sizes = (store.max_value_bytes, store.draw.integer(SMALL_BYTES, store.max_value_bytes), SMALL_BYTES)
    refused = [
        store.ask("PUT", store.key(), {}, bytes(size_bytes), process=process)
        for size_bytes in sizes
        for process in (0, 1)
    ]
    announced = [
        first_answer(store, store.key(), {"Content-Length": str(size_bytes)}, process=process)
        for size_bytes, process in zip(sizes, store.draw.shuffle((0, 1, 1)), strict=True)
    ]
    for number, (stream, (_, body)) in enumerate(zip(streams, under_way, strict=True)):
        stream.send(body[len(body) // 2 :] if number else b"")
        stream.end()
    stored = [stream.answer() for stream in streams]
    for stream in streams:
        stream.close()
    return Crowd(under_way, refused, announced, stored)


def nearly_all(store: Store) -> list[bytes]:
    """Make bodies that leave no room, together with what each has beside it; the first is the largest."""
    beside_bytes = BESIDE_BYTES + 2000
    rest_bytes = store.budget_bytes - store.max_value_bytes - beside_bytes
    count = -(-rest_bytes // store.max_value_bytes)
    rest = [store.body(rest_bytes // count - beside_bytes) for _ in range(count)]
    return [store.body(store.max_value_bytes), *rest]


def all_begun(store: Store, uploads: Sequence[tuple[bytes, bytes]]) -> list[Stream]:
    """Begin uploads at both processes: the first in chunks, all but the last; of the others send a half."""
    (key, body), *others = uploads
    first = store.draw.integer(0, 1)
    headers = {"Content-Digest": digest(body), "Cache-Control": "max-age=900"}
    chunked = Stream(store.service.urls[first], path_of(key), headers, method="PUT")
    for at in range(0, len(body), CHUNK_BYTES):
        chunked.send(body[at : at + CHUNK_BYTES])
    time.sleep(UNDER_WAY_SECONDS)
    return [
        chunked,
        *(begun(store, *other, process=(first + number) % 2) for number, other in enumerate(others, 1)),
    ]


def begun(store: Store, key: bytes, body: bytes, *, process: int) -> Stream:
    """Send the first half of an upload."""
    headers = {"Content-Length": str(len(body)), "Cache-Control": "max-age=900"}
    stream = Stream(store.service.urls[process], path_of(key), headers, method="PUT")
    stream.send(body[: len(body) // 2])
    return stream


@then("those get 507, entries or not, and the ones under way are stored")
def those_get_507(store: Store, crowd: Crowd) -> None:
    for answer in crowd.refused:
        is_problem(answer, NO_ROOM)
    for came in crowd.announced:
        comes_first(came, NO_ROOM, "what has no room")
    for (key, body), answer in zip(crowd.under_way, crowd.stored, strict=True):
        expect(answer.status == CREATED, expected="201 for what was under way", got=describe_answer(answer))
        store.expect_hit(key, body)


@then("the room of those that ended early is free again")
def the_room_of_those_that_ended_early_is_free_again(store: Store) -> None:
    for _ in range(3):
        for stream in all_begun(store, [(store.key(), body) for body in nearly_all(store)]):
            stream.close()
    key, body = store.key(), store.body(store.max_value_bytes)
    answer = store.ask("PUT", key, {}, body)
    for _ in range(20):  # until it is noticed that they are gone
        if answer.status != NO_ROOM:
            break
        time.sleep(0.1)
        answer = store.ask("PUT", key, {}, body)
    expect(
        answer.status == CREATED,
        expected="201: there is room again",
        got=describe_answer(answer),
        answer=answer,
    )
    store.expect_hit(key, body)


@then("it is so with a budget of many MiB")
def it_is_so_with_a_budget_of_many_mib(world: World, service_settings: dict[str, str]) -> None:
    most = world.draw.integer(200, 2_000) * MIB
    large = {"MAX_VALUE_BYTES": str(most), "BUDGET_BYTES": str(2 * most)}
    settings = {**service_settings, **large, "DATA_DIR": str(folder_of(world))}
    store = Store(world.start_alone(settings), world.draw, settings, folder_of(world))
    under_way = [begun_of(store, size_bytes) for size_bytes in (most, most // 2)]
    time.sleep(UNDER_WAY_SECONDS)
    too_large, fits = ({"Content-Length": str(size_bytes)} for size_bytes in (most, most // 2 - most // 50))
    comes_first(first_answer(store, store.key(), too_large), NO_ROOM, "what has no room")
    comes_first(first_answer(store, store.key(), fits), CONTINUE, "what has room")
    for stream in under_way:
        stream.close()


def begun_of(store: Store, size_bytes: int) -> Stream:
    """Announce so many bytes, and send a few of them."""
    headers = {"Content-Length": str(size_bytes)}
    stream = Stream(store.service.urls[0], path_of(store.key()), headers, method="PUT")
    stream.send(store.body(1000))
    return stream
