"""Steps of management.feature: lists, replays, metrics."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Reply, Request, as_object, describe_answer, expect, is_problem, send_raw

from .desk import (
    ACCEPTED,
    API,
    CONFLICT,
    INVALID,
    NOT_FOUND,
    OK,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    UNAUTHORIZED,
    Desk,
    Json,
    accepted,
    objects,
    statuses_of,
)
from .sender import HMAC, STANDARD, Source, key_of, random_bytes, standard

UNKNOWN_ID = "0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60"

scenarios("management.feature")


@dataclass(frozen=True)
class Known:
    """A source and the ids of its events, oldest first."""

    source: Source
    forwarded: list[str]
    dead: list[str]


@when("sources have events that are forwarded, and one that is dead", target_fixture="known")
def sources_have_events(service: Desk) -> list[Known]:
    found = []
    for count in (service.draw.integer(4, 6), 2):
        source = service.with_key(Reply(410), Reply())
        dead = service.deliver(source)
        service.wait_for_state(dead, "dead")
        forwarded = [service.deliver(source) for _ in range(count)]
        for event_id in forwarded:
            service.wait_for_state(event_id, "forwarded")
        found.append(Known(source, forwarded, [dead]))
    return found


@then("a walk by next_cursor meets each once, newest first, and the filters do what they say")
def a_walk_meets_each_once(service: Desk, known: list[Known]) -> None:
    for one in known:
        newest = [*reversed(one.forwarded), *one.dead]
        lists = {
            "all": ({}, newest),
            "forwarded": ({"state": "forwarded"}, newest[:-1]),
            "dead": ({"state": "dead"}, one.dead),
            "pending": ({"state": "pending"}, []),
        }
        for what, (query, wanted) in lists.items():
            limit = service.draw.integer(1, 4)
            ids = [event.get("id") for event in service.listed(limit, source=one.source.name, **query)]
            expect(ids == wanted, expected=f"{what}: {wanted}", got=ids)
    every = [event.get("id") for event in service.listed(service.draw.integer(5, 100))]
    expect(len(set(every)) == len(every), expected="each event once", got=len(every) - len(set(every)))
    theirs = {event_id for one in known for event_id in (*one.forwarded, *one.dead)}
    missing = theirs - set(map(str, every))
    expect(not missing, expected="all events", got=f"{len(missing)} are missing")


@then("a bad limit, cursor or state gets a 4xx")
def a_bad_limit_gets_a_4xx(service: Desk) -> None:
    bad = [
        "limit=0",
        "limit=101",
        "limit=x",
        f"cursor={service.draw.word()}",
        "state=lost",
        "cursor=" + "A" * 22,
    ]
    for query in bad:
        answer = service.http.get(f"{API}/events?{query}")
        expect(400 <= answer.status < 500, expected=f"a 4xx for {query}", got=describe_answer(answer))


@dataclass(frozen=True)
class Replayed:
    """An event that was replayed, and the answers to that."""

    source: Source
    id: str
    rounds: int
    again: list[Exchange]
    refused: list[tuple[Exchange, int]]


def replay(service: Desk, event_id: str, key: str | None = None) -> Exchange:
    headers = {"Idempotency-Key": key} if key else {}
    return service.http.request("POST", f"{API}/events/{event_id}/replay", headers=headers)


def wait_for_round(service: Desk, event_id: str, number: int) -> None:
    service.wait_for_event(event_id, lambda event: event.get("round") == number, f'"round": {number}')


@when("an event is replayed twice, and three times with one key", target_fixture="replayed")
def an_event_is_replayed_twice(service: Desk) -> Replayed:
    source = service.with_key(Reply(500), Reply())
    event_id = service.deliver(source)
    other = service.deliver(source)
    key, answers = str(service.draw.uuid()), []
    for number, used in enumerate((None, None, key), 2):
        service.wait_for_event(event_id, lambda event: event.get("state") == "forwarded", "forwarded")
        answers.append(replay(service, event_id, used))
        wait_for_round(service, event_id, number)
    service.wait_for_state(event_id, "forwarded")
    again = [replay(service, event_id, key), replay(service, event_id, f'"{key}"')]
    held = service.with_key(Reply.hang(), Reply())
    busy = service.deliver(held)
    service.calls(held, 1)
    refused = [
        (replay(service, other, key), INVALID),
        (replay(service, busy), CONFLICT),
        (replay(service, UNKNOWN_ID), NOT_FOUND),
        (replay(service, event_id, '"not closed'), 400),
    ]
    return Replayed(source, event_id, 4, [*answers, *again], refused)


@then("each replay but those of a used key forwards it again, and all attempts are kept")
def each_replay_forwards_it_again(service: Desk, replayed: Replayed) -> None:
    for answer in replayed.again:
        expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer), answer=answer)
        ids = as_object(answer).get("event_ids")
        expect(ids == [replayed.id], expected=f"event_ids [{replayed.id}]", got=ids, answer=answer)
    shown = service.event(replayed.id)
    expect(shown.get("round") == replayed.rounds, expected=f"round {replayed.rounds}", got=shown)
    attempts = objects(shown.get("attempts"), "attempts")
    rounds = [attempt.get("round") for attempt in attempts if attempt.get("status_code") == 204]
    expect(rounds == [1, 2, 3, 4], expected="a success in each of four rounds", got=attempts)
    numbers = [attempt.get("number") for attempt in attempts if attempt.get("round") != 1]
    expect(numbers == [1, 1, 1], expected="attempts that count from 1 in each round", got=attempts)


@then("what is under way gets 409, and a key for something else 422")
def what_is_under_way_gets_409(replayed: Replayed) -> None:
    for answer, status in replayed.refused:
        is_problem(answer, status)


@dataclass(frozen=True)
class Chosen:
    """A replay by a filter: what it answered, and the events that it should have named."""

    what: str
    answer: Exchange
    wanted: set[str]


@when("events of two sources are replayed by source, by state, and by range", target_fixture="chosen")
def events_of_two_sources_are_replayed(service: Desk) -> list[Chosen]:
    first, second = service.with_key(Reply(410), Reply()), service.with_key()
    dead = service.deliver(first)
    service.wait_for_state(dead, "dead")
    early = [service.deliver(first) for _ in range(2)]
    time.sleep(0.05)
    between = datetime.now(UTC).isoformat()
    time.sleep(0.05)
    late, other = service.deliver(first), service.deliver(second)
    name = first.name
    cases: list[tuple[str, dict[str, object], set[str]]] = [
        ("the dead of a source", {"source": name, "state": "dead"}, {dead}),
        ("what a source sent before", {"source": name, "received_until": between}, {dead, *early}),
        ("what a source sent after", {"source": name, "received_since": between}, {late}),
        ("a source", {"source": second.name}, {other}),
        ("nothing", {"source": service.draw.word()}, set()),
    ]
    chosen = []
    for what, body, wanted in cases:
        for event_id in (dead, *early, late, other):
            service.wait_for_event(event_id, is_over, "forwarded or dead")
        answer = service.http.request("POST", f"{API}/replays", json=body)
        chosen.append(Chosen(what, answer, wanted))
    for event_id in (dead, *early, late, other):
        service.wait_for_event(event_id, is_over, "forwarded or dead")
    return chosen


def is_over(event: Json) -> bool:
    return event.get("state") in {"forwarded", "dead"}


@then("those that fit are forwarded again, and no others")
def those_that_fit_are_forwarded_again(service: Desk, chosen: list[Chosen]) -> None:
    rounds: dict[str, int] = {}
    for one in chosen:
        expect(
            one.answer.status == ACCEPTED, expected="202", got=describe_answer(one.answer), answer=one.answer
        )
        document = as_object(one.answer)
        ids = document.get("event_ids")
        got = set(map(str, ids)) if isinstance(ids, list) else set()
        expect(got == one.wanted, expected=f"{one.what}: {one.wanted}", got=got, answer=one.answer)
        expect(document.get("count") == len(one.wanted), expected=f"count {len(one.wanted)}", got=document)
        for event_id in one.wanted:
            rounds[event_id] = rounds.get(event_id, 1) + 1
    for event_id, count in rounds.items():
        shown = service.event(event_id)
        expect(shown.get("round") == count, expected=f"{count} rounds", got=shown)
        expect(statuses_of(shown)[-1:] == [204], expected="forwarded again", got=statuses_of(shown))


@when("sources are asked for with one mistake at a time", target_fixture="mistakes")
def sources_are_asked_for_with_one_mistake(service: Desk) -> list[tuple[str, Exchange]]:
    good: dict[str, object] = {
        "name": service.draw.word(),
        "scheme": STANDARD,
        "destination": service.sink.url("/nobody"),
    }
    hmac = {"signature_header": "X-Signature"}
    mistakes: list[tuple[str, dict[str, object]]] = [
        ("name", {"name": "Shop"}),
        ("name", {"name": "x" * 65}),
        ("name", {"name": ""}),
        ("name", {"name": None}),
        ("scheme", {"scheme": "rot13"}),
        ("destination", {"destination": 7}),
        ("limit_per_minute", {"limit_per_minute": 0}),
        ("limit_per_minute", {"limit_per_minute": "5"}),
        ("limit_per_minute", {"limit_per_minute": True}),
        ("ordering_pointer", {"ordering_pointer": "id"}),
        ("ordering_pointer", {"ordering_pointer": "/a~2"}),
        ("key_pointers/0", {"key_pointers": ["id"]}),
        ("key_header", {"key_header": "a b"}),
        ("strange", {"strange": 1}),
        ("hmac/signature_header", {"scheme": HMAC, "hmac": {"signature_header": "a:b"}}),
        ("hmac/encoding", {"scheme": HMAC, "hmac": {**hmac, "encoding": "hexa"}}),
        ("hmac/algorithm", {"scheme": HMAC, "hmac": {**hmac, "algorithm": "md5"}}),
        ("hmac", {"scheme": HMAC, "hmac": {**hmac, "signed": "{body}{body}"}}),
        ("hmac", {"scheme": HMAC, "hmac": {**hmac, "signed": "{id}.{body}"}}),
        ("", {"scheme": HMAC}),
        ("", {"hmac": hmac}),
        ("", {"key_header": "X-Id", "key_pointers": ["/id"]}),
    ]
    answers = []
    for where, changes in service.draw.shuffle(mistakes):
        body = {**good, **changes}
        answers.append((f"#/{where}".rstrip("/"), service.http.request("POST", f"{API}/sources", json=body)))
    without = {name: value for name, value in good.items() if name != "destination"}
    answers.append(("#/destination", service.http.request("POST", f"{API}/sources", json=without)))
    return answers


@then("each is refused with a pointer to its mistake")
def each_is_refused_with_a_pointer(mistakes: list[tuple[str, Exchange]]) -> None:
    for pointer, answer in mistakes:
        rule = f"422 with a pointer to {pointer}"
        problem = is_problem(answer, INVALID, rule)
        got = [str(error.get("pointer")) for error in objects(problem.get("errors"), "errors")]
        right = pointer in got or any(one.startswith(f"{pointer}/") for one in got if pointer != "#")
        expect(right, expected=f"a pointer to {pointer}", got=got, answer=answer, rule=rule)


@then("a name that is taken gets 409, and what does not exist 404")
def a_name_that_is_taken_gets_409(service: Desk) -> None:
    source, draw = service.with_key(), service.draw
    is_problem(service.http.request("POST", f"{API}/sources", json=dict(source.fields)), CONFLICT)
    paths = [
        ("GET", f"/sources/{draw.word()}", None),
        ("PATCH", f"/sources/{draw.word()}", {"state": "paused"}),
        ("POST", f"/sources/{draw.word()}/secrets", {}),
        ("PATCH", f"/sources/{source.name}/secrets/{UNKNOWN_ID}", {"not_after": None}),
        ("GET", f"/events/{UNKNOWN_ID}", None),
        ("GET", f"/events/{UNKNOWN_ID}/payload", None),
        ("GET", f"/events/{UNKNOWN_ID}/conflicts", None),
        ("GET", f"/events/{service.deliver(source).upper()}", None),
        ("GET", f"/events/{draw.word()}", None),
        ("POST", "/quarantine/reverify", {"source": draw.word()}),
    ]
    for method, path, body in paths:
        is_problem(
            service.http.request(method, f"{API}{path}", json=body), NOT_FOUND, f"404 for {method} {path}"
        )


@dataclass(frozen=True)
class Growth:
    """Series of the metrics, and how much they should have grown."""

    before: Json
    wanted: dict[str, int]
    held: int


def scrape(answer: Exchange) -> dict[str, float]:
    """Read the samples of Prometheus' text, by their names with labels."""
    found = {}
    for line in answer.text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


@when("deliveries of each kind come, and some are held", target_fixture="growth")
def deliveries_of_each_kind_come(service: Desk) -> Growth:
    source, paused = service.with_key(), service.with_key()
    path = f"{API}/sources/{paused.name}"
    service.http.request("PATCH", path, json={"state": "paused"})
    wait_for_depth(service, lambda depth: depth == 0, "an inbox that is empty")
    before = scrape(service.http.get("/metrics"))
    count = service.draw.integer(2, 4)
    events = [service.deliver(source, f"msg-{service.draw.word()}", b"{}") for _ in range(count)]
    message_id = service.message_id()
    service.deliver(source, message_id, b"[1]")
    key = key_of(source.secret)
    for body in (b"[1]", b"[2]"):
        service.send(source, standard(key, message_id, body), body)
    stranger = random_bytes(service.draw, 32)
    for headers in (
        standard(stranger, message_id, b"[]"),
        standard(key, message_id, b"[]", "12345"),
        standard(key, message_id, b"[]", "soon"),
    ):
        service.send(source, headers, b"[]")
    for event_id in events:
        service.wait_for_state(event_id, "forwarded")
    held = [service.deliver(paused) for _ in range(count)]
    wanted = {
        'webhooks_deliveries_total{outcome="new"}': 2 * count + 1,
        'webhooks_deliveries_total{outcome="duplicate"}': 1,
        'webhooks_deliveries_total{outcome="conflict"}': 1,
        'webhooks_rejections_total{reason="no_match"}': 1,
        'webhooks_rejections_total{reason="stale_timestamp"}': 1,
        'webhooks_rejections_total{reason="malformed_timestamp"}': 1,
        "webhooks_ack_seconds_count": 2 * count + 3,
    }
    growth = Growth(before, wanted, len(held))
    wait_for_depth(service, lambda depth: depth == len(held), f"webhooks_inbox_events {len(held)}")
    after = scrape(service.http.get("/metrics"))
    for name, grown in wanted.items():
        got = after.get(name, 0.0) - float(str(before.get(name, 0.0)))
        expect(got == grown, expected=f"{name} grown by {grown}", got=got)
    service.http.request("PATCH", path, json={"state": "active"})
    return growth


def wait_for_depth(service: Desk, accepts: Callable[[float], bool], wanted: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    depth = -1.0
    while not accepts(depth) and time.monotonic() < deadline:
        depth = scrape(service.http.get("/metrics")).get("webhooks_inbox_events", -1.0)
        time.sleep(POLL_SECONDS)
    expect(accepts(depth), expected=wanted, got=depth)


@then("the metrics have grown by them, and tell what waits")
def the_metrics_have_grown(service: Desk, growth: Growth) -> None:
    wait_for_depth(service, lambda depth: depth == 0, "webhooks_inbox_events 0, when all is forwarded")
    oldest = scrape(service.http.get("/metrics")).get("webhooks_inbox_oldest_age_seconds")
    expect(oldest == 0, expected="webhooks_inbox_oldest_age_seconds 0", got=oldest)
    expect(growth.held > 0, expected="some that were held", got=growth.held)


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
