"""Steps of leases.feature: who fills, who waits, and for how long."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Draw,
    Exchange,
    Instance,
    Stream,
    World,
    describe_answer,
    expect,
    is_problem,
    surely_within,
    wait_until_ready,
)

from .asker import (
    FIELD,
    asker,
    first_answered,
    has_no_lease,
    is_awaited,
    lease_of,
    waiting,
)
from .store import (
    CREATED,
    MALFORMED,
    NOT_FOUND,
    PRECONDITION,
    Store,
    field,
    folder_of,
    in_doubt,
    is_hit,
    path_of,
)

scenarios("leases.feature")

LONGEST_WAIT_SECONDS = 5
# How much later than at the first moment something may be noticed.
SOON_SECONDS = 1.0
NO_PREFERENCES = (
    "wait",
    "wait=",
    "wait=x",
    "wait=-1",
    "wait=1.5",
    "waiting=3",
    "respond-async",
    "wait=x, wait=3",
)


def readiness(draw: Draw) -> str:
    """Draw a way to say that one waits for long enough."""
    seconds = draw.integer(4, 90)
    return draw.choice(
        (
            f"wait={seconds}",
            f"Wait={seconds}",
            f'respond-async, wait="{seconds}"',
            f"handling=lenient; x=1,wait={seconds} ;y",
            f"wait={seconds}, wait=0",
            f'note="a, wait=0", wait={seconds}',
        )
    )


@given("a cache of its own with long leases", target_fixture="store")
def a_cache_of_its_own_with_long_leases(world: World, service_settings: dict[str, str]) -> Store:
    folder = folder_of(world)
    lease_seconds = str(world.draw.integer(11, 3600))
    settings = {**service_settings, "DATA_DIR": str(folder), "LEASE_SECONDS": lease_seconds}
    return Store(world.start_alone(settings), world.draw, settings, folder)


@dataclass(frozen=True)
class Crowd:
    """What those got who asked for one key at the same instant, and what was stored."""

    why: str
    body: bytes
    answers: Sequence[Exchange]
    late: Exchange
    stored: Exchange


@when(
    "many ask both processes for what is not there at the same instant, and it is stored while they wait",
    target_fixture="crowds",
)
def many_ask_both_processes(store: Store) -> list[Crowd]:
    expired = store.key()
    # It may be given to somebody yet, and so is known.
    store.put(expired, b"old", {"Cache-Control": "max-age=1, stale-if-error=900"})
    deleted = store.key()
    store.put(deleted, b"old")
    store.ask("DELETE", deleted)
    time.sleep(1.1)
    store.expect_miss(expired)
    return [
        crowd(store, expired, "stale"),
        crowd(store, deleted, "uri-miss"),
        *(crowd(store, store.key(), "uri-miss") for _ in range(3)),
    ]


def crowd(store: Store, key: bytes, why: str) -> Crowd:
    body = store.body(store.draw.integer(0, 200_000))
    with ExitStack() as stack:
        askers = [
            asker(store, stack, key, {"Prefer": readiness(store.draw)}, process=number % 2)
            for number in range(2 * int(store.settings["MAX_WAITERS"]))
        ]
        for one in store.draw.shuffle(askers):
            one.release()
        first = first_answered(askers)
        expect(
            first is not None, expected="404 with a lease for one", got="no answer to anybody", timing=True
        )
        time.sleep(store.draw.integer(50, 600) / 1000)
        late = store.ask("GET", key, {"Prefer": "wait=0"}, process=store.draw.integer(0, 1))
        stored = store.put(key, body, process=store.draw.integer(0, 1))
        return Crowd(why, body, [one.answer() for one in askers], late, stored)


@then("one gets 404 with a lease, and the others what was stored")
def one_gets_404_with_a_lease(store: Store, crowds: list[Crowd]) -> None:
    for one in crowds:
        misses = [answer for answer in one.answers if answer.status == NOT_FOUND]
        expect(
            len(misses) == 1,
            expected=f"one 404 for {len(one.answers)} requests",
            got=[answer.status for answer in one.answers],
            timing=any(map(in_doubt, one.answers)),
        )
        lease_of(misses[0], store.settings["LEASE_SECONDS"])
        is_awaited(one.late)
        for answer in one.answers:
            if answer is not misses[0]:
                is_hit(answer, one.body)
                status = field(answer, "cache-status")
                wanted = f"; fwd={one.why}; collapsed"
                has_waited = status.endswith(wanted)
                expect(
                    has_waited, expected=f"Cache-Status: …{wanted}", got=status, answer=answer, timing=True
                )
        after_seconds = max(answer.received for answer in one.answers) - one.stored.sent
        expect(
            after_seconds < SOON_SECONDS,
            expected="the others' answers as soon as it is stored",
            got=f"{after_seconds:.2f} s after it",
            timing=True,
        )


@then("who does not ask to wait gets 404 at once, and no lease")
def who_does_not_ask_to_wait_gets_404(store: Store) -> None:
    key = store.key()
    for text in store.draw.shuffle(NO_PREFERENCES):
        has_no_lease(store.get(key, {"Prefer": text}))
    has_no_lease(store.get(key))
    has_no_lease(store.ask("HEAD", key, {"Prefer": "wait=3"}))
    lease_of(store.get(key, {"Prefer": "wait=0"}), store.settings["LEASE_SECONDS"])
    has_no_lease(store.get(key))
    store.put(key, b"x")
    answer = store.get(key, {"Prefer": "wait=3"})
    is_hit(answer, b"x")
    status = field(answer, "cache-status")
    expect("; hit; " in status, expected="a hit for what is there", got=status, answer=answer)


@dataclass(frozen=True)
class Handed:
    """A lease that has ended, and who had it next."""

    key: bytes
    old: str
    new: str
    body: bytes
    waited: Exchange


@when(
    "a lease ends because its time is over, its process was killed, or its key was deleted",
    target_fixture="handed",
)
def a_lease_ends(store: Store, second: Instance) -> list[Handed]:
    return [lapsed(store, kill=None), lapsed(store, kill=second), given_up(store)]


def lapsed(store: Store, kill: Instance | None) -> Handed:
    """Let the time of a lease pass, while two wait; its process may have been killed."""
    ttl = store.settings["LEASE_SECONDS"]
    key = store.key()
    held = store.get(key, {"Prefer": "wait=9"}, process=1 if kill else store.draw.integer(0, 1))
    old = lease_of(held, ttl)
    if kill is not None:
        kill.kill()
        kill.restart()
        wait_until_ready(kill, timeout_seconds=20)
    still = store.get(key, {"Prefer": "wait=0"}, process=1)
    if surely_within(held, still, int(ttl)):
        is_awaited(still)
    elif still.header(FIELD) is not None:  # the start took so long that this one is the next
        held, old = still, lease_of(still, ttl)
    refused = store.ask("PUT", key, {"If-Match": '"other"'}, b"x")
    expect(refused.status == PRECONDITION, expected="412", got=describe_answer(refused))
    with ExitStack() as stack:
        two = [waiting(store, stack, key, LONGEST_WAIT_SECONDS) for _ in range(2)]
        next_one = first_answered(two)
        expect(next_one is not None, expected="a lease for one of those who wait", got="nothing", timing=True)
        answer = (next_one or two[0]).answer()
        new = lease_of(answer, ttl)
        expect(new != old, expected="another token", got=f"{old} again", answer=answer)
        not_sooner(held, answer, int(ttl))
        due = max(held.received + int(ttl), answer.sent)
        expect(
            answer.received < due + SOON_SECONDS,
            expected=f"the next lease when the first has lasted {ttl} s",
            got=f"{answer.received - due:.2f} s later",
            timing=True,
        )
        body = store.body()
        late = store.ask("PUT", key, {"Cache-Lease": old}, b"late")
        expect(
            late.status == PRECONDITION,
            expected="412 under a lease that has ended",
            got=describe_answer(late),
        )
        made = store.put(key, body, {"Cache-Lease": new})
        expect(made.status == CREATED, expected="201 under the lease that is held", got=describe_answer(made))
        waited = next(one for one in two if one is not next_one).answer()
    return Handed(key, old, new, body, waited)


def not_sooner(held: Exchange, answer: Exchange, ttl_seconds: int) -> None:
    """Expect that a lease was not given away while it was held."""
    is_early = answer.received < held.sent + ttl_seconds
    got = f"after {answer.received - held.sent:.2f} s"
    expect(not is_early, expected=f"no second lease within {ttl_seconds} s", got=got, answer=answer)


def given_up(store: Store) -> Handed:
    """End a lease by a DELETE of its key, which is not there."""
    ttl = store.settings["LEASE_SECONDS"]
    key, other = store.key(), store.key()
    held = store.get(key, {"Prefer": "wait=0"})
    old = lease_of(held, ttl)
    upload = Stream(
        store.service.urls[0], path_of(key), {"Content-Length": "9", "Cache-Lease": old}, method="PUT"
    )
    upload.send(b"half")
    of_another = lease_of(store.get(other, {"Prefer": "wait=0"}), ttl)
    with ExitStack() as stack:
        two = [waiting(store, stack, key, LONGEST_WAIT_SECONDS, process=process) for process in (0, 1)]
        time.sleep(0.2)
        is_problem(store.ask("DELETE", key, process=store.draw.integer(0, 1)), NOT_FOUND)
        next_one = first_answered(two)
        answer = (next_one or two[0]).answer()
        new = lease_of(answer, ttl)
        after_seconds = answer.received - held.sent
        expect(
            after_seconds < SOON_SECONDS + 0.3,
            expected="the lease at once, when its key is deleted",
            got=f"after {after_seconds:.2f} s",
            timing=True,
        )
        upload.send(b" done")
        upload.end()
        is_problem(upload.answer(), PRECONDITION)  # the lease has ended on the way
        upload.close()
        for token in (old, of_another, '"none"'):
            late = store.ask("PUT", key, {"Cache-Lease": token}, b"late")
            expect(late.status == PRECONDITION, expected=f"412 under {token}", got=describe_answer(late))
        for text in ("", "token", "1", '"a'):
            is_problem(store.ask("PUT", key, {"Cache-Lease": text}, b"late"), MALFORMED)
        body = store.body()
        store.put(key, body, {"Cache-Lease": f"{new};ttl=1"})
        waited = next(one for one in two if one is not next_one).answer()
    return Handed(key, old, new, body, waited)


@then("it goes to one of those who wait, and not sooner")
def it_goes_to_one_of_those_who_wait(handed: list[Handed]) -> None:
    for one in handed:
        is_hit(one.waited, one.body)


@then("what was made under it is refused")
def what_was_made_under_it_is_refused(store: Store, handed: list[Handed]) -> None:
    for one in handed:
        store.expect_hit(one.key, one.body)
        for token in (one.old, one.new):
            late = store.ask("PUT", one.key, {"Cache-Lease": token}, b"late")
            expect(late.status == PRECONDITION, expected=f"412 under {token}", got=describe_answer(late))
        store.expect_hit(one.key, one.body)


@dataclass(frozen=True)
class Full:
    """What came while as many waited as may."""

    more: Exchange
    elsewhere: Exchange
    served: Sequence[Exchange]
    ended: Sequence[Exchange]
    short: Exchange


@when("as many wait as may, and one more comes", target_fixture="full")
def as_many_wait_as_may(store: Store) -> Full:
    wanted = store.draw.shuffle((store.draw.integer(3, 4), store.draw.integer(6, 60)))
    return [fill_up(store, seconds) for seconds in wanted][-1]


def fill_up(store: Store, seconds: int) -> Full:
    draw, most = store.draw, int(store.settings["MAX_WAITERS"])
    keys = [store.key() for _ in range(draw.integer(1, 3))]
    for key in keys:
        lease_of(store.get(key, {"Prefer": "wait=0"}), store.settings["LEASE_SECONDS"])
    with ExitStack() as stack:
        waiters = [waiting(store, stack, draw.choice(keys), seconds) for _ in range(most)]
        time.sleep(0.5)
        more = store.get(draw.choice(keys), {"Prefer": "wait=3"})
        elsewhere = waiting(store, stack, keys[0], 1, process=1).answer()
        served = [store.put(store.key(), b"x") for _ in range(3)] + [store.expect_miss(store.key())]
        lease_of(store.get(store.key(), {"Prefer": "wait=3"}), store.settings["LEASE_SECONDS"])
        early = [one.asked for one in waiters if one.is_answered]
        got = f"{len(early)} answered"
        expect(not early, expected=f"{most} requests that wait", got=got, timing=True)
        ended = [one.answer() for one in waiters]
    short = store.get(keys[0], {"Prefer": "wait=1"})
    judge_full(Full(more, elsewhere, served, ended, short), min(seconds, LONGEST_WAIT_SECONDS))
    return Full(more, elsewhere, served, ended, short)


def judge_full(full: Full, wait_seconds: int) -> None:
    is_awaited(full.more)
    lasted(full.more, 0)
    is_awaited(full.elsewhere)
    lasted(full.elsewhere, 1)
    for answer in full.ended:
        is_awaited(answer)
        lasted(answer, wait_seconds)
    is_awaited(full.short)
    lasted(full.short, 1)


def lasted(answer: Exchange, seconds: float) -> None:
    """Expect that an answer took so long, and not much longer."""
    took_seconds = answer.received - answer.sent
    got = f"{took_seconds:.2f} s"
    expect(took_seconds >= seconds - 0.05, expected=f"an answer after {seconds} s", got=got, answer=answer)
    expect(
        took_seconds < seconds + SOON_SECONDS,
        expected=f"an answer after {seconds} s",
        got=got,
        answer=answer,
        timing=True,
    )


@then("that one is told to come again, all other requests are answered, and the places are free again")
def that_one_is_told_to_come_again(full: Full) -> None:
    for answer in full.served:
        slow = answer.received - answer.sent
        expect(
            slow < SOON_SECONDS, expected="an answer at once", got=f"{slow:.2f} s", answer=answer, timing=True
        )
