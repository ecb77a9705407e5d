"""Steps of signatures.feature: deliveries that are in order, and those that are wrong in one way each."""

import base64
import hmac
import time

from pytest_bdd import scenarios, then, when

from kata.steps import describe_answer, expect, send_raw

from .desk import (
    ACCEPTED,
    API,
    MALFORMED,
    OK,
    UNAUTHORIZED,
    Desk,
    accepted,
)
from .judging import Sent, has_events, judged
from .sender import (
    FAMILIES,
    STANDARD,
    STRIPE,
    Source,
    family_headers,
    key_of,
    key_pair,
    odd_bodies,
    random_bytes,
    seconds,
    signed,
    standard,
    stripe,
    v1,
    whsec,
)

MOST_SIGNATURES = 16
EDGE_SECONDS = 5.0  # for the way, and for the clocks

scenarios("signatures.feature")


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


@then("it is acknowledged, and with more than sixteen refused with 400")
@then("those within are acknowledged, and those beyond get 401")
@then("the right ones are acknowledged, and each downgrade gets 401")
def each_gets_the_answer(sent: list[Sent]) -> None:
    judged(sent)
