"""Steps of expiry.feature: times to live, and clean-up."""

import os
import re
import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Side,
    World,
    describe_answer,
    expect,
    is_problem,
    side_of_end,
    wait_until,
    wait_until_ready,
)

from .store import (
    CREATED,
    MALFORMED,
    NOT_FOUND,
    NOT_MODIFIED,
    OK,
    PRECONDITION,
    Store,
    field,
    in_doubt,
    is_gone_by,
    is_hit,
    is_miss,
    number,
)

scenarios("expiry.feature")

LONGEST_SECONDS = 2**31
STATUS = re.compile(r"[!-~]+; *hit; *ttl=(-?[0-9]+)")
CLEANED = 3
MARGIN_SECONDS = 0.6


@dataclass(frozen=True)
class Living:
    """An entry, and how long it lives."""

    key: bytes
    body: bytes
    put: Exchange
    ttl_seconds: float

    @property
    def over(self) -> float:
        """The moment from which on it must have expired."""
        return self.put.received + self.ttl_seconds + 0.06


def living(store: Store, cache_control: str, ttl_seconds: float) -> Living:
    key, body = store.key(), store.body()
    put = store.put(key, body, {"Cache-Control": cache_control})
    return Living(key, body, put, ttl_seconds)


@when("entries are stored with max-age, with s-maxage and with both", target_fixture="entries")
def entries_are_stored_with_times(store: Store) -> list[Living]:
    draw = store.draw
    long = draw.integer(50, 90_000)
    one = draw.choice((1, 2))
    texts = [
        (f"max-age={one}", one),
        (f"s-maxage={one}", one),
        (f"max-age={long}, s-maxage={one}", one),
        (f"s-maxage={one}, max-age={long}", one),
        (f"max-age={one}, s-maxage={long}", long),
        (f"max-age={long}", long),
    ]
    return [living(store, text, ttl_seconds) for text, ttl_seconds in draw.shuffle(texts)]


@then("each is a hit until its time is over, and a miss from then on, for GET, HEAD, DELETE and conditions")
def each_is_a_hit_until_its_time_is_over(store: Store, entries: list[Living]) -> None:
    expiring = [entry for entry in entries if entry.ttl_seconds <= 2]
    for entry in sorted(expiring, key=lambda one: one.ttl_seconds):
        wait_until(entry.put.sent + entry.ttl_seconds - 0.2)
        answer = store.get(entry.key)
        if side_or_none(entry, answer) is Side.WITHIN:
            is_hit(answer, entry.body)
    asked = {
        entry.key: store.draw.choice(("GET", "HEAD", "DELETE", "If-Match", "If-None-Match"))
        for entry in expiring
    }
    for entry in expiring:
        wait_until(entry.over)
        is_expired(store, entry, asked[entry.key])
    for entry in entries:
        if entry.ttl_seconds > 2:
            store.expect_hit(entry.key, entry.body)


def side_or_none(entry: Living, answer: Exchange) -> Side | None:
    try:
        return side_of_end(entry.put, answer, entry.ttl_seconds)
    except Inconclusive:
        return None


def is_expired(store: Store, entry: Living, way: str) -> None:
    """Ask in this way first: nobody has asked since it has expired."""
    if way in {"GET", "HEAD", "DELETE"}:
        answer = store.ask(way, entry.key)
        expect(
            answer.status == NOT_FOUND, expected=f"404 for {way}", got=describe_answer(answer), answer=answer
        )
    elif way == "If-Match":
        answer = store.ask("PUT", entry.key, {"If-Match": "*"}, b"new")
        is_problem(answer, PRECONDITION)
    else:
        answer = store.ask("PUT", entry.key, {"If-None-Match": "*"}, b"new")
        expect(
            answer.status == CREATED,
            expected="201: there is nothing",
            got=describe_answer(answer),
            answer=answer,
        )
        store.expect_hit(entry.key, b"new")
        return
    store.expect_miss(entry.key)
    put = store.put(entry.key, b"new")
    expect(put.status == CREATED, expected="201 where one has expired", got=describe_answer(put), answer=put)
    store.expect_hit(entry.key, b"new")


@given("a cache whose default is short", target_fixture="store")
def a_cache_whose_default_is_short(world: World, service_settings: dict[str, str]) -> Store:
    settings = {**service_settings, "DEFAULT_TTL_SECONDS": str(world.draw.integer(1, 2))}
    return Store(world.start_alone(settings), world.draw, settings)


@when("entries are stored whose Cache-Control says no time", target_fixture="entries")
def entries_are_stored_whose_cache_control_says_no_time(store: Store) -> list[Living]:
    ttl_seconds = int(store.settings["DEFAULT_TTL_SECONDS"])
    texts = (
        "",
        "no-cache",
        "public, no-transform",
        'private="a, max-age=90"',
        "x-max-age=900",
        "max-stale=70",
    )
    found = [living(store, text, ttl_seconds) for text in store.draw.shuffle(texts)]
    return [*found, living(store, f"max-age={store.draw.integer(30, 900)}", 30)]


@then("each lives for the default")
def each_lives_for_the_default(store: Store, entries: list[Living]) -> None:
    *default, long = entries
    for entry in default:
        answer = store.get(entry.key)
        if side_or_none(entry, answer) is Side.WITHIN:
            is_hit(answer, entry.body)
    for entry in default:
        wait_until(entry.over)
        is_miss(store.get(entry.key))
    store.expect_hit(long.key, long.body)


@when(
    "entries are stored with times that are none, and with times that are spelled unusually",
    target_fixture="spelled",
)
def entries_are_stored_with_times_that_are_none(store: Store) -> list[tuple[Exchange, int]]:
    draw = store.draw
    seconds = draw.integer(100, 90_000)
    name = draw.choice(("max-age", "s-maxage"))
    bad = [
        "1.5",
        f"{seconds}.0",
        "-1",
        "-0",
        f"+{seconds}",
        f"{seconds}s",
        "",
        f'"{seconds}"',
        "1e3",
        "0x10",
        "1_000",
    ]
    refused = [f"{name}={text}" for text in draw.shuffle(bad)[:6]]
    refused += [
        name,
        f"{name}={seconds}, {name}={seconds + 1}",
        f"{name}={seconds} {name}=1",
        f"{name} = {seconds}",
    ]
    stale = draw.choice(("stale-while-revalidate", "stale-if-error"))
    refused += [
        f"{name}={seconds}, {stale}={draw.choice(bad)}",
        f"{stale}={seconds}, {name}={seconds}, {stale}=1",
        stale,
    ]
    for text in refused:
        key = store.key()
        store.put(key, b"old")
        answer = store.ask("PUT", key, {"Cache-Control": text}, b"new")
        is_problem(answer, MALFORMED)
        store.expect_hit(key, b"old")
    more = draw.choice((LONGEST_SECONDS + 1, 2**32 + 5, 2**63, 10 ** draw.integer(20, 60)))
    accepted = {
        f"{name}={seconds},{name}={seconds}": seconds,
        f"{name.upper()}={seconds}": seconds,
        f",, {name}={seconds} , public,": seconds,
        f"{name}=0{seconds}": seconds,
        f"{name}={LONGEST_SECONDS}": LONGEST_SECONDS,
        f"{name}={LONGEST_SECONDS - 1}": LONGEST_SECONDS - 1,
        f"{name}={more}": LONGEST_SECONDS,
        f'foo="max-age=1, \\" s-maxage=2", {name}={seconds}': seconds,
    }
    found = []
    for text, lives in draw.shuffle(accepted.items()):
        key = store.key()
        store.put(key, b"body", {"Cache-Control": text})
        found.append((store.expect_hit(key, b"body"), lives))
    key = store.key()
    store.put(key, b"old")
    store.put(key, b"new", {"Cache-Control": f"{name}=0"})
    store.expect_miss(key)
    return found


@then("the first are refused and change nothing, and the others live for what they say")
def the_others_live_for_what_they_say(spelled: list[tuple[Exchange, int]]) -> None:
    for answer, lives in spelled:
        got = field(answer, "cache-control")
        expect(got == f"max-age={lives}", expected=f"Cache-Control: max-age={lives}", got=got, answer=answer)


@dataclass(frozen=True)
class Told:
    """What a hit has said of its age."""

    entry: Living
    answer: Exchange


@when("an entry is asked for again and again, until it has expired", target_fixture="told")
def an_entry_is_asked_for_again_and_again(store: Store) -> list[Told]:
    ttl_seconds = store.draw.integer(3, 4)
    entry = living(store, f"max-age={ttl_seconds}", ttl_seconds)
    etag = field(entry.put, "etag")
    told = []
    while time.monotonic() < entry.put.sent + ttl_seconds - 0.3:
        told.append(Told(entry, store.ask("GET", entry.key)))
        told.append(Told(entry, store.ask("HEAD", entry.key)))
        told.append(Told(entry, store.ask("GET", entry.key, {"If-None-Match": etag})))
        time.sleep(0.25)
    wait_until(entry.over)
    gone = store.expect_miss(entry.key)
    status = field(gone, "cache-status")
    is_right = re.fullmatch(r"[!-~]+; *fwd=(stale|uri-miss)", status) is not None
    expect(is_right, expected="fwd=stale, or fwd=uri-miss once it was removed", got=status, answer=gone)
    absent = field(store.expect_miss(store.key()), "cache-status")
    is_right = re.fullmatch(r"[!-~]+; *fwd=uri-miss", absent) is not None
    expect(is_right, expected="fwd=uri-miss", got=absent)
    return told


@then("Age, Cache-Control and Cache-Status are right each time, on 304 too")
def age_cache_control_and_cache_status_are_right(told: list[Told]) -> None:
    for one in told:
        entry, answer = one.entry, one.answer
        if side_or_none(entry, answer) is not Side.WITHIN:
            continue
        expect(answer.status in {OK, NOT_MODIFIED}, expected="200 or 304", got=describe_answer(answer))
        age = number(answer, "age")
        youngest, oldest = int(answer.sent - entry.put.received), int(answer.received - entry.put.sent)
        expected = f"Age from {max(0, youngest)} to {oldest}"
        expect(max(0, youngest) <= age <= oldest, expected=expected, got=age, answer=answer)
        control = field(answer, "cache-control")
        wanted = f"max-age={entry.ttl_seconds}"
        expect(control == wanted, expected=wanted, got=control, answer=answer)
        expect_ttl(answer, int(entry.ttl_seconds) - age)
        expect(
            field(answer, "etag") == field(entry.put, "etag"),
            expected="the same ETag",
            got=answer.header("etag"),
        )


def expect_ttl(answer: Exchange, ttl_seconds: int) -> None:
    status = field(answer, "cache-status")
    match = STATUS.fullmatch(status)
    expect(match is not None, expected="Cache-Status: name; hit; ttl=N", got=status, answer=answer)
    if match:
        expect(int(match[1]) == ttl_seconds, expected=f"ttl={ttl_seconds}", got=status, answer=answer)


@when("entries are stored, and the service is killed and started again", target_fixture="entries")
def entries_are_stored_and_the_service_is_killed(store: Store) -> list[Living]:
    entries = [living(store, f"max-age={seconds}", seconds) for seconds in (2, 4, 900)]
    store.service.web.kill()
    wait_until(entries[0].over)
    for path in store.files():
        os.utime(path)  # as a copy or a backup leaves it
    store.service.web.restart()
    wait_until_ready(store.service.web, timeout_seconds=20)
    return entries


@then("each expires when it should have, and the age counts from when it was stored")
def each_expires_when_it_should_have(store: Store, entries: list[Living]) -> None:
    soon, later, last = entries
    store.expect_miss(soon.key)
    answer = store.get(later.key)
    if side_or_none(later, answer) is Side.WITHIN:
        is_hit(answer, later.body)
    wait_until(later.over)
    store.expect_miss(later.key)
    answer = store.expect_hit(last.key, last.body)
    age = number(answer, "age")
    least, most = int(answer.sent - last.put.received), int(answer.received - last.put.sent)
    expect(least <= age <= most, expected=f"Age from {least} to {most}", got=age, answer=answer)


@dataclass(frozen=True)
class Many:
    """Those that expire and those that do not, and how much was in the folder before they came."""

    expiring: list[Living]
    staying: list[Living]
    bytes_before: int


@when("many entries are stored, of which some expire", target_fixture="many")
def many_entries_are_stored(store: Store) -> Many:
    before = store.used_bytes()
    expiring, staying = [], []
    for _ in range(store.draw.integer(12, 20)):
        key, body = store.key(), store.body(store.draw.integer(20_000, 90_000))
        expiring.append(Living(key, body, store.put(key, body, {"Cache-Control": "max-age=1"}), 1))
        times = {"Cache-Control": f"max-age={store.draw.integer(60, 9000)}"}
        key, body, groups = store.key(), store.body(), {"Cache-Groups": f'"{store.draw.word()}"'}
        staying.append(Living(key, body, store.put(key, body, {**times, **groups}), 60))
    return Many(expiring, staying, before)


@then("their bytes are gone from the folder within three pauses, and the others are still there")
def their_bytes_are_gone_from_the_folder(store: Store, many: Many) -> None:
    pause_seconds = float(store.settings["CLEANUP_SECONDS"])
    deadline = max(entry.over for entry in many.expiring) + CLEANED * (pause_seconds + MARGIN_SECONDS)
    most = many.bytes_before + sum(len(entry.body) + 2000 for entry in many.staying)
    wanted = f"at most {most} bytes in the folder"
    is_gone_by(deadline, lambda: max(0, store.used_bytes() - most), expected=wanted, got="bytes more")
    for entry in many.staying:
        store.expect_hit(entry.key, entry.body)
    time.sleep(3 * pause_seconds)
    for entry in many.staying:
        store.expect_hit(entry.key, entry.body)


@when("many entries are replaced at the instants at which they expire", target_fixture="many")
def many_entries_are_replaced_at_the_instants_at_which_they_expire(store: Store) -> Many:
    old = [living(store, "max-age=1", 1) for _ in range(40)]
    new = []
    for entry in old:
        wait_until(entry.put.received + 1 + store.draw.integer(-20, 120) / 1000)
        body = store.body()
        new.append(Living(entry.key, body, store.put(entry.key, body, {"Cache-Control": "max-age=900"}), 900))
    time.sleep(2 * float(store.settings["CLEANUP_SECONDS"]))
    return Many(old, new, 0)


@then("each of the new ones is there")
def each_of_the_new_ones_is_there(store: Store, many: Many) -> None:
    for entry in many.staying:
        answer = store.get(entry.key)
        expect(not in_doubt(answer), expected="an answer", got=describe_answer(answer), timing=True)
        is_hit(answer, entry.body)
