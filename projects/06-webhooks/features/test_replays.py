"""Steps of replays.feature: one event, and all that fit."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Reply, Request, as_object, describe_answer, expect, is_problem

from .desk import (
    ACCEPTED,
    API,
    CONFLICT,
    INVALID,
    MALFORMED,
    NOT_FOUND,
    Desk,
    Json,
    objects,
    statuses_of,
)
from .sender import Source

COPIES = 8
LONGEST_KEY = 255
VISIBLE = "".join(map(chr, range(0x21, 0x7F))).translate({ord('"'): None, ord("\\"): None})
UNKNOWN_ID = "0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60"

scenarios("replays.feature")


@dataclass(frozen=True)
class Replayed:
    """An event that was replayed, and the answers to that."""

    source: Source
    id: str
    rounds: int
    again: list[Exchange]
    refused: list[tuple[Exchange, int]]


def replay(service: Desk, event_id: str, key: str | None = None) -> Exchange:
    headers = {"Idempotency-Key": key} if key else {}
    return service.http.request("POST", f"{API}/events/{event_id}/replay", headers=headers)


def drawn_key(service: Desk, length: int) -> str:
    """Return a key of visible ASCII, with all that needs no escape between quotes."""
    return service.draw.text(length, VISIBLE)


def bad_keys(service: Desk) -> list[str]:
    """Return keys that are none."""
    first, second = service.draw.word(), service.draw.word()
    return ['"not closed', f"{first} {second}", '""', drawn_key(service, LONGEST_KEY + 1)]


def replays_at_one_instant(service: Desk, event_id: str, key: str) -> list[Exchange]:
    """Ask all web processes, with one key."""
    headers = {**service.times.authorization, "Idempotency-Key": key}
    return service.burst_at_all([Request("POST", f"{API}/events/{event_id}/replay", headers)] * COPIES)


def wait_for_round(service: Desk, event_id: str, number: int) -> None:
    service.wait_for_event(event_id, lambda event: event.get("round") == number, f'"round": {number}')


@when("an event is replayed twice, and three times with one key", target_fixture="replayed")
def an_event_is_replayed_twice(service: Desk) -> Replayed:
    source = service.with_key(Reply(500), Reply())
    event_id = service.deliver(source)
    other = service.deliver(source)
    key, answers = drawn_key(service, service.draw.integer(2, LONGEST_KEY)), []
    for number, used in enumerate((None, None, key), 2):
        service.wait_for_event(event_id, lambda event: event.get("state") == "forwarded", "forwarded")
        answers += replays_at_one_instant(service, event_id, used) if used else [replay(service, event_id)]
        wait_for_round(service, event_id, number)
    service.wait_for_state(event_id, "forwarded")
    again = [replay(service, event_id, key), replay(service, event_id, f'"{key}"')]
    held = service.with_key(Reply.hang(), Reply())
    busy = service.deliver(held)
    service.calls(held, 1)
    refused = [
        (replay(service, other, key), INVALID),
        (replay(service, busy), CONFLICT),
        (replay(service, UNKNOWN_ID), NOT_FOUND),
        *((replay(service, event_id, bad), MALFORMED) for bad in bad_keys(service)),
    ]
    return Replayed(source, event_id, 4, [*answers, *again], refused)


@then("each replay but those of a used key forwards it again, and all attempts are kept")
def each_replay_forwards_it_again(service: Desk, replayed: Replayed) -> None:
    for answer in replayed.again:
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer), answer=answer)
        ids = as_object(answer).get("event_ids")
        expect(ids == [replayed.id], expected=f"event_ids [{replayed.id}]", got=ids, answer=answer)
    shown = service.event(replayed.id)
    expect(shown.get("round") == replayed.rounds, expected=f"round {replayed.rounds}", got=shown)
    attempts = objects(shown.get("attempts"), "attempts")
    rounds = [attempt.get("round") for attempt in attempts if attempt.get("status_code") == 204]
    expect(rounds == [1, 2, 3, 4], expected="a success in each of four rounds", got=attempts)
    numbers = [attempt.get("number") for attempt in attempts if attempt.get("round") != 1]
    expect(numbers == [1, 1, 1], expected="attempts that count from 1 in each round", got=attempts)


@then("what is under way gets 409, and a key for something else 422")
def what_is_under_way_gets_409(replayed: Replayed) -> None:
    for answer, status in replayed.refused:
        is_problem(answer, status)


@dataclass(frozen=True)
class Chosen:
    """A replay by a filter: what it answered, and the events that it should have named."""

    what: str
    answer: Exchange
    wanted: set[str]


@when("events of two sources are replayed by source, by state, and by range", target_fixture="chosen")
def events_of_two_sources_are_replayed(service: Desk) -> list[Chosen]:
    first, second = service.with_key(Reply(410), Reply()), service.with_key()
    dead = service.deliver(first)
    service.wait_for_state(dead, "dead")
    early = [service.deliver(first) for _ in range(2)]
    time.sleep(0.05)
    between = datetime.now(UTC).isoformat()
    time.sleep(0.05)
    late, other = service.deliver(first), service.deliver(second)
    name = first.name
    cases: list[tuple[str, dict[str, object], set[str]]] = [
        ("the dead of a source", {"source": name, "state": "dead"}, {dead}),
        ("what a source sent before", {"source": name, "received_until": between}, {dead, *early}),
        ("what a source sent after", {"source": name, "received_since": between}, {late}),
        ("a source", {"source": second.name}, {other}),
        ("nothing", {"source": service.draw.word()}, set()),
    ]
    chosen = []
    for what, body, wanted in cases:
        for event_id in (dead, *early, late, other):
            service.wait_for_event(event_id, is_over, "forwarded or dead")
        answer = service.http.request("POST", f"{API}/replays", json=body)
        chosen.append(Chosen(what, answer, wanted))
    for event_id in (dead, *early, late, other):
        service.wait_for_event(event_id, is_over, "forwarded or dead")
    return chosen


def is_over(event: Json) -> bool:
    return event.get("state") in {"forwarded", "dead"}


@then("those that fit are forwarded again, and no others")
def those_that_fit_are_forwarded_again(service: Desk, chosen: list[Chosen]) -> None:
    rounds: dict[str, int] = {}
    for one in chosen:
        expect(
            one.answer.status == ACCEPTED, expected="202", got=describe_answer(one.answer), answer=one.answer
        )
        document = as_object(one.answer)
        ids = document.get("event_ids")
        got = set(map(str, ids)) if isinstance(ids, list) else set()
        expect(got == one.wanted, expected=f"{one.what}: {one.wanted}", got=got, answer=one.answer)
        expect(document.get("count") == len(one.wanted), expected=f"count {len(one.wanted)}", got=document)
        for event_id in one.wanted:
            rounds[event_id] = rounds.get(event_id, 1) + 1
    for event_id, count in rounds.items():
        shown = service.event(event_id)
        expect(shown.get("round") == count, expected=f"{count} rounds", got=shown)
        expect(statuses_of(shown)[-1:] == [204], expected="forwarded again", got=statuses_of(shown))
