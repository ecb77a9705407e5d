"""Steps of access.feature: who has the token, and who has not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, describe_answer, expect, is_problem, send_raw

from .content import Content
from .vault import API, OK, Json, Row, Vault, as_list, ids

scenarios("access.feature")

UNAUTHORIZED = 401


@dataclass(frozen=True)
class State:
    """What nobody may have changed."""

    versions: list[Json]
    runs: list[Json]
    rows: list[Row]


@dataclass(frozen=True)
class Guarded:
    """What there was before, and the answers to each Authorization; None is none."""

    version_id: str
    before: State
    answers: list[tuple[str | None, Request, Exchange]]


def state_of(vault: Vault, content: Content) -> State:
    return State(vault.versions(), as_list(vault.get("/runs?limit=1000").get("items")), content.now())


def every_route(vault: Vault, version_id: str, restore_id: str) -> list[Request]:
    """Return a request for each route of the API that the operator would be answered with a success."""
    version = f"/versions/{version_id}"
    asked = [
        ("POST", "/versions", {}),
        ("GET", "/versions", None),
        ("GET", version, None),
        ("POST", f"{version}/verify", {}),
        ("POST", f"{version}/drill", {}),
        ("PUT", f"{version}/pin", None),
        ("DELETE", f"{version}/pin", None),
        ("POST", "/imports", {"file": "dump"}),
        ("POST", "/prune", {}),
        ("POST", "/restores", {"version_id": version_id}),
        ("POST", "/restores", {"version_id": version_id, "dry_run": True}),
        ("POST", f"/restores/{restore_id}/undo", {}),
        ("GET", "/runs", None),
        ("GET", f"/runs/{restore_id}", None),
    ]
    kind = {"Content-Type": "application/json"}
    requests = [
        Request(method, f"{API}{path}", {} if body is None else kind, as_bytes(body))
        for method, path, body in asked
    ]
    # Who is a stranger is not told either what is wrong with a request, or that something is not there.
    requests.append(Request("POST", f"{API}/versions", kind, b'{"labels": '))
    requests.append(Request("POST", f"{API}/versions", {"Content-Type": "text/plain"}, b"{}"))
    requests += [Request("GET", f"{API}/versions?{query}") for query in ("limit=0", "unknown=1")]
    return [*requests, Request("GET", f"{API}/runs/{vault.draw.word()}")]


def as_bytes(document: object) -> bytes:
    return b"" if document is None else json.dumps(document).encode()


@when(
    "every route of the API is asked without a token, with a wrong one, and with what is none",
    target_fixture="guarded",
)
def every_route_is_asked_without_a_token(vault: Vault, content: Content) -> Guarded:
    draw, token = vault.draw, vault.settings["OPERATOR_TOKEN"]
    version_id = vault.create()
    restored = vault.restore(version_id)
    content.add()
    dump = vault.service.postgres.address.run("pg_dump", "--format=custom", database=vault.database)
    (vault.folder / "incoming" / "dump").write_bytes(dump.stdout)
    before = state_of(vault, content)
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
    for number, request in enumerate(draw.shuffle(every_route(vault, version_id, str(restored["id"])))):
        for line in (None, wrong[number % len(wrong)]):
            headers = request.headers if line is None else {**request.headers, "Authorization": line}
            sent = Request(request.method, request.path, headers, request.body)
            answers.append((line, sent, vault.service.burst([sent])[0]))
    twice = [("Authorization", f"Bearer {token}")] * 2
    raw = send_raw(vault.service.urls[0], written("GET", f"{API}/versions", vault.service.urls[0], twice))
    answers.append(("two of them", Request("GET", f"{API}/versions"), raw))
    return Guarded(version_id, before, answers)


def written(method: str, path: str, url: str, lines: Sequence[tuple[str, str]]) -> bytes:
    """Write a request by hand: a header may come twice."""
    fields = [("Host", urlsplit(url).netloc), ("Connection", "close"), *lines]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()


@then("each answer is 401 with a challenge that fits, and nothing was done or told")
def each_answer_is_401(vault: Vault, content: Content, guarded: Guarded) -> None:
    for line, request, answer in guarded.answers:
        what = f"{request.method} {request.path} with {line!r}"
        is_problem(answer, UNAUTHORIZED, f"401 for {what}")
        challenge = answer.header("www-authenticate") or ""
        right = challenge.startswith("Bearer ") and ("invalid_token" in challenge) == (line is not None)
        expect(right, expected=f"WWW-Authenticate: Bearer … for {what}", got=challenge, answer=answer)
        told = guarded.version_id in answer.text.replace(request.path, "")
        expect(not told, expected="nothing of a version", got=answer.text[:300], answer=answer)
    now = state_of(vault, content)
    expect(ids(now.runs) == ids(guarded.before.runs), expected="no run more", got=ids(now.runs))
    expect(now == guarded.before, expected="versions, runs and rows as they were", got="others")


@then("the scheme may be in any case")
def the_scheme_may_be_in_any_case(vault: Vault) -> None:
    token = vault.settings["OPERATOR_TOKEN"]
    for scheme in ("bearer", "BEARER", "Bearer "):
        with vault.service.client({"Authorization": f"{scheme} {token}"}) as client:
            answer = client.get(f"{API}/versions")
        expect(answer.status == OK, expected=f"200 for {scheme}", got=describe_answer(answer), answer=answer)
