"""Steps of keys.feature: by what events are told apart."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect

from .desk import ACCEPTED, OK, Desk
from .sender import (
    GITHUB,
    HMAC,
    STRIPE,
    Source,
    github,
    key_of,
    standard,
    stripe,
)

scenarios("keys.feature")


@dataclass(frozen=True)
class Pair:
    """Two deliveries, and whether they are one event."""

    what: str
    answers: tuple[Exchange, Exchange]
    is_one: bool


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
    for what, form, first, second in (
        (
            "numbers that a float cannot tell apart",
            b'{"data": [{"id": %b}], "a/b": 1}',
            b"9007199254740992",
            b"9007199254740993",
        ),
        (
            "long texts that differ at their end",
            b'{"data": [{"id": "%b"}], "a/b": 2}',
            b"k" * 2000 + b"a",
            b"k" * 2000 + b"b",
        ),
    ):
        pair(what, pointed, (form % first, ""), (form % second, ""), False)
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
    large = draw.word().encode() * 20_000
    for what, bodies in (
        ("no header", (draw.word().encode(), draw.word().encode())),
        ("no header, and large bodies that differ at their end", (large + b"1", large + b"2")),
    ):
        answers = [send(header, body, "") for body in bodies]
        pairs.append(Pair(what, (answers[0], answers[1]), is_one=False))
    return pairs
