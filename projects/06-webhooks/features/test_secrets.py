"""Steps of secrets.feature: changed, spelled, and shown once."""

import base64
from datetime import UTC, datetime, timedelta, timezone

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .desk import (
    ACCEPTED,
    API,
    CREATED,
    INVALID,
    OK,
    UNAUTHORIZED,
    Desk,
    objects,
)
from .judging import Sent, judged
from .sender import (
    GITHUB,
    STANDARD,
    STRIPE,
    Source,
    key_of,
    random_bytes,
    standard,
    whsec,
)

scenarios("secrets.feature")


@when("a source has an old and a new secret, and the old one expires", target_fixture="sent")
def a_source_has_an_old_and_a_new_secret(service: Desk) -> list[Sent]:
    source = service.with_key()
    body = b'{"turn": 1}'
    old, new = key_of(source.secret), random_bytes(service.draw, 32)
    path = f"{API}/sources/{source.name}"
    added = service.http.request("POST", f"{path}/secrets", json={"secret": whsec(new)})
    expect(added.status == CREATED, expected="201 for another secret", got=describe_answer(added))
    sent = []

    def send(what: str, key: bytes, status: int) -> None:
        headers = standard(key, service.message_id(), body)
        sent.append(Sent(what, service.send(source, headers, body), status))

    send("the old secret, beside the new one", old, ACCEPTED)
    send("the new secret, beside the old one", new, ACCEPTED)
    shown = objects(service.show(f"/sources/{source.name}").get("secrets"), "secrets")
    first = next(one for one in shown if one.get("id") != as_object(added).get("id"))
    expire = f"{path}/secrets/{first['id']}"
    # Read without their offsets the first would be over, and the second not yet.
    west, east = (timezone(timedelta(hours=sign * service.draw.integer(3, 11))) for sign in (-1, 1))
    later = (datetime.now(west) + timedelta(seconds=service.draw.integer(60, 9000))).isoformat()
    for moment, status in ((later, ACCEPTED), (datetime.now(east).isoformat(), UNAUTHORIZED)):
        changed = service.http.request("PATCH", expire, json={"not_after": moment})
        expect(changed.status == OK, expected="200 for a not_after", got=describe_answer(changed))
        send(f"the old secret with not_after {moment}", old, status)
    send("the new secret, when the old one has expired", new, ACCEPTED)
    return sent


@then("both count until then, and from then on the new one alone")
def both_count_until_then(sent: list[Sent]) -> None:
    judged(sent)


@when("sources are made with secrets in all spellings, and with what is no secret", target_fixture="spelled")
def sources_are_made_with_secrets_in_all_spellings(service: Desk) -> tuple[list[Sent], list[Exchange]]:
    draw = service.draw
    sent = []
    for size in (24, 64, draw.integer(25, 63)):
        key = random_bytes(draw, size)
        for text in (whsec(key), whsec(key).rstrip("="), f"v1,{whsec(key)}"):
            source = service.source(STANDARD, secret=text)
            headers = standard(key, service.message_id(), b"{}")
            sent.append(Sent(f"a secret of {size} bytes, {text[:9]}…", service.send(source, headers, b"{}")))
    bad = [
        *((STANDARD, whsec(random_bytes(draw, size))) for size in (0, 23, 65)),
        (STANDARD, whsec(random_bytes(draw, 32)).replace("whsec_", "")),
        (STANDARD, whsec(random_bytes(draw, 30))[:-1] + "*"),
        (STANDARD, f"whpk_{base64.b64encode(random_bytes(draw, 31)).decode()}"),
        (STANDARD, f"whpk_{base64.b64encode(random_bytes(draw, 33)).decode()}"),
        (GITHUB, draw.text(15)),
        (STRIPE, draw.text(16) + "é"),
    ]
    answers = []
    for scheme, secret in bad:
        body = {
            "name": draw.word(),
            "scheme": scheme,
            "destination": service.sink.url("/nobody"),
            "secret": secret,
        }
        answers.append(service.http.request("POST", f"{API}/sources", json=body))
    return sent, answers


@then("the first verify, and the others are refused with a pointer")
def the_first_verify(spelled: tuple[list[Sent], list[Exchange]]) -> None:
    sent, answers = spelled
    judged(sent)
    for answer in answers:
        problem = is_problem(answer, INVALID, "what is no secret is refused with 422 and a pointer")
        pointers = [error.get("pointer") for error in objects(problem.get("errors"), "errors")]
        expect("#/secret" in pointers, expected="a pointer to #/secret", got=pointers, answer=answer)


@when("a source is made, used, and looked at", target_fixture="looked")
def a_source_is_made_used_and_looked_at(service: Desk) -> tuple[Source, list[Exchange]]:
    source = service.with_key()
    before = service.http.get(f"{API}/sources/{source.name}")
    service.deliver(source)
    paths = (f"/sources/{source.name}", "/sources", "/events")
    return source, [before, *(service.http.get(f"{API}{path}") for path in paths)]


@then("its secret is nowhere to be seen, and its fingerprint and last use are")
def its_secret_is_nowhere_to_be_seen(looked: tuple[Source, list[Exchange]]) -> None:
    source, (before, after, *others) = looked
    for answer in (before, after, *others):
        for secret in (source.secret, source.signing_secret):
            bare = secret.removeprefix("whsec_")
            expect(bare not in answer.text, expected="no secret", got=answer.text[:300], answer=answer)
    first, last = (objects(as_object(one).get("secrets"), "secrets")[0] for one in (before, after))
    expect(bool(last.get("fingerprint")), expected="a fingerprint", got=last)
    expect(first.get("last_used_at") is None, expected="last_used_at null before", got=first)
    used = last.get("last_used_at")
    age = (datetime.now(UTC) - datetime.fromisoformat(str(used))).total_seconds() if used else -99.0
    expect(-2 <= age <= 60, expected="last_used_at as of now", got=last)
