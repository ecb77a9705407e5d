"""Steps of forwarding.feature: destinations that answer, and those that fail."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Reply,
    describe_answer,
    expect,
)

from .desk import ACCEPTED, API, OK, PATIENCE_SECONDS, Desk, Json, objects, statuses_of
from .forwarded import Sent, is_forwarded, sent
from .sender import Source, key_of, odd_bodies, standard

LATE_SECONDS = 1.0
GIVEN_UP_SECONDS = 0.6  # less than the lease is longer
BURST = 20
HELD_SECONDS = 1.6  # longer than what a paused event would wait for its next attempt
TRIED = 2
SAME = "/n"

scenarios("forwarding.feature")


@when("deliveries with odd bodies come", target_fixture="answered")
def deliveries_with_odd_bodies_come(service: Desk) -> list[tuple[Sent, int]]:
    events = []
    for body in service.draw.shuffle([b"", *odd_bodies(service.draw)]):
        status = service.draw.choice([200, 201, 202, 203, 206, 208, 226, 299])
        source, message_id = service.with_key(Reply(status)), service.message_id()
        kind = service.draw.choice(
            ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"]
        )
        answer = service.send(source, standard(key_of(source.secret), message_id, body), body, kind)
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
        event_id = str(answer.json()["id"])  # type: ignore[index]
        events.append((Sent(source, event_id, message_id, body, kind), status))
    return events


@then("the destination gets the same bytes, type and id, an attempt number, and a signature of its own")
def the_destination_gets_the_same_bytes(service: Desk, answered: list[tuple[Sent, int]]) -> None:
    for event, _ in answered:
        call, *more = service.calls(event.source, 1)
        expect(not more, expected="one call", got=1 + len(more))
        is_forwarded(event, call, 1)
        age = call.received_at.timestamp() - float(call.header("webhook-timestamp") or 0)
        expect(-1 <= age <= 10, expected="a timestamp of now", got=f"{age:.1f} s ago", timing=True)


@then("each event is shown as forwarded, with its attempt")
def each_event_is_shown_as_forwarded(service: Desk, answered: list[tuple[Sent, int]]) -> None:
    for event, status in answered:
        shown = service.wait_for_state(event.id, "forwarded")
        expect(statuses_of(shown) == [status], expected=f"one attempt with status {status}", got=shown)
        (attempt,) = objects(shown.get("attempts"), "attempts")
        began, ended = attempt.get("started_at"), attempt.get("finished_at")
        in_order = datetime.fromisoformat(str(began)) <= datetime.fromisoformat(str(ended))
        expect(in_order, expected="an attempt that ended after it began", got=attempt)


@dataclass(frozen=True)
class Failing:
    """An event, and how its first attempts are to fail."""

    event: Sent
    statuses: list[object]
    least_seconds: float = 0.0


@when("a destination fails in each of its ways before it succeeds", target_fixture="failing")
def a_destination_fails_in_each_of_its_ways(service: Desk) -> list[Failing]:
    soon = format_datetime(datetime.now(UTC).replace(microsecond=0), usegmt=True)
    redirect = service.draw.choice([301, 302, 307, 308])
    late = service.draw.choice([400, 404, 500, 502])
    no_time = service.draw.choice(["soon", "3.5", "4e0", "+4", "0x4", "4 s"])
    ways: list[tuple[list[Reply], list[object], float]] = [
        ([Reply(500), Reply(404)], [500, 404, 204], 0.0),
        ([Reply.redirect("/elsewhere", redirect)], [redirect, 204], 0.0),
        ([Reply.hang()], [None, 204], 0.0),
        ([Reply.reset(), Reply.drip()], [None, None, 204], 0.0),
        ([Reply(503, {"Retry-After": "2"})], [503, 204], 2.0),
        ([Reply(late, {"Retry-After": "2"})], [late, 204], 2.0),
        ([Reply(429, {"Retry-After": soon}), Reply(400, {"Retry-After": no_time})], [429, 400, 204], 0.0),
    ]
    failing = []
    for replies, statuses, least in service.draw.shuffle(ways):
        source = service.with_key(*replies, Reply())
        failing.append(Failing(sent(service, source), statuses, least))
    return failing


@then("each failure is an attempt with its status, under the same id, and the waits are within their bounds")
def each_failure_is_an_attempt(service: Desk, failing: list[Failing]) -> None:
    for one in failing:
        shown = service.wait_for_state(one.event.id, "forwarded", PATIENCE_SECONDS + 5)
        got = statuses_of(shown)
        expect(got == one.statuses, expected=f"attempts with {one.statuses}", got=got)
        calls = service.calls(one.event.source, len(one.statuses))
        for number, call in enumerate(calls, 1):
            is_forwarded(one.event, call, number)
            took = (call.finished or call.started) - call.started
            most = service.times.timeout_seconds + GIVEN_UP_SECONDS
            rule = "an attempt is given up after FORWARD_TIMEOUT_SECONDS in all"
            wanted = f"an end within {most:.2f} s"
            expect(took <= most, expected=wanted, got=f"after {took:.2f} s", rule=rule, timing=True)
        for number, (before, after) in enumerate(pairwise(calls), 1):
            gap = after.started - (before.finished or after.started)
            bound = max(service.times.longest_wait_seconds(number), one.least_seconds)
            most = bound + LATE_SECONDS
            expect(gap <= most, expected=f"a wait of at most {most:.2f} s", got=f"{gap:.2f} s", timing=True)
            least = one.least_seconds if number == 1 else 0.0
            expect(gap >= least - 0.05, expected=f"a wait of at least {least:.2f} s", got=f"{gap:.2f} s")


@when("a destination answers 410, and another one fails for good", target_fixture="dying")
def a_destination_answers_410(service: Desk) -> tuple[Sent, Sent]:
    gone, failing = service.with_key(Reply(410)), service.with_key(Reply(500))
    return sent(service, gone), sent(service, failing)


@then("the first event is dead after one attempt, and the other one after MAX_ATTEMPTS")
def the_first_event_is_dead_after_one_attempt(service: Desk, dying: tuple[Sent, Sent]) -> None:
    most = service.times.max_attempts
    for event, wanted in zip(dying, ([410], [500] * most), strict=True):
        shown = service.wait_for_state(event.id, "dead")
        expect(statuses_of(shown) == wanted, expected=f"attempts with {wanted}", got=statuses_of(shown))
    time.sleep(service.times.cap_seconds)
    for event, count in zip(dying, (1, most), strict=True):
        calls = service.calls(event.source, count)
        expect(len(calls) == count, expected=f"{count} calls", got=len(calls))
        found = service.listed(10, source=event.source.name, state="dead")
        expect([one["id"] for one in found] == [event.id], expected="it is listed as dead", got=found)


@when("many events come at the same instant", target_fixture="many")
def many_events_come_at_the_same_instant(service: Desk) -> tuple[Source, list[str]]:
    source = service.with_key(Reply(delay_seconds=0.1))
    ids = [service.message_id() for _ in range(BURST)]
    with service.service.postgres.proxy.delay(0.01):
        answers = service.burst(service.deliveries(source, ids))
        service.calls(source, BURST)
    for answer in answers:
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer), timing=True)
    return source, ids


@then("each is forwarded once")
def each_is_forwarded_once(service: Desk, many: tuple[Source, list[str]]) -> None:
    source, ids = many
    for event in service.listed(100, source=source.name):
        service.wait_for_state(str(event["id"]), "forwarded")
    heard = [call.header("webhook-id") for call in service.calls(source, len(ids))]
    for message_id in ids:
        expect(heard.count(message_id) == 1, expected="one call", got=heard.count(message_id), timing=True)


@when("events come to a source that is paused", target_fixture="events")
def events_come_to_a_source_that_is_paused(service: Desk) -> list[Sent]:
    replies = Reply(500), Reply(500, {"Retry-After": "1"}), Reply()
    source = service.with_key(*replies, ordering_pointer=SAME)
    failed = sent(service, source)
    service.wait_for_event(failed.id, lambda event: len(statuses_of(event)) == TRIED, "two failed attempts")
    change(service, source, "paused")
    return [failed, *(sent(service, source) for _ in range(3))]


def change(service: Desk, source: Source, state: str) -> Json:
    answer = service.http.request("PATCH", f"{API}/sources/{source.name}", json={"state": state})
    expect(answer.status == OK, expected=f"200 for the state {state}", got=describe_answer(answer))
    shown = service.show(f"/sources/{source.name}")
    expect(shown.get("state") == state, expected=f'"state": "{state}"', got=shown)
    return shown


@then("each gets 202, and is forwarded only when the source is active again")
def each_is_forwarded_only_when_active(service: Desk, events: list[Sent]) -> None:
    other = service.with_key(ordering_pointer=SAME)  # of its own events alone
    service.wait_for_state(sent(service, other).id, "forwarded")
    time.sleep(HELD_SECONDS)
    source = events[0].source
    calls = len(service.sink.received(source.sink))
    expect(calls == TRIED, expected="no call while it is paused", got=calls - TRIED)
    for event in events:
        shown = service.event(event.id)
        expect(shown.get("state") == "pending", expected="pending", got=shown)
    change(service, source, "active")
    for event in events:
        service.wait_for_state(event.id, "forwarded")
