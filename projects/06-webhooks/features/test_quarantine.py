"""Steps of quarantine.feature: known mistakes, and what is mended later."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .desk import API, CREATED, MALFORMED, OK, UNAUTHORIZED, Desk, Json, objects
from .sender import Source, family_headers, key_of, random_bytes, seconds, signed, standard, v1, whsec

LEFT = 2

scenarios("quarantine.feature")


def quarantined(service: Desk, source: Source) -> list[Json]:
    shown = service.show(f"/quarantine?source={source.name}", "the quarantine of a source can be read")
    return objects(shown.get("items"), "items")


@dataclass(frozen=True)
class Mistakes:
    """Mistakes that were made in turn, by the words for their causes."""

    source: Source
    causes: list[str]
    other: str


@when("deliveries come with each of the known mistakes", target_fixture="made")
def deliveries_come_with_each_of_the_known_mistakes(service: Desk) -> Mistakes:
    source, other = service.with_key(), service.with_key()
    key, moment = key_of(source.secret), seconds()
    body = json.dumps({"b": service.draw.word(), "a": [1, 2], "é": "ü"}, ensure_ascii=False).encode()
    compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    skew = service.times.tolerance_seconds + service.draw.integer(20, 4000)
    expired = random_bytes(service.draw, 32)
    expire(service, source, expired)

    def hexed(message_id: str) -> str:
        return f"v1,{hmac.new(key, signed(message_id, moment, body), hashlib.sha256).hexdigest()}"

    ids = {cause: service.message_id() for cause in CAUSES}
    lines = {
        "secret_of_another_source": v1(key_of(other.secret), ids["secret_of_another_source"], moment, body),
        "misread_secret": v1(source.secret.encode(), ids["misread_secret"], moment, body),
        "reserialized_json": v1(key, ids["reserialized_json"], moment, compact),
        "final_newline": v1(key, ids["final_newline"], moment, body + b"\n"),
        "wrong_encoding": hexed(ids["wrong_encoding"]),
        "expired_secret": v1(expired, ids["expired_secret"], moment, body),
        "unknown": v1(random_bytes(service.draw, 32), ids["unknown"], moment, body),
    }
    order = service.draw.shuffle(CAUSES)
    for cause in order:
        if cause == "clock_skew":
            headers = standard(key, ids[cause], body, seconds(service.draw.choice([-skew, skew])))
        else:
            headers = family_headers("webhook", ids[cause], moment, lines[cause])
        is_problem(service.send(source, headers, body), UNAUTHORIZED, f"401 for {cause}")
    sign = standard(key, service.message_id(), body)
    bare = {name: value for name, value in sign.items() if name != "webhook-signature"}
    is_problem(service.send(source, bare, body), UNAUTHORIZED, "401 without a signature")
    malformed = {**sign, "webhook-timestamp": "soon"}
    is_problem(service.send(source, malformed, body), MALFORMED, "400 for a malformed time")
    return Mistakes(source, order, other.name)


CAUSES = (
    *("secret_of_another_source", "misread_secret", "reserialized_json", "final_newline"),
    *("wrong_encoding", "expired_secret", "clock_skew", "unknown"),
)


def expire(service: Desk, source: Source, key: bytes) -> None:
    """Give a source a secret whose time is over."""
    body = {"secret": whsec(key), "not_after": "2020-02-02T02:02:02Z"}
    answer = service.http.request("POST", f"{API}/sources/{source.name}/secrets", json=body)
    expect(answer.status == CREATED, expected="201 for a secret", got=describe_answer(answer))


@then("each is in the quarantine with the cause that explains it")
def each_is_in_the_quarantine(service: Desk, made: Mistakes) -> None:
    found = quarantined(service, made.source)
    count = len(made.causes) + 2
    expect(
        len(found) == count,
        expected=f"{count}, the unsigned and the malformed one among them",
        got=len(found),
    )
    *found, unsigned, malformed = found
    causes = [one.get("cause") for one in found]
    expect(causes == made.causes, expected=f"causes {made.causes}", got=causes)
    for one in (*found, unsigned, malformed):
        expect(bool(one.get("reason")) and bool(one.get("cause")), expected="a reason and a cause", got=one)
    named = next(one for one in found if one.get("cause") == "secret_of_another_source")
    expect(named.get("detail") == made.other, expected=f"the source {made.other}", got=named)
    expect(service.listed(10, source=made.source.name) == [], expected="no events", got="some")


@dataclass(frozen=True)
class Flooded:
    """A source with more rejected deliveries than are kept, and one with few."""

    source: Source
    quiet: Source


@when(
    "a source gets one delivery by an understood mistake, and then more forgeries than are kept",
    target_fixture="flooded",
)
def a_source_gets_more_forgeries_than_are_kept(service: Desk) -> Flooded:
    source, quiet, body = service.with_key(), service.with_key(), b"{}"
    for one in (source, quiet):
        headers = standard(one.secret.encode(), service.message_id(), body)
        is_problem(service.send(one, headers, body), UNAUTHORIZED)
    requests = [
        service.request(source, standard(random_bytes(service.draw, 32), service.message_id(), body), body)
        for _ in range(service.times.quarantine_limit + 4)
    ]
    for answer in service.burst(requests):
        is_problem(answer, UNAUTHORIZED)
    return Flooded(source, quiet)


@then("no more than the limit are kept, the understood one among them, and other sources lose none")
def no_more_than_the_limit_are_kept(service: Desk, flooded: Flooded) -> None:
    limit = service.times.quarantine_limit
    found = quarantined(service, flooded.source)
    expect(len(found) == limit, expected=f"{limit} kept", got=len(found))
    causes = [one.get("cause") for one in found]
    expect("misread_secret" in causes, expected="the understood one", got=causes)
    others = len(quarantined(service, flooded.quiet))
    expect(others == 1, expected="one of the other source", got=others)


@dataclass(frozen=True)
class Mended:
    """A source that was given the right secret afterwards."""

    source: Source
    sent: dict[str, bytes]
    answers: list[Exchange]


@when(
    "deliveries were rejected for a secret that was not known yet, and it is added", target_fixture="mended"
)
def deliveries_were_rejected_for_a_secret(service: Desk) -> Mended:
    source, late = service.with_key(), random_bytes(service.draw, 32)
    edge = -service.times.tolerance_seconds + 3  # by the time of the reverification it is beyond
    many = service.times.quarantine_limit - LEFT
    sent = {service.message_id(): service.draw.word().encode() for _ in range(many)}
    stale = service.message_id()
    moment = seconds(edge)
    requests = [
        service.request(source, standard(late, message_id, body, moment), body)
        for message_id, body in sent.items()
    ]
    for answer in service.burst(requests):
        is_problem(answer, UNAUTHORIZED)
    old = standard(late, stale, b"{}", seconds(-service.times.tolerance_seconds - 20))
    is_problem(service.send(source, old, b"{}"), UNAUTHORIZED)
    forged = standard(random_bytes(service.draw, 32), service.message_id(), b"{}")
    is_problem(service.send(source, forged, b"{}"), UNAUTHORIZED)
    time.sleep(3.2)
    asked = {"source": source.name}
    too_soon = service.http.request("POST", f"{API}/quarantine/reverify", json=asked)
    secret = {"secret": whsec(late)}
    added = service.http.request("POST", f"{API}/sources/{source.name}/secrets", json=secret)
    expect(added.status == CREATED, expected="201 for a secret", got=describe_answer(added))
    answers = [service.http.request("POST", f"{API}/quarantine/reverify", json=asked) for _ in range(2)]
    return Mended(source, sent, [too_soon, *answers])


@then("a reverification admits those that verify as of their receipt, once, and they are forwarded")
def a_reverification_admits_those_that_verify(service: Desk, mended: Mended) -> None:
    for answer, count in zip(mended.answers, (0, len(mended.sent), 0), strict=True):
        expect(answer.status == OK, expected="200", got=describe_answer(answer), answer=answer)
        got = as_object(answer).get("admitted")
        expect(got == count, expected=f"admitted {count}", got=got, answer=answer)
    events = service.listed(100, source=mended.source.name)
    keys = {str(event.get("key")) for event in events}
    expect(keys == set(mended.sent), expected=f"events {set(mended.sent)}", got=keys)
    for event in events:
        service.wait_for_state(str(event["id"]), "forwarded")
    bodies = {call.header("webhook-id"): call.body for call in service.calls(mended.source, len(events))}
    expect(bodies == mended.sent, expected="the bytes as they came", got=bodies)
    left = len(quarantined(service, mended.source))
    expect(left == LEFT, expected="the stale and the forged one left", got=left)
