"""Steps of access.feature: who has the token, and who has not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, describe_answer, expect, is_problem, send_raw

from .desk import (
    API,
    NOT_FOUND,
    OK,
    UNAUTHORIZED,
    Desk,
    accepted,
    objects,
)
from .sender import Source, key_of, standard

scenarios("access.feature")


@dataclass(frozen=True)
class Guarded:
    """A source that has to be left as it was, and the answers to each Authorization; None is none."""

    source: Source
    answers: list[tuple[str | None, Request, Exchange]]


def every_route(service: Desk, source: Source, event_id: str) -> list[Request]:
    """Return a request for each route of the API that the operator would be answered with a success."""
    name, other = source.name, {**source.fields, "name": f"{source.name}-2"}
    asked = [
        ("POST", "/sources", other),
        ("GET", "/sources", None),
        ("GET", f"/sources/{name}", None),
        ("PATCH", f"/sources/{name}", {"state": "retired"}),
        ("POST", f"/sources/{name}/secrets", {}),
        ("GET", "/events", None),
        ("GET", f"/events/{event_id}", None),
        ("GET", f"/events/{event_id}/payload", None),
        ("GET", f"/events/{event_id}/conflicts", None),
        ("POST", f"/events/{event_id}/replay", None),
        ("POST", "/replays", {"source": name}),
        ("GET", "/quarantine", None),
        ("POST", "/quarantine/reverify", {"source": name}),
    ]
    shown = objects(service.show(f"/sources/{name}").get("secrets"), "secrets")
    asked.append(
        ("PATCH", f"/sources/{name}/secrets/{shown[0]['id']}", {"not_after": "2020-02-02T02:02:02Z"})
    )
    kind = {"Content-Type": "application/json"}
    requests = [
        Request(method, f"{API}{path}", kind if body is not None else {}, as_bytes(body))
        for method, path, body in asked
    ]
    # Who is a stranger is not told either what is wrong with a body, or that something is not there.
    requests.append(Request("POST", f"{API}/sources", kind, b'{"name": '))
    return [*requests, Request("GET", f"{API}/sources/{service.draw.word()}")]


def as_bytes(document: object) -> bytes:
    return b"" if document is None else json.dumps(document).encode()


@when(
    "every route of the API is asked without a token, with a wrong one, and with what is none",
    target_fixture="guarded",
)
def every_route_is_asked_without_a_token(service: Desk) -> Guarded:
    draw, token = service.draw, service.times.operator_token
    source = service.with_key()
    event_id = service.deliver(source)
    service.wait_for_state(event_id, "forwarded")
    place = draw.integer(0, len(token) - 1)
    wrong = [
        f"Bearer {token[:-1]}",
        f"Bearer {token}{draw.integer(0, 9)}",
        f"Bearer {token[:place]}{(int(token[place]) + 1) % 10}{token[place + 1 :]}",
        f"Bearer {draw.text(len(token))}",
        f"Basic {token}",
        f"Bearer{token}",
        token,
        "Bearer",
        "",
    ]
    answers = []
    for number, request in enumerate(draw.shuffle(every_route(service, source, event_id))):
        for line in (None, wrong[number % len(wrong)]):
            headers = request.headers if line is None else {**request.headers, "Authorization": line}
            sent = Request(request.method, request.path, headers, request.body)
            answers.append((line, sent, service.burst([sent])[0]))
    twice = [("Authorization", f"Bearer {token}")] * 2
    raw = send_raw(service.service.urls[0], written("GET", f"{API}/sources", service.service.urls[0], twice))
    answers.append(("two of them", Request("GET", f"{API}/sources"), raw))
    return Guarded(source, answers)


def written(method: str, path: str, url: str, lines: Sequence[tuple[str, str]]) -> bytes:
    """Write a request by hand: a header may come twice."""
    fields = [("Host", urlsplit(url).netloc), ("Connection", "close"), *lines]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()


@then("each answer is 401 with a challenge that fits, and nothing was done or told")
def each_answer_is_401(service: Desk, guarded: Guarded) -> None:
    for line, request, answer in guarded.answers:
        what = f"{request.method} {request.path} with {line!r}"
        is_problem(answer, UNAUTHORIZED, f"401 for {what}")
        challenge = answer.header("www-authenticate") or ""
        right = challenge.startswith("Bearer ") and ("invalid_token" in challenge) == (line is not None)
        expect(right, expected=f"WWW-Authenticate: Bearer … for {what}", got=challenge, answer=answer)
        told = guarded.source.name in answer.text.replace(request.path, "")
        expect(not told, expected="nothing of the source", got=answer.text[:300], answer=answer)
    shown = service.show(f"/sources/{guarded.source.name}")
    secrets = objects(shown.get("secrets"), "secrets")
    as_it_was = (shown.get("state"), len(secrets), secrets[0].get("not_after")) == ("active", 1, None)
    expect(as_it_was, expected="the source as it was", got=shown)
    rounds = [event.get("round") for event in service.listed(100, source=guarded.source.name)]
    expect(rounds == [1], expected="no replay", got=rounds)
    other = service.http.get(f"{API}/sources/{guarded.source.name}-2")
    is_problem(other, NOT_FOUND, "no source is made")


@then("the scheme may be in any case, and deliveries need no token")
def the_scheme_may_be_in_any_case(service: Desk, guarded: Guarded) -> None:
    token = service.times.operator_token
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = service.sender.get(f"{API}/sources", headers={"Authorization": f"{scheme} {token}"})
        expect(answer.status == OK, expected=f"200 for {scheme}", got=describe_answer(answer), answer=answer)
    body, message_id = b"{}", service.message_id()
    headers = {**standard(key_of(guarded.source.secret), message_id, body), "Authorization": "Bearer x"}
    accepted(service.send(guarded.source, headers, body))
