"""Steps of management.feature: mistakes, and metrics."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Inconclusive, Reply, expect, is_problem

from .desk import (
    API,
    CONFLICT,
    INVALID,
    NOT_FOUND,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Desk,
    Json,
    accepted,
    objects,
)
from .sender import HMAC, STANDARD, key_of, random_bytes, standard

UNKNOWN_ID = "0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60"
SLOW_SECONDS = 0.1
HANGING = 6
STALE_SECONDS = 2.0
SPARE_SECONDS = 0.2  # for what a scrape takes

scenarios("management.feature")


@when("sources are asked for with one mistake at a time", target_fixture="mistakes")
def sources_are_asked_for_with_one_mistake(service: Desk) -> list[tuple[list[str], Exchange]]:
    """Of a mistake that lies between two fields both are named: each of them is right, and so is `#`."""
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
        ("hmac scheme", {"scheme": HMAC}),
        ("hmac scheme", {"hmac": hmac}),
        ("key_header key_pointers", {"key_header": "X-Id", "key_pointers": ["/id"]}),
    ]
    answers = []
    for where, changes in service.draw.shuffle(mistakes):
        body = {**good, **changes}
        fields = where.split()
        pointers = [f"#/{field}" for field in fields] + (["#"] if len(fields) > 1 else [])
        answers.append((pointers, service.http.request("POST", f"{API}/sources", json=body)))
    without = {name: value for name, value in good.items() if name != "destination"}
    answers.append((["#/destination"], service.http.request("POST", f"{API}/sources", json=without)))
    return answers


@then("each is refused with a pointer to its mistake")
def each_is_refused_with_a_pointer(mistakes: list[tuple[list[str], Exchange]]) -> None:
    for pointers, answer in mistakes:
        wanted = f"422 with a pointer to {' or '.join(pointers)}"
        problem = is_problem(answer, INVALID, wanted)
        got = [str(error.get("pointer")) for error in objects(problem.get("errors"), "errors")]
        inside = tuple(f"{pointer}/" for pointer in pointers if pointer != "#")
        right = any(one in pointers or one.startswith(inside) for one in got)
        expect(right, expected=wanted, got=got, answer=answer)


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
    wait_for_depth(service, lambda depth: depth == 0, "webhooks_inbox_events 0, with nothing under way")
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
    is_measured(service)
    is_counted_while_it_is_forwarded(service, len(held))
    service.http.request("PATCH", path, json={"state": "active"})
    return growth


def is_measured(service: Desk) -> None:
    """Demand that what an acknowledgement takes is in the histogram."""
    source = service.with_key()
    sums = []
    for pause_seconds in (None, SLOW_SECONDS):
        if pause_seconds is not None:
            with service.service.postgres.proxy.delay(pause_seconds):
                service.deliver(source)
        sums.append(scrape(service.http.get("/metrics")).get("webhooks_ack_seconds_sum", 0.0))
    grown = sums[1] - sums[0]
    expect(
        grown >= SLOW_SECONDS,
        expected=f"webhooks_ack_seconds_sum grown by {SLOW_SECONDS:g} s",
        got=f"{grown:.3f} s",
    )


def is_counted_while_it_is_forwarded(service: Desk, held: int) -> None:
    """Have events be forwarded for longer than the metrics may be late."""
    source = service.with_key(Reply.hang())
    began = time.monotonic()
    for answer in service.burst(service.deliveries(source, [service.message_id() for _ in range(HANGING)])):
        accepted(answer)
    time.sleep(STALE_SECONDS)
    wanted, looks = held + HANGING, 0
    while (
        time.monotonic() < began + service.times.max_attempts * service.times.timeout_seconds - SPARE_SECONDS
    ):
        depth = scrape(service.http.get("/metrics")).get("webhooks_inbox_events", -1.0)
        expect(
            depth == wanted,
            expected=f"webhooks_inbox_events {wanted}, those that are being forwarded among them",
            got=depth,
            timing=True,
        )
        looks += 1
        time.sleep(POLL_SECONDS)
    if not looks:
        raise Inconclusive("the events could be over before the metrics were looked at")
    for event in service.listed(HANGING, source=source.name):
        service.wait_for_state(str(event["id"]), "dead")


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
