"""Steps of service.feature: what all projects are asked, in the same words."""

import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

from pytest_bdd import given, parsers, then, when

from kata.judge.formats import is_utc, samples
from kata.steps import (
    Exchange,
    Instance,
    Service,
    World,
    as_object,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    send_raw,
)

SERVICE_FEATURE = Path(__file__).with_name("service.feature")

_STOP_SECONDS = 10.0
_START_SECONDS = 20.0
_LOG_SECONDS = 5.0
_REQUESTS = 5
# How http.client names a connection that was closed without an answer.
_HUNG_UP = ("RemoteDisconnected", "ConnectionResetError", "BrokenPipeError")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@given("the running service", target_fixture="service")
def the_running_service(world: World, service_settings: dict[str, str]) -> Service:
    return world.start(service_settings)


@when(parsers.re(r"it is asked for (?P<first>/\S+) and for (?P<second>/\S+)"), target_fixture="answers")
def it_is_asked_for_and_for(service: Service, first: str, second: str) -> list[Exchange]:
    client = service.client()
    return [client.get(first), client.get(second)]


@then("both answers are 200")
def both_answers_are_200(answers: list[Exchange]) -> None:
    for answer, path in zip(answers, ("/health", "/ready"), strict=True):
        expect(answer.status == 200, expected=f"200 from {path}", got=describe_answer(answer))


@when("it is asked for a path that does not exist", target_fixture="answer")
def it_is_asked_for_a_path_that_does_not_exist(world: World, service: Service) -> Exchange:
    return service.client().get(f"/api/v1/{world.draw.word()}")


@when("a body of 1 GiB is announced and not sent", target_fixture="answer")
def a_body_of_1_gib_is_announced_and_not_sent(world: World, service: Service) -> Exchange:
    head = f"POST /api/v1/{world.draw.word()} HTTP/1.1\r\nHost: {_host(service)}\r\n"
    return send_raw(service.urls[0], f"{head}Content-Length: {2**30}\r\n\r\nx".encode())


@then(parsers.parse("the answer is a problem with status {status:d}"))
def the_answer_is_a_problem(answer: Exchange, status: int) -> None:
    is_problem(answer, status)


@when(
    "it is asked with a well-formed X-Request-ID, with none, and with a hostile one",
    target_fixture="given_and_got",
)
def it_is_asked_with_a_well_formed_x_request_id(
    world: World, service: Service
) -> list[tuple[str | None, str | None]]:
    client = service.client()
    pairs = []
    for given_id in (f"{world.draw.word()}-{world.draw.integer(1, 999)}", None, 'x"} ' + "y" * 300):
        headers = {} if given_id is None else {"X-Request-ID": given_id}
        pairs.append((given_id, client.get("/health", headers=headers).header("x-request-id")))
    return pairs


@then("the answers carry the first, and new ones for the others")
def the_answers_carry_the_first_and_new_ones_for_the_others(
    given_and_got: list[tuple[str | None, str | None]],
) -> None:
    (given_id, kept), *others = given_and_got
    expect(kept == given_id, expected=str(given_id), got=kept)
    made = [got for _, got in others]
    for got in made:
        well_formed = got is not None and _REQUEST_ID.fullmatch(got) is not None
        expect(well_formed, expected="a well-formed X-Request-ID", got=got)
    expect(len(set(made)) == len(made), expected="a new id for each request", got=made)


@when("it is asked with a well-formed X-Request-ID", target_fixture="request_id")
def it_is_asked_with_a_well_formed_x_request(world: World, service: Service) -> str:
    _ = service.web  # its output is needed: without the process there is nothing to read
    request_id = f"{world.draw.word()}-{world.draw.text(12)}"
    # An unknown path: some services do not log the requests of their supervisor to /health.
    service.client().get(f"/api/v1/{world.draw.word()}", headers={"X-Request-ID": request_id})
    return request_id


@then("a line of its output is a JSON object with that id and the time in UTC")
def a_line_of_its_output_is_a_json_object(service: Service, request_id: str) -> None:
    deadline = time.monotonic() + _LOG_SECONDS
    lines: list[str] = []
    while not lines and time.monotonic() < deadline:
        lines = [line for line in service.web.output() if request_id in line]
        time.sleep(0.02)
    expect(bool(lines), expected=f"a line with {request_id}", got="none")
    try:
        entry = json.loads(lines[0])
    except ValueError:
        entry = None
    expect(isinstance(entry, dict), expected="a JSON object", got=lines[0])
    expect(entry.get("request_id") == request_id, expected="request_id", got=lines[0])
    stamps = [value for value in entry.values() if isinstance(value, str) and is_utc(value)]
    expect(bool(stamps), expected="a timestamp in UTC", got=lines[0])


@when(
    "it is sent something that is not HTTP, and a length that is not a number", target_fixture="raw_answers"
)
def it_is_sent_something_that_is_not_http(world: World, service: Service) -> list[Exchange]:
    head = f"POST /health HTTP/1.1\r\nHost: {_host(service)}\r\nConnection: close\r\n"
    hostile = [f"{world.draw.text(20)}\r\n\r\n", f"{head}Content-Length: {world.draw.word()}\r\n\r\n"]
    return [send_raw(service.urls[0], text.encode()) for text in hostile]


@then("neither is answered with a success or a server error")
def neither_is_answered_with_a_success_or_a_server_error(raw_answers: list[Exchange]) -> None:
    for answer in raw_answers:
        hung_up = answer.error.startswith(_HUNG_UP)
        expect(
            400 <= answer.status < 500 or hung_up,
            expected="a 4xx, or the connection closed",
            got=describe_answer(answer),
        )


@then("it is still alive")
def it_is_still_alive(service: Service) -> None:
    answer = service.client().get("/health")
    expect(answer.status == 200, expected="200 from /health", got=describe_answer(answer))


@when("it is asked for /metrics, and again after five requests", target_fixture="scrapes")
def it_is_asked_for_metrics_and_again_after_five_requests(service: Service) -> list[Exchange]:
    client = service.client()
    before = client.get("/metrics")
    for _ in range(_REQUESTS):
        client.get("/openapi.json")
    return [before, client.get("/metrics")]


@then("both answers are in the text format, and a counter has grown by five")
def both_answers_are_in_the_text_format(scrapes: list[Exchange]) -> None:
    before, after = (samples(scrape) for scrape in scrapes)
    grown = [name for name, value in after.items() if value - before.get(name, 0.0) == _REQUESTS]
    expect(bool(grown), expected=f"a series that grew by {_REQUESTS}", got="none")


@then("the answers have X-Content-Type-Options: nosniff and a Content-Security-Policy")
def the_answers_have_x_content_type_options_nosniff(answers: list[Exchange]) -> None:
    for answer in answers:
        sniff = answer.header("x-content-type-options")
        expect(sniff == "nosniff", expected="nosniff", got=sniff)
        policy = answer.header("content-security-policy")
        expect(bool(policy), expected="a Content-Security-Policy", got=policy)


@then("the first is an OpenAPI 3 document with the routes of the contract, and the second a page")
def the_first_is_an_openapi_3_document(answers: list[Exchange], contract_paths: list[str]) -> None:
    document, page = answers
    expect(document.status == 200, expected="200 from /openapi.json", got=describe_answer(document))
    body = as_object(document)
    version = str(body.get("openapi"))
    expect(version.startswith("3."), expected='"openapi": "3.…"', got=version)
    paths = body.get("paths")
    listed = set(paths) if isinstance(paths, dict) else set()
    missing = [path for path in contract_paths if path not in listed]
    expect(not missing, expected=f"{', '.join(missing)} among its paths", got=sorted(listed))
    kind = (page.header("content-type") or "none").partition(";")[0]
    expect(
        (page.status, kind) == (200, "text/html"),
        expected="200 text/html from /docs",
        got=f"{describe_answer(page)} {kind}",
    )


@when("a process of its own is sent SIGTERM", target_fixture="exit_code")
def a_process_of_its_own_is_sent_sigterm(world: World, service_settings: dict[str, str]) -> int | None:
    service = world.start_alone(service_settings)
    service.client().get("/health")
    return service.web.terminate(_STOP_SECONDS)


@then("it has ended with exit code 0")
def it_has_ended_with_exit_code_0(exit_code: int | None) -> None:
    expect(
        exit_code == 0,
        expected=f"exit code 0 within {_STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(exit_code),
    )


@when("it is started with one bad setting at a time", target_fixture="starts")
def it_is_started_with_one_bad_setting_at_a_time(
    world: World, service_settings: dict[str, str], bad_settings: list[tuple[str, str]]
) -> list[tuple[str, str, Instance]]:
    return [
        (name, value, world.start_unready({**service_settings, name: value})) for name, value in bad_settings
    ]


@then("no start succeeds, and each output names the variable")
def no_start_succeeds_and_each_output_names_the_variable(starts: list[tuple[str, str, Instance]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    for name, value, instance in starts:
        while instance.alive and time.monotonic() < deadline and not _answers(instance):
            time.sleep(0.02)
        code = instance.exit_code
        stopped = not instance.alive and code != 0
        got = "it is still running" if instance.alive else f"exit code {code}"
        expect(stopped, expected=f"{name}={value!r} stops the start with a non-zero exit code", got=got)
        named = any(name in line for line in instance.output())
        expect(named, expected=f"a line with {name}", got=" / ".join(instance.output()[-3:]) or "nothing")


def _host(service: Service) -> str:
    return urlsplit(service.urls[0]).netloc


def _answers(instance: Instance) -> bool:
    return send_raw(instance.url or "", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
