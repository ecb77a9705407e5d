"""Steps of features/service.feature: what all projects are asked, in the same words."""

import json
import re
import signal
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pytest_bdd import given, parsers, then, when

from kata.burst import Exchange
from kata.expect import describe, expect
from kata.raw import send_raw
from kata.target import Instance
from kata.world import Service, World

SERVICE_FEATURE = Path(__file__).with_name("features") / "service.feature"

_STOP_SECONDS = 10.0
_START_SECONDS = 20.0
_LOG_SECONDS = 5.0
_REQUESTS = 5
_SAMPLE = re.compile(
    r"^(?P<series>[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (?P<value>[-+0-9.eE]+|NaN|[+-]Inf)(?: \d+)?$"
)
# How http.client names a connection that was closed without an answer.
_HUNG_UP = ("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError")
# The second is how a shell tells of the first.
_ENDED_BY_SIGTERM = (-signal.SIGTERM, 128 + signal.SIGTERM)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@pytest.fixture
def service_settings() -> dict[str, str]:
    """The settings with which the service is asked; a project's conftest.py overrides them."""
    return {}


@pytest.fixture
def bad_settings() -> list[tuple[str, str]]:
    """Settings that must stop the start; a project's conftest.py adds its own."""
    return []


@pytest.fixture
def contract_paths() -> list[str]:
    """The route templates that /openapi.json has to list; a project's conftest.py names them."""
    return []


@given("the running service", target_fixture="service")
def _(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@when(parsers.re(r"it is asked for (?P<first>/\S+) and for (?P<second>/\S+)"), target_fixture="answers")
def _(service: Service, first: str, second: str) -> list[Exchange]:
    client = service.client()
    return [client.get(first), client.get(second)]


@then("both answers are 200")
def _(answers: list[Exchange]) -> None:
    for answer, path in zip(answers, ("/health", "/ready"), strict=True):
        rule = "/health answers 200 while the process runs, /ready while its dependencies do too"
        expect(answer.status == 200, expected=f"200 from {path}", got=describe(answer), rule=rule)


@when("it is asked for a path that does not exist", target_fixture="answer")
def _(world: World, service: Service) -> Exchange:
    return service.client().get(f"/api/v1/{world.draw.word()}")


@when("a body of 1 GiB is announced and not sent", target_fixture="answer")
def _(world: World, service: Service) -> Exchange:
    head = f"POST /api/v1/{world.draw.word()} HTTP/1.1\r\nHost: {_host(service)}\r\n"
    return send_raw(service.urls[0], f"{head}Content-Length: {2**30}\r\n\r\nx".encode())


@then(parsers.parse("the answer is a problem with status {status:d}"))
def _(answer: Exchange, status: int) -> None:
    rule = "every error is a problem (RFC 9457): type, title, status, code in snake_case, request_id"
    is_problem(answer, status, rule)


@when(
    "it is asked with a well-formed X-Request-ID, with none, and with a hostile one",
    target_fixture="given_and_got",
)
def _(world: World, service: Service) -> list[tuple[str | None, str | None]]:
    client = service.client()
    pairs = []
    for given_id in (f"{world.draw.word()}-{world.draw.integer(1, 999)}", None, 'x"} ' + "y" * 300):
        headers = {} if given_id is None else {"X-Request-ID": given_id}
        pairs.append((given_id, client.get("/health", headers=headers).header("x-request-id")))
    return pairs


@then("the answers carry the first, and new ones for the others")
def _(given_and_got: list[tuple[str | None, str | None]]) -> None:
    rule = "X-Request-ID is kept if it is 1 to 64 of A-Z a-z 0-9 . _ -, else made; it is on every answer"
    (given_id, kept), *others = given_and_got
    expect(kept == given_id, expected=str(given_id), got=kept, rule=rule)
    made = [got for _, got in others]
    for got in made:
        well_formed = got is not None and _REQUEST_ID.fullmatch(got) is not None
        expect(well_formed, expected="a well-formed X-Request-ID", got=got, rule=rule)
    expect(len(set(made)) == len(made), expected="a new id for each request", got=made, rule=rule)


@when("it is asked with a well-formed X-Request-ID", target_fixture="request_id")
def _(world: World, service: Service) -> str:
    _ = service.web  # its output is needed: without the process there is nothing to read
    request_id = f"{world.draw.word()}-{world.draw.text(12)}"
    # An unknown path: some services do not log the requests of their supervisor to /health.
    service.client().get(f"/api/v1/{world.draw.word()}", headers={"X-Request-ID": request_id})
    return request_id


@then("a line of its output is a JSON object with that id and the time in UTC")
def _(service: Service, request_id: str) -> None:
    rule = "logs are one JSON object a line, with request_id and an RFC 3339 timestamp in UTC"
    deadline = time.monotonic() + _LOG_SECONDS
    lines: list[str] = []
    while not lines and time.monotonic() < deadline:
        lines = [line for line in service.web.output() if request_id in line]
        time.sleep(0.02)
    expect(bool(lines), expected=f"a line with {request_id}", got="none", rule=rule)
    try:
        entry = json.loads(lines[0])
    except ValueError:
        entry = None
    expect(isinstance(entry, dict), expected="a JSON object", got=lines[0], rule=rule)
    expect(entry.get("request_id") == request_id, expected="request_id", got=lines[0], rule=rule)
    stamps = [value for value in entry.values() if isinstance(value, str) and _is_utc(value)]
    expect(bool(stamps), expected="a timestamp in UTC", got=lines[0], rule=rule)


@when(
    "it is sent something that is not HTTP, and a length that is not a number", target_fixture="raw_answers"
)
def _(world: World, service: Service) -> list[Exchange]:
    head = f"POST /health HTTP/1.1\r\nHost: {_host(service)}\r\nConnection: close\r\n"
    hostile = [f"{world.draw.text(20)}\r\n\r\n", f"{head}Content-Length: {world.draw.word()}\r\n\r\n"]
    return [send_raw(service.urls[0], text.encode()) for text in hostile]


@then("neither is answered with a success or a server error")
def _(raw_answers: list[Exchange]) -> None:
    for answer in raw_answers:
        hung_up = answer.error.startswith(_HUNG_UP)
        expect(
            400 <= answer.status < 500 or hung_up,
            expected="a 4xx, or the connection closed",
            got=describe(answer),
            rule="a malformed request is refused at once",
        )


@then("it is still alive")
def _(service: Service) -> None:
    answer = service.client().get("/health")
    expect(
        answer.status == 200, expected="200 from /health", got=describe(answer), rule="the service lives on"
    )


@when("it is asked for /metrics, and again after five requests", target_fixture="scrapes")
def _(service: Service) -> list[Exchange]:
    client = service.client()
    before = client.get("/metrics")
    for _ in range(_REQUESTS):
        client.get("/openapi.json")
    return [before, client.get("/metrics")]


@then("both answers are in the text format, and a counter has grown by five")
def _(scrapes: list[Exchange]) -> None:
    rule = "/metrics is in Prometheus' text format, with a counter of requests"
    before, after = (_samples(scrape, rule) for scrape in scrapes)
    grown = [name for name, value in after.items() if value - before.get(name, 0.0) == _REQUESTS]
    expect(bool(grown), expected=f"a series that grew by {_REQUESTS}", got="none", rule=rule)


@then("the answers have X-Content-Type-Options: nosniff and a Content-Security-Policy")
def _(answers: list[Exchange]) -> None:
    rule = "every answer has X-Content-Type-Options: nosniff and a Content-Security-Policy"
    for answer in answers:
        sniff = answer.header("x-content-type-options")
        expect(sniff == "nosniff", expected="nosniff", got=sniff, rule=rule)
        policy = answer.header("content-security-policy")
        expect(bool(policy), expected="a Content-Security-Policy", got=policy, rule=rule)


@then("the first is an OpenAPI 3 document with the routes of the contract, and the second a page")
def _(answers: list[Exchange], contract_paths: list[str]) -> None:
    rule = "/openapi.json is an OpenAPI 3 document of all routes of the contract, /docs a page for people"
    document, page = answers
    expect(document.status == 200, expected="200 from /openapi.json", got=describe(document), rule=rule)
    body = as_object(document, rule)
    version = str(body.get("openapi"))
    expect(version.startswith("3."), expected='"openapi": "3.…"', got=version, rule=rule)
    paths = body.get("paths")
    listed = set(paths) if isinstance(paths, dict) else set()
    missing = [path for path in contract_paths if path not in listed]
    expect(not missing, expected=f"{', '.join(missing)} among its paths", got=sorted(listed), rule=rule)
    kind = (page.header("content-type") or "none").partition(";")[0]
    expect(
        (page.status, kind) == (200, "text/html"),
        expected="200 text/html from /docs",
        got=f"{describe(page)} {kind}",
        rule=rule,
    )


@when("a process of its own is sent SIGTERM", target_fixture="exit_code")
def _(world: World, service_settings: dict[str, str]) -> int | None:
    service = world.start_alone(service_settings)
    service.client().get("/health")
    return service.web.terminate(_STOP_SECONDS)


@then("it has ended with exit code 0")
def _(exit_code: int | None) -> None:
    expect(
        exit_code == 0,
        expected=f"exit code 0 within {_STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(exit_code),
        rule="SIGTERM: stop accepting, finish what runs, exit 0 within 10 s",
    )


@when("it is started with one bad setting at a time", target_fixture="starts")
def _(
    world: World, service_settings: dict[str, str], bad_settings: list[tuple[str, str]]
) -> list[tuple[str, str, Instance]]:
    return [
        (name, value, world.start_unready({**service_settings, name: value})) for name, value in bad_settings
    ]


@then("no start succeeds, and each output names the variable")
def _(starts: list[tuple[str, str, Instance]]) -> None:
    rule = (
        "settings are validated at start: a bad value stops the process with a line that names the variable"
    )
    deadline = time.monotonic() + _START_SECONDS
    for name, value, instance in starts:
        while instance.alive and time.monotonic() < deadline and not _answers(instance):
            time.sleep(0.02)
        code = instance.exit_code
        stopped = not instance.alive and code != 0
        got = "it is still running" if instance.alive else f"exit code {code}"
        expect(
            stopped,
            expected=f"{name}={value!r} stops the start with a non-zero exit code",
            got=got,
            rule=rule,
        )
        named = any(name in line for line in instance.output())
        expect(
            named,
            expected=f"a line with {name}",
            got=" / ".join(instance.output()[-3:]) or "nothing",
            rule=rule,
        )


def describe_stop(exit_code: int | None) -> str:
    """Say how a process ended that was sent SIGTERM; None: it did not in time."""
    if exit_code is None:
        return "it was still running"
    if exit_code not in _ENDED_BY_SIGTERM:
        return f"exit code {exit_code}"
    return (
        f"exit code {exit_code}: the signal ended the line's own process; if that is a shell or a wrapper,"
        " what it started may have ended in order (put one command there, with `exec`)"
    )


def is_problem(answer: Exchange, status: int, rule: str) -> Mapping[str, object]:
    """Return the members of a problem with this status, or fail the check."""
    expect(answer.status == status, expected=str(status), got=describe(answer), rule=rule)
    kind = (answer.header("content-type") or "none").partition(";")[0]
    expect(kind == "application/problem+json", expected="application/problem+json", got=kind, rule=rule)
    body = as_object(answer, rule)
    missing = [name for name in ("type", "title", "status", "code", "request_id") if name not in body]
    expect(not missing, expected="all members", got=f"no {', '.join(missing)}", rule=rule)
    expect(body["status"] == status, expected=f'"status": {status}', got=body["status"], rule=rule)
    code = body["code"]
    snake_case = isinstance(code, str) and re.fullmatch(r"[a-z0-9_]+", code) is not None
    expect(snake_case, expected="a code in snake_case", got=code, rule=rule)
    header = answer.header("x-request-id")
    expect(body["request_id"] == header, expected=f"request_id {header}", got=body["request_id"], rule=rule)
    return body


def as_object(answer: Exchange, rule: str) -> Mapping[str, object]:
    """Return the answer's JSON object, or fail the check."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    expect(False, expected="a JSON object", got=answer.text[:200] or "an empty body", rule=rule)
    return {}


def _host(service: Service) -> str:
    return urlsplit(service.urls[0]).netloc


def _answers(instance: Instance) -> bool:
    return send_raw(instance.url or "", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


def _samples(scrape: Exchange, rule: str) -> dict[str, float]:
    expect(scrape.status == 200, expected="200 from /metrics", got=describe(scrape), rule=rule)
    samples = {}
    for line in scrape.text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        expect(match is not None, expected="a sample: name{labels} value", got=line, rule=rule)
        if match:
            samples[match["series"]] = float(match["value"])
    return samples
