"""Steps of schemes.feature: GitHub, Stripe, and senders that are described."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, send_raw

from .desk import (
    ACCEPTED,
    MALFORMED,
    UNAUTHORIZED,
    Desk,
    Json,
)
from .judging import Sent, judged
from .sender import (
    GITHUB,
    HMAC,
    STRIPE,
    Source,
    github,
    key_of,
    odd_bodies,
    seconds,
    stripe_v1,
)

GITHUB_SECRET = "It's a Secret to Everybody"

scenarios("schemes.feature")


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
        deliveries: list[tuple[str, Mapping[str, object], int]] = [
            ("what is in order", {}, ACCEPTED),
            ("another body", {"body": b"{}"}, UNAUTHORIZED),
            ("another prefix", {"prefix": "sha256="}, UNAUTHORIZED),
            *stale(service, described),
        ]
        for what, changes, status in deliveries:
            answer = described_delivery(service, source, described, changes)
            sent.append(Sent(f"{what} of {described}", answer, status))
    return sent


def stale(service: Desk, described: Json) -> list[tuple[str, Mapping[str, object], int]]:
    """Return a delivery that was signed too long ago, or too far ahead, where a time is signed."""
    if "timestamp_header" not in described:
        return []
    skew = service.times.tolerance_seconds + service.draw.integer(20, 4000)
    moment = seconds(service.draw.choice([-skew, skew]))
    return [("another time", {"moment": moment}, UNAUTHORIZED)]


def described_delivery(service: Desk, source: Source, kind: Json, changes: Mapping[str, object]) -> Exchange:
    """Send as a description says, but for the changes."""
    body = odd_bodies(service.draw)[2]
    # What a template, or whoever replaces a part of a text, may take for a word of its own.
    odd = service.draw.choice(["$$", "$&", "\\1", "{timestamp}", "{body}", "%s"])
    moment, message_id = str(changes.get("moment", seconds())), f"{service.message_id()}{odd}"
    named = {str(kind.get("id_header")): message_id, str(kind.get("timestamp_header")): moment}
    parts = {"{id}": message_id.encode(), "{timestamp}": moment.encode(), "{body}": body}
    form = re.split(r"(\{id\}|\{timestamp\}|\{body\})", str(kind.get("signed", "{body}")))
    text = b"".join(parts.get(part, part.encode()) for part in form)
    digest = hmac.digest(source.secret.encode(), text, str(kind.get("algorithm", "sha256")))
    written = base64.b64encode(digest).decode() if kind.get("encoding") == "base64" else digest.hex()
    prefix = str(changes.get("prefix", kind.get("prefix", "")))
    headers = {name: value for name, value in named.items() if name != "None"}
    headers[str(kind["signature_header"])] = prefix + written
    given = changes.get("body", body)
    return service.send(source, headers, given if isinstance(given, bytes) else body)


@then("the right ones are acknowledged, and the others get 401")
@then("each gets the answer that its form asks for")
def each_gets_the_answer(sent: list[Sent]) -> None:
    judged(sent)
