"""Steps of duplicates.feature: deliveries that come again, and those that only look so."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect, is_problem

from .desk import ACCEPTED, OK, UNAUTHORIZED, Desk, accepted, objects
from .sender import (
    GITHUB,
    HMAC,
    STRIPE,
    Source,
    github,
    key_of,
    odd_bodies,
    random_bytes,
    seconds,
    standard,
    stripe,
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


@dataclass(frozen=True)
class Pair:
    """Two deliveries, and whether they are one event."""

    what: str
    answers: tuple[Exchange, Exchange]
    is_one: bool
    is_conflict: bool = False


def compared(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        first, second = pair.answers
        wanted = (ACCEPTED, OK) if pair.is_one else (ACCEPTED, ACCEPTED)
        got = f"{describe_answer(first)}, {describe_answer(second)} {second.text[:120]}"
        expect(
            (first.status, second.status) == wanted,
            expected=f"{wanted[0]}, {wanted[1]} for {pair.what}",
            got=got,
            answer=second,
        )


@when(
    "sources with keys in a header, at pointers, and with GitHub's and Stripe's own send twice",
    target_fixture="pairs",
)
def sources_with_keys_send_twice(service: Desk) -> list[Pair]:
    draw, pairs = service.draw, []
    secret = draw.text(30)
    send = signer(service)

    def pair(what: str, source: Source, one: tuple[bytes, str], two: tuple[bytes, str], is_one: bool) -> None:
        pairs.append(Pair(what, (send(source, *one), send(source, *two)), is_one))

    header = service.source(HMAC, secret=secret, hmac=plain_hmac(), key_header="X-Event-Key")
    word = draw.word()
    pair("the same key in the header", header, (b"1", word), (b"2", word), True)
    pair("another key in the header", header, (b"3", f"{word}1"), (b"3", f"{word}2"), False)
    pair("a long key", header, (b"1", "k" * 400), (b"1", "k" * 400), True)
    pair(
        "long keys that differ at their end", header, (b"1", "k" * 399 + "a"), (b"1", "k" * 399 + "b"), False
    )
    pointed = service.source(HMAC, secret=secret, hmac=plain_hmac(), key_pointers=["/data/0/id", "/a~1b"])
    document = {"data": [{"id": word}], "a/b": 1, "n": 1}
    same = {"n": 2, "a/b": 1, "data": [{"id": word}]}
    pair("the same values at the pointers", pointed, (as_json(document), ""), (as_json(same), ""), True)
    for name, other in (
        ("another value at the first pointer", {**same, "data": [{"id": word + "x"}]}),
        ("another value at the second pointer", {**same, "a/b": 2}),
        ("a text for a number", {**same, "a/b": "1"}),
    ):
        fresh = {**document, "data": [{"id": draw.word()}]}
        changed = {**fresh, **{key: value for key, value in other.items() if value != same[key]}}
        pair(name, pointed, (as_json(fresh), ""), (as_json(changed), ""), False)
    hub, strip = service.source(GITHUB, secret=secret), service.source(STRIPE, secret=secret)
    pair("GitHub's delivery, sent again", hub, (b"{}", word), (b"{}", word), True)
    pair("GitHub's next delivery of the same bytes", hub, (b"[]", word + "a"), (b"[]", word + "b"), False)
    event = f'{{"id": "{word}", "n": %d}}'
    pair("Stripe's event, sent again", strip, ((event % 1).encode(), ""), ((event % 2).encode(), ""), True)
    return [*pairs, two_sources(service)]


def plain_hmac() -> dict[str, object]:
    return {"signature_header": "X-Signature"}


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def signer(service: Desk) -> Callable[[Source, bytes, str], Exchange]:
    """Return what sends a body, with a key where the scheme has a header for it."""

    def send(source: Source, body: bytes, key: str) -> Exchange:
        if source.scheme == GITHUB:
            return service.send(source, github(source.secret, body, key), body)
        if source.scheme == STRIPE:
            return service.send(source, stripe(source.secret, body), body)
        digest = github(source.secret, body, "")["X-Hub-Signature-256"].removeprefix("sha256=")
        return service.send(source, {"X-Signature": digest} | ({"X-Event-Key": key} if key else {}), body)

    return send


def two_sources(service: Desk) -> Pair:
    """Send the same id to two sources."""
    message_id, body = service.message_id(), b"{}"
    answers = []
    for source in (service.with_key(), service.with_key()):
        headers = standard(key_of(source.secret), message_id, body)
        answers.append(service.send(source, headers, body))
    return Pair("the same id at two sources", (answers[0], answers[1]), is_one=False)


@then("what has the same key is the same event, and all else is not")
@then("each is an event of its own, and only the same bytes are a duplicate")
def what_has_the_same_key_is_the_same_event(pairs: list[Pair]) -> None:
    compared(pairs)


@when("events come whose key is absent, null, no scalar, or in no JSON", target_fixture="pairs")
def events_come_whose_key_is_absent(service: Desk) -> list[Pair]:
    draw, send, secret = service.draw, signer(service), service.draw.text(30)
    pointers = ["/object/id", "/after"]
    source = service.source(HMAC, secret=secret, hmac=plain_hmac(), key_pointers=pointers)
    header = service.source(HMAC, secret=secret, hmac=plain_hmac(), key_header="X-Event-Key")
    forms = {
        "a null part": '{"object": {"id": 1}, "after": null, "n": "%s"}',
        "an absent part": '{"object": {"id": 1}, "n": "%s"}',
        "an object for a part": '{"object": {"id": 1}, "after": {}, "n": "%s"}',
        "no JSON": "after=1&id=%s",
        "a name that is there twice": '{"object": {"id": 1}, "after": 1, "after": 2, "n": "%s"}',
    }
    pairs = []
    for what, form in draw.shuffle(forms.items()):
        one, two = ((form % draw.word()).encode() for _ in range(2))
        pairs.append(Pair(what, (send(source, one, ""), send(source, two, "")), is_one=False))
        same = (form % draw.word()).encode()
        pairs.append(
            Pair(f"{what}, the same bytes", (send(source, same, ""), send(source, same, "")), is_one=True)
        )
    bodies = [draw.word().encode() for _ in range(2)]
    answers = [send(header, body, "") for body in bodies]
    pairs.append(Pair("no header", (answers[0], answers[1]), is_one=False))
    return pairs
