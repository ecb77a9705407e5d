"""Steps of duplicates.feature: deliveries that come again, and those that only look so."""

import base64
import json
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect, is_problem

from .desk import ACCEPTED, OK, UNAUTHORIZED, Desk, accepted, objects
from .sender import (
    Source,
    key_of,
    odd_bodies,
    random_bytes,
    seconds,
    standard,
)

COPIES, DELIVERIES = 12, 3
OTHER_BODIES = 3
QUIET_SECONDS = 0.4

scenarios("duplicates.feature")


@dataclass(frozen=True)
class Repeated:
    """A source, the ids of what it sent, and the answers."""

    source: Source
    first: str
    answers: list[Exchange]
    bodies: list[bytes]


@when("a delivery comes again, with a new time and a new signature", target_fixture="repeated")
def a_delivery_comes_again(service: Desk) -> Repeated:
    source = service.with_key()
    message_id, body = service.message_id(), b'{"n": 7}'
    first = service.deliver(source, message_id, body)
    again = []
    for offset in service.draw.shuffle([-20, 0, 20]):
        headers = standard(key_of(source.secret), message_id, body, seconds(offset))
        again.append(
            service.send(source, headers, body, service.draw.choice(["text/plain", "application/json"]))
        )
    return Repeated(source, first, again, [body])


@then("it is answered with 200 and the first event's id, and forwarded once")
def it_is_answered_with_200(service: Desk, repeated: Repeated) -> None:
    for answer in repeated.answers:
        same = accepted(answer, OK, "duplicate")
        expect(same == repeated.first, expected=f"the id {repeated.first}", got=same, answer=answer)
    service.wait_for_state(repeated.first, "forwarded")
    service.deliver(repeated.source)
    calls = service.calls(repeated.source, 2)
    expect(len(calls) == 2, expected="one call for each event", got=len(calls))


@when("a forged delivery comes under the id of one that is in order", target_fixture="forged")
def a_forged_delivery_comes(service: Desk) -> list[Exchange]:
    source = service.with_key()
    message_id, body = service.message_id(), service.draw.choice(odd_bodies(service.draw))
    stranger = random_bytes(service.draw, 32)
    forged = [
        standard(stranger, message_id, body),
        standard(key_of(source.secret), message_id, body, "1234567890"),
    ]
    answers = [service.send(source, headers, body) for headers in forged]
    return [*answers, service.send(source, standard(key_of(source.secret), message_id, body), body)]


@then("the forged one gets 401, and the other one 202")
def the_forged_one_gets_401(forged: list[Exchange]) -> None:
    *refused, last = forged
    for answer in refused:
        is_problem(answer, UNAUTHORIZED)
    accepted(last)


@when("other bodies come under the id of an event", target_fixture="repeated")
def other_bodies_come_under_the_id_of_an_event(service: Desk) -> Repeated:
    source, message_id = service.with_key(), service.message_id()
    first = service.deliver(source, message_id, b'{"n": 1}')
    bodies = [json.dumps({"n": service.draw.word()}).encode() for _ in range(OTHER_BODIES - 1)]
    bodies.append(b'{"n":1}')  # the same JSON, and other bytes
    key = key_of(source.secret)
    answers = [service.send(source, standard(key, message_id, body), body) for body in bodies]
    answers.append(service.send(source, standard(key, message_id, bodies[0]), bodies[0]))
    return Repeated(source, first, answers, bodies)


@then("each gets 200, the event keeps the first, and the others can be read")
def each_gets_200(service: Desk, repeated: Repeated) -> None:
    for answer in repeated.answers:
        same = accepted(answer, OK, "conflict")
        expect(same == repeated.first, expected=f"the id {repeated.first}", got=same, answer=answer)
    payload = service.http.get(f"/api/v1/events/{repeated.first}/payload")
    expect(payload.body == b'{"n": 1}', expected="the first body", got=payload.body)
    shown = service.show(f"/events/{repeated.first}/conflicts", "conflicts can be read")
    found = [base64.b64decode(str(one.get("body_base64"))) for one in objects(shown.get("items"), "items")]
    expect(
        sorted(found) == sorted(repeated.bodies),
        expected=f"the other bodies once each: {repeated.bodies}",
        got=found,
    )
    count = service.event(repeated.first).get("conflict_count")
    expect(count == OTHER_BODIES, expected=f"conflict_count {OTHER_BODIES}", got=count)
    service.wait_for_state(repeated.first, "forwarded")
    calls = service.calls(repeated.source, 1)
    expect(
        [call.body for call in calls] == [b'{"n": 1}'],
        expected="the first body, forwarded once",
        got=[call.body for call in calls],
    )


@when("many copies of deliveries come at the same instant, to all web processes", target_fixture="copies")
def many_copies_come_at_the_same_instant(service: Desk) -> tuple[Source, list[list[Exchange]]]:
    source = service.with_key()
    key, body = key_of(source.secret), b'{"n": 9}'
    ids = [service.message_id() for _ in range(DELIVERIES)]
    requests = [
        service.request(source, standard(key, message_id, body), body)
        for message_id in ids
        for _ in range(COPIES)
    ]
    order = service.draw.shuffle(range(len(requests)))
    with service.service.postgres.proxy.delay(0.01):
        answers = service.burst_at_all([requests[number] for number in order])
    by_number = dict(zip(order, answers, strict=True))
    groups = [[by_number[first * COPIES + copy] for copy in range(COPIES)] for first in range(DELIVERIES)]
    return source, groups


@then("of each one gets 202, the others get 200, and it is forwarded once")
def of_each_one_gets_202(service: Desk, copies: tuple[Source, list[list[Exchange]]]) -> None:
    source, groups = copies
    for group in groups:
        statuses = sorted(answer.status for answer in group)
        wanted = [OK] * (COPIES - 1) + [ACCEPTED]
        lost = any(status in {0, 503} for status in statuses)
        expect(statuses == wanted, expected="one 202, else 200", got=statuses, exchanges=group, timing=lost)
        ids = {answer.json()["id"] for answer in group}  # type: ignore[index]  # a wrong one fails the check
        expect(len(ids) == 1, expected="one id", got=ids, exchanges=group)
        service.wait_for_state(str(ids.pop()), "forwarded")
    service.deliver(source)
    calls = service.calls(source, DELIVERIES + 1)
    expect(len(calls) == DELIVERIES + 1, expected="one call for each event", got=len(calls))
