"""Steps of signatures.feature: deliveries that are in order, and those that are wrong in one way each."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem, send_raw

from .desk import (
    ACCEPTED,
    API,
    CREATED,
    INVALID,
    MALFORMED,
    OK,
    UNAUTHORIZED,
    Desk,
    Json,
    accepted,
    in_doubt,
    objects,
)
from .sender import (
    FAMILIES,
    GITHUB,
    HMAC,
    STANDARD,
    STRIPE,
    Source,
    family_headers,
    github,
    key_of,
    key_pair,
    odd_bodies,
    random_bytes,
    seconds,
    signed,
    standard,
    stripe,
    stripe_v1,
    v1,
    whsec,
)

MOST_SIGNATURES = 16
EDGE_SECONDS = 5.0  # for the way, and for the clocks
GITHUB_SECRET = "It's a Secret to Everybody"

scenarios("signatures.feature")


@dataclass(frozen=True)
class Sent:
    """A delivery, what it is, and the answer that it should get."""

    what: str
    answer: Exchange
    status: int = ACCEPTED


def judged(sent: list[Sent]) -> None:
    """Demand of each the answer that it should get."""
    for one in sent:
        if one.status == ACCEPTED:
            expect(
                one.answer.status == ACCEPTED,
                expected=f"202 for {one.what}",
                got=f"{describe_answer(one.answer)} {one.answer.text[:200]}",
                answer=one.answer,
                timing=in_doubt(one.answer),
            )
            accepted(one.answer)
        else:
            is_problem(one.answer, one.status, f"{one.status} for {one.what}")


def has_events(service: Desk, source: Source, count: int) -> None:
    found = service.listed(100, source=source.name)
    expect(len(found) == count, expected=f"{count} events of the source", got=found)


@when("deliveries with odd bodies are signed, under either name of the headers", target_fixture="kept")
def deliveries_with_odd_bodies_are_signed(service: Desk) -> list[tuple[bytes, str]]:
    source = service.with_key()
    bodies = service.draw.shuffle([b"", *odd_bodies(service.draw), random_bytes(service.draw, 300)])
    kept = []
    for number, body in enumerate(bodies):
        headers = standard(key_of(source.secret), service.message_id(), body, family=FAMILIES[number % 2])
        kind = service.draw.choice(["application/json", "text/plain", "application/cloudevents+json"])
        kept.append((body, accepted(service.send(source, headers, body, kind))))
    return kept


@then("each is acknowledged with 202 as a new event, and kept byte by byte")
def each_is_acknowledged_with_202(service: Desk, kept: list[tuple[bytes, str]]) -> None:
    for body, event_id in kept:
        answer = service.http.get(f"{API}/events/{event_id}/payload")
        expect(answer.status == OK, expected="200 from the payload", got=describe_answer(answer))
        expect(answer.body == body, expected=f"the bytes {body[:60]!r}", got=answer.body[:60])


@when("deliveries are sent whose signatures are wrong, each in its way", target_fixture="refused")
def deliveries_are_sent_whose_signatures_are_wrong(service: Desk) -> tuple[Source, list[Sent]]:
    source = service.with_key()
    body = service.draw.choice(odd_bodies(service.draw))
    key, message_id, moment = key_of(source.secret), service.message_id(), seconds()
    right = v1(key, message_id, moment, body)
    text = right.removeprefix("v1,")
    other = whsec(random_bytes(service.draw, 32))
    place = service.draw.integer(3, len(text) - 6)
    flipped = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    digest = hmac.digest(key, signed(message_id, moment, body), "sha256")
    lines = {
        "another key": v1(key_of(other), message_id, moment, body),
        "whsec_ taken literally": v1(source.secret.encode(), message_id, moment, body),
        "another id": v1(key, service.message_id(), moment, body),
        "another time": v1(key, message_id, seconds(-1), body),
        "another body": v1(key, message_id, moment, body + b" "),
        "one character of it changed": f"v1,{flipped}",
        "its end cut off": right[:-4],
        "its padding left out": right.rstrip("="),
        "a stray character in it": f"v1,{text[:place]}*{text[place:]}",
        "a blank in it": f"v1,{text[:place]} {text[place:]}",
        "hex for base64": f"v1,{digest.hex()}",
        "the URL's base64": f"v1,{base64.urlsafe_b64encode(digest).decode()}".replace("=", "%3D"),
        "a version that it does not have": f"v2,{text}",
        "the version in capitals": f"V1,{text}",
        "no version": text,
        "the version of the other kind": f"v1a,{text}",
        "v1 alone": "v1",
        "v1 and nothing": "v1,",
        "a part too many": f"{right},b",
        "nothing": "",
        "commas between": f"v1,AAAA,{right}",
    }
    sent = [
        Sent(what, service.send(source, family_headers("webhook", message_id, moment, line), body), 401)
        for what, line in service.draw.shuffle(lines.items())
    ]
    headers = family_headers("webhook", message_id, moment, right)
    without = {name: value for name, value in headers.items() if name != "webhook-signature"}
    sent.append(Sent("no signature at all", service.send(source, without, body), UNAUTHORIZED))
    named = [*without.items(), ("webhook-signature", f"v1,{text[:-2]}\xe9=")]
    raw = send_raw(service.service.urls[0], service.raw(source, named, body))
    sent.append(Sent("a character beyond ASCII", raw, UNAUTHORIZED))
    return source, sent


@then("each of them gets 401, and no event is made of it")
@then("each of them gets 400, and no event is made of it")
def each_of_them_gets_its_refusal(service: Desk, refused: tuple[Source, list[Sent]]) -> None:
    source, sent = refused
    judged(sent)
    has_events(service, source, 0)


@when("a right signature stands among wrong and malformed ones", target_fixture="sent")
def a_right_signature_stands_among_wrong_ones(service: Desk) -> list[Sent]:
    source, body = service.with_key(), service.draw.choice(odd_bodies(service.draw))
    key = key_of(source.secret)
    sent = []
    for what, others, status in (
        ("beside a malformed one", ["v1"], ACCEPTED),
        ("beside ones of other kinds", ["v2,x", "v1a,AAAA", "v0,eA=="], ACCEPTED),
        ("after a doubled blank", ["v1,eA==", ""], ACCEPTED),
        ("as the last of sixteen", ["v1,eA=="] * (MOST_SIGNATURES - 1), ACCEPTED),
        ("as the last of seventeen", ["v1,eA=="] * MOST_SIGNATURES, MALFORMED),
        ("as one of hundreds", ["v1,eA=="] * 300, MALFORMED),
    ):
        message_id, moment = service.message_id(), seconds()
        line = " ".join([*others, v1(key, message_id, moment, body)])
        headers = family_headers(service.draw.choice(FAMILIES), message_id, moment, line)
        sent.append(Sent(f"a right signature {what}", service.send(source, headers, body), status))
    return sent


@then("it is acknowledged, and with more than sixteen refused with 400")
@then("those within are acknowledged, and those beyond get 401")
@then("the right ones are acknowledged, and each downgrade gets 401")
@then("the right ones are acknowledged, and the others get 401")
@then("each gets the answer that its form asks for")
def each_gets_the_answer(sent: list[Sent]) -> None:
    judged(sent)


@when("deliveries are sent whose headers are malformed, each in its way", target_fixture="refused")
def deliveries_are_sent_whose_headers_are_malformed(service: Desk) -> tuple[Source, list[Sent]]:
    source, body = service.with_key(), service.draw.choice(odd_bodies(service.draw))
    key, now = key_of(source.secret), int(time.time())
    moments = [
        *(f"{now}.5", f"+{now}", f"0x{now:x}", f"{now:.3e}", "soon", "-1", "NaN", "1" * 13),
        f"{now:_}",
        f"{now}s",
    ]
    ids = [f"msg.{service.draw.word()}", "a b", "x" * 256, ""]
    pairs = [(service.message_id(), moment) for moment in moments] + [(one, str(now)) for one in ids]
    sent = []
    for message_id, moment in service.draw.shuffle(pairs):
        answer = service.send(source, standard(key, message_id, body, moment), body)
        sent.append(Sent(f"the id {message_id!r} and the time {moment!r}", answer, MALFORMED))
    right = standard(key, service.message_id(), body)
    for name in ("webhook-id", "webhook-timestamp"):
        less = {key: value for key, value in right.items() if key != name}
        sent.append(Sent(f"no {name}", service.send(source, less, body), MALFORMED))
    both = {**right, **{name.replace("webhook", "svix"): value for name, value in right.items()}}
    sent.append(Sent("both families of headers", service.send(source, both, body), MALFORMED))
    name = service.draw.choice(list(right))
    mixed = {("svix" + key[7:] if key == name else key): value for key, value in right.items()}
    sent.append(Sent("one header of the other family", service.send(source, mixed, body), MALFORMED))
    for name in right:
        lines = [*right.items(), (name, right[name])]
        answer = send_raw(service.service.urls[0], service.raw(source, service.draw.shuffle(lines), body))
        sent.append(Sent(f"{name} twice", answer, MALFORMED))
    arabic = [(key, value) for key, value in right.items() if key != "webhook-timestamp"]
    digits = "".join(chr(0x660 + int(digit)) for digit in str(now)).encode().decode("latin-1")
    answer = send_raw(
        service.service.urls[0], service.raw(source, [*arabic, ("webhook-timestamp", digits)], body)
    )
    sent.append(Sent("digits of another script", answer, MALFORMED))
    return source, sent


@when(
    "deliveries are signed at both sides of the tolerance, of the past and of the future",
    target_fixture="sent",
)
def deliveries_are_signed_at_both_sides_of_the_tolerance(service: Desk) -> list[Sent]:
    tolerance = service.times.tolerance_seconds
    source, body = service.with_key(), b"{}"
    far = 100 * 24 * 3600
    moments = [
        (-tolerance + EDGE_SECONDS, ACCEPTED),
        (-tolerance - 2, UNAUTHORIZED),
        (tolerance - EDGE_SECONDS, ACCEPTED),
        (tolerance + EDGE_SECONDS, UNAUTHORIZED),
        (-far, UNAUTHORIZED),
        (far, UNAUTHORIZED),
    ]
    sent = []
    for offset, status in service.draw.shuffle(moments):
        headers = standard(key_of(source.secret), service.message_id(), body, seconds(offset))
        sent.append(Sent(f"a time {offset:+.0f} s from now", service.send(source, headers, body), status))
    old = service.source(STRIPE, secret=f"whsec_{service.draw.text(32)}")
    for offset, status in ((-tolerance - 2, UNAUTHORIZED), (tolerance - EDGE_SECONDS, ACCEPTED)):
        headers = stripe(old.secret, body, seconds(offset))
        sent.append(Sent(f"a time of Stripe's {offset:+.0f} s off", service.send(old, headers, body), status))
    zero = standard(key_of(source.secret), service.message_id(), body, "0")
    sent.append(Sent("the time 0", service.send(source, zero, body), UNAUTHORIZED))
    return sent


@when("deliveries are signed with ed25519, for sources of either kind", target_fixture="sent")
def deliveries_are_signed_with_ed25519(service: Desk) -> list[Sent]:
    pair, other = key_pair(service.draw), key_pair(service.draw)
    public, symmetric = service.source(STANDARD, secret=pair.public), service.with_key()
    body, moment = odd_bodies(service.draw)[0], seconds()
    sent: list[Sent] = []

    def send(what: str, source: Source, line: str, status: int) -> None:
        headers = family_headers("webhook", message_id, moment, line)
        sent.append(Sent(what, service.send(source, headers, body), status))

    message_id = service.message_id()
    good = pair.v1a(message_id, moment, body)
    by_public = v1(pair.public_bytes, message_id, moment, body)
    send("a signature by another key pair", public, other.v1a(message_id, moment, body), UNAUTHORIZED)
    send("an HMAC with the public key", public, by_public, UNAUTHORIZED)
    send("an HMAC with the public key, called v1a", public, by_public.replace("v1,", "v1a,"), UNAUTHORIZED)
    send("ed25519 called v1", public, good.replace("v1a,", "v1,"), UNAUTHORIZED)
    send("half a signature", public, good[:40], UNAUTHORIZED)
    send("a signature that is no base64", public, "v1a,****", UNAUTHORIZED)
    send("ed25519 for a source with an HMAC secret", symmetric, good, UNAUTHORIZED)
    key = key_of(symmetric.secret)
    called_so = v1(key, message_id, moment, body).replace("v1,", "v1a,")
    send("an HMAC called v1a", symmetric, called_so, UNAUTHORIZED)
    send("ed25519", public, f"v1,AAAA {good}", ACCEPTED)
    message_id = service.message_id()
    both = f"{pair.v1a(message_id, moment, body)} {v1(key, message_id, moment, body)}"
    send("both kinds, to a source with an HMAC secret", symmetric, both, ACCEPTED)
    return sent


@when(
    "deliveries come as GitHub sends them, and with signatures that are wrong or old", target_fixture="sent"
)
def deliveries_come_as_github_sends_them(service: Desk) -> list[Sent]:
    source = service.source(GITHUB, secret=GITHUB_SECRET)
    body = odd_bodies(service.draw)[1]
    sent = []

    def send(what: str, changes: Mapping[str, str | None], status: int, payload: bytes = body) -> None:
        headers = github(source.secret, payload, str(service.draw.uuid())) | dict(changes)
        given = {name: value for name, value in headers.items() if value is not None}
        kind = service.draw.choice(["application/json", "application/x-www-form-urlencoded"])
        sent.append(Sent(what, service.send(source, given, payload, kind), status))

    right = github(source.secret, body, "x")["X-Hub-Signature-256"]
    send("what is in order", {}, ACCEPTED)
    send("a form", {}, ACCEPTED, b"payload=%7B%22zen%22%3A%22%C3%A9+%26%22%7D")
    # The vector of GitHub's documentation.
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    send("the published vector", {"X-Hub-Signature-256": vector}, ACCEPTED, b"Hello, World!")
    send("SHA-1 alone", {"X-Hub-Signature-256": None}, UNAUTHORIZED)
    send("another body", {"X-Hub-Signature-256": right}, UNAUTHORIZED, body + b"\n")
    send("a shorter signature", {"X-Hub-Signature-256": right[:-2]}, UNAUTHORIZED)
    send("a longer one", {"X-Hub-Signature-256": right + "00"}, UNAUTHORIZED)
    send("no prefix", {"X-Hub-Signature-256": right.removeprefix("sha256=")}, UNAUTHORIZED)
    send("another prefix", {"X-Hub-Signature-256": right.replace("sha256=", "sha512=")}, UNAUTHORIZED)
    send("nothing behind the prefix", {"X-Hub-Signature-256": "sha256="}, UNAUTHORIZED)
    stranger = github("another secret of theirs", body, "x")["X-Hub-Signature-256"]
    send("another secret", {"X-Hub-Signature-256": stranger}, UNAUTHORIZED)
    odd = [("X-Hub-Signature-256", right[:-1] + "\xe9"), ("X-GitHub-Delivery", "1")]
    answer = send_raw(service.service.urls[0], service.raw(source, odd, body))
    sent.append(Sent("a character beyond ASCII", answer, UNAUTHORIZED))
    return sent


@when("deliveries come as Stripe sends them, in each form that its header may have", target_fixture="sent")
def deliveries_come_as_stripe_sends_them(service: Desk) -> list[Sent]:
    source = service.source(STRIPE, secret=f"whsec_{service.draw.text(32)}")
    body, moment = f'{{"id": "evt_{service.draw.word()}"}}'.encode(), seconds()
    right = stripe_v1(source.secret, moment, body)
    decoded = hmac.new(key_of(source.secret), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    lines: dict[str, tuple[str, int]] = {
        "two times": (f"t={moment},t={moment},v1={right}", MALFORMED),
        "no time": (f"v1={right}", MALFORMED),
        "a time that is no number": (f"t=soon,v1={right}", MALFORMED),
        "seventeen elements": (f"t={moment}," + "v1=00," * 15 + f"v1={right}", MALFORMED),
        "v0 alone": (f"t={moment},v0={right}", UNAUTHORIZED),
        "no signature": (f"t={moment}", UNAUTHORIZED),
        "a wrong signature": (f"t={moment},v1={right[:-1]}", UNAUTHORIZED),
        "another time": (f"t={seconds(-1)},v1={right}", UNAUTHORIZED),
        "the secret decoded": (f"t={moment},v1={decoded}", UNAUTHORIZED),
    }
    sent = [
        Sent(what, service.send(source, {"Stripe-Signature": line}, body), status)
        for what, (line, status) in service.draw.shuffle(lines.items())
    ]
    sent.append(Sent("no header", service.send(source, {}, body), UNAUTHORIZED))
    accepted_lines = {
        "several signatures": f"t={{0}},v1={'0' * 64},v1={{1}}",
        "an old signature beside": "v0=abc,t={0},v1={1}",
        "elements without =": "t={0},x,,v1={1}",
        "another order": "v1={1},t={0}",
    }
    for number, (what, form) in enumerate(accepted_lines.items()):
        payload = f'{{"id": "evt_{number}_{service.draw.word()}"}}'.encode()
        line = form.format(moment, stripe_v1(source.secret, moment, payload))
        sent.append(Sent(what, service.send(source, {"Stripe-Signature": line}, payload)))
    return sent


@when("sources are described that sign in other ways, and send", target_fixture="sent")
def sources_are_described_that_sign_in_other_ways(service: Desk) -> list[Sent]:
    secret = service.draw.text(service.draw.integer(16, 60))
    kinds: list[dict[str, object]] = [
        {"encoding": "base64"},
        {"prefix": "v0=", "signed": "v0:{timestamp}:{body}", "timestamp_header": "X-Time"},
        {
            "algorithm": "sha512",
            "signed": "{id}/{body}/{timestamp}",
            "id_header": "X-Id",
            "timestamp_header": "X-T",
        },
    ]
    sent = []
    for kind in service.draw.shuffle(kinds):
        header = f"X-{service.draw.word().title()}"
        described = {"signature_header": header, **kind}
        source = service.source(HMAC, secret=secret, hmac=described)
        for what, changes, status in (
            ("what is in order", {}, ACCEPTED),
            ("another body", {"body": b"{}"}, UNAUTHORIZED),
            ("another prefix", {"prefix": "sha256="}, UNAUTHORIZED),
        ):
            answer = described_delivery(service, source, described, changes)
            sent.append(Sent(f"{what} of {described}", answer, status))
    return sent


def described_delivery(service: Desk, source: Source, kind: Json, changes: Mapping[str, object]) -> Exchange:
    """Send as a description says, but for the changes."""
    body = odd_bodies(service.draw)[2]
    moment, message_id = seconds(), service.message_id()
    named = {str(kind.get("id_header")): message_id, str(kind.get("timestamp_header")): moment}
    form = str(kind.get("signed", "{body}")).replace("{id}", message_id).replace("{timestamp}", moment)
    text = form.encode().replace(b"{body}", body)
    digest = hmac.digest(source.secret.encode(), text, str(kind.get("algorithm", "sha256")))
    written = base64.b64encode(digest).decode() if kind.get("encoding") == "base64" else digest.hex()
    prefix = str(changes.get("prefix", kind.get("prefix", "")))
    headers = {name: value for name, value in named.items() if name != "None"}
    headers[str(kind["signature_header"])] = prefix + written
    given = changes.get("body", body)
    return service.send(source, headers, given if isinstance(given, bytes) else body)


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
    later = (datetime.now(UTC) + timedelta(seconds=service.draw.integer(60, 9000))).isoformat()
    for moment, status in ((later, ACCEPTED), (datetime.now(UTC).isoformat(), UNAUTHORIZED)):
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
