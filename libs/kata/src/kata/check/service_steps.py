"""Steps of service.feature: what all projects are asked, in the same words."""

import json
import re
import socket
import string
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pytest_bdd import given, parsers, then, when

from kata.judge.formats import is_utc, samples
from kata.steps import (
    Exchange,
    Instance,
    Request,
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
_LOG_CLOCK_SECONDS = 5.0
_STALLED_SECONDS = 20.0  # no machine that goes on at all stands still for so long
_BODY_LIMIT_BYTES = 2**20
_METHODS = ("GET", "POST", "PUT", "DELETE")
_ID_CHARACTERS = string.ascii_letters + string.digits + "._-"
_LONGEST_ID = 64
# Each has a meaning in some log, header, path or shell.
_BAD_ID_CHARACTERS = " \t,;:/\\'\"<>{}$%&*+=@~\u00e9"
_TOGETHER = 20
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


@when("it is asked for paths that do not exist, with several methods", target_fixture="answers")
def it_is_asked_for_paths_that_do_not_exist(world: World, service: Service) -> list[Exchange]:
    client = service.client()
    paths = (f"/api/v1/{world.draw.word()}", f"/{world.draw.word()}")
    return [client.request(method, world.draw.choice(paths)) for method in world.draw.shuffle(_METHODS)]


@then(parsers.parse("each answer is a problem with status {status:d}"))
def each_answer_is_a_problem(answers: list[Exchange], status: int) -> None:
    for answer in answers:
        is_problem(answer, status)


@when(
    "bodies above 1 MiB are announced and not sent, with several methods to several paths",
    target_fixture="answers",
)
def bodies_above_1_mib_are_announced_and_not_sent(
    world: World, service: Service, contract_paths: list[str]
) -> list[Exchange]:
    known = [path for path in contract_paths if "{" not in path]
    paths = world.draw.shuffle([*known, "/health", f"/{world.draw.word()}", f"/api/v1/{world.draw.word()}"])
    methods = world.draw.shuffle(_METHODS)
    digits = world.draw.integer(10, 17)
    lengths = [_BODY_LIMIT_BYTES + 1, world.draw.integer(2**21, 2**24), 2**30, 10**digits]
    return [
        send_raw(
            service.urls[0],
            f"{method} {paths[number % len(paths)]} HTTP/1.1\r\nHost: {_host(service)}\r\n"
            f"Content-Length: {length}\r\n\r\nx".encode(),
        )
        for number, (method, length) in enumerate(zip(methods, lengths, strict=True))
    ]


@then("a body of exactly 1 MiB is not refused for its length")
def a_body_of_exactly_1_mib_is_not_refused_for_its_length(world: World, service: Service) -> None:
    path = f"/api/v1/{world.draw.word()}"
    body = world.draw.choice("xyz").encode() * _BODY_LIMIT_BYTES
    answer = service.client().request("POST", path, body=body)
    expect(answer.status not in {0, 413}, expected="an answer that is no 413", got=describe_answer(answer))


@when(
    "it is asked with well-formed X-Request-IDs, and with none, too long ones and ones with a bad character",
    target_fixture="given_and_got",
)
def it_is_asked_with_well_formed_x_request_ids(
    world: World, service: Service, contract_paths: list[str]
) -> list[tuple[str | None, str | None]]:
    draw, client = world.draw, service.client()
    paths = ["/health", "/openapi.json", f"/{draw.word()}", *contract_paths[:1]]
    lengths = [1, draw.integer(2, _LONGEST_ID - 1), _LONGEST_ID, _LONGEST_ID + 1, draw.integer(66, 300)]
    offered: list[str | None] = [None, "._-" + draw.text(3, _ID_CHARACTERS) + draw.choice("._-")]
    offered += [draw.text(length, _ID_CHARACTERS) for length in lengths]
    # One bad character alone: in the middle, first and last, where HTTP takes blanks away.
    visible = _BAD_ID_CHARACTERS.strip()
    for front, back, bad in ((4, 5, _BAD_ID_CHARACTERS), (0, 7, visible), (7, 0, visible)):
        offered.append(draw.text(front) + draw.choice(bad) + draw.text(back))
    return [
        (
            sent,
            client.get(draw.choice(paths), headers={} if sent is None else {"X-Request-ID": sent}).header(
                "x-request-id"
            ),
        )
        for sent in draw.shuffle(offered)
    ]


@then("the answers carry the well-formed ones, and new ones for the others")
def the_answers_carry_the_well_formed_ones_and_new_ones_for_the_others(
    given_and_got: list[tuple[str | None, str | None]],
) -> None:
    made = []
    for sent, got in given_and_got:
        if sent is not None and _REQUEST_ID.fullmatch(sent):
            expect(got == sent, expected=sent, got=got)
            continue
        well_formed = got is not None and _REQUEST_ID.fullmatch(got) is not None
        expect(well_formed and got != sent, expected=f"a new, well-formed X-Request-ID for {sent!r}", got=got)
        made.append(got)
    expect(len(set(made)) == len(made), expected="a new id for each request", got=made)


@then("requests without one that arrive at the same instant get one each")
def requests_without_one_that_arrive_at_the_same_instant_get_one_each(world: World, service: Service) -> None:
    answers = service.burst([Request("GET", f"/{world.draw.word()}") for _ in range(_TOGETHER)])
    made = [answer.header("x-request-id") for answer in answers if answer.status]
    expect(None not in made, expected="an X-Request-ID on each answer", got="none on one of them")
    expect(len(set(made)) == len(made), expected="a new id for each request", got=sorted(map(str, made)))


@when(
    "it is asked with well-formed X-Request-IDs for what exists and what does not",
    target_fixture="request_ids",
)
def it_is_asked_with_well_formed_x_request_ids_for(world: World, service: Service) -> list[str]:
    _ = service.web  # its output is needed: without the process there is nothing to read
    # Not /health, /ready and /metrics: some services do not log what their supervisor asks.
    asked = [("GET", "/openapi.json"), ("GET", "/docs"), ("POST", f"/{world.draw.word()}")]
    asked.append(("GET", f"/api/v1/{world.draw.word()}"))
    request_ids: list[str] = []
    for method, path in world.draw.shuffle(asked):
        length = _LONGEST_ID if not request_ids else world.draw.integer(12, _LONGEST_ID)
        request_ids.append(world.draw.text(length, _ID_CHARACTERS))
        service.client().request(method, path, headers={"X-Request-ID": request_ids[-1]})
    return request_ids


@then("for each a line of its output is a JSON object with that id and the time in UTC")
def for_each_a_line_of_its_output_is_a_json_object(service: Service, request_ids: list[str]) -> None:
    asked = datetime.now(UTC)
    for request_id in request_ids:
        line = _line_with(service.web, request_id)
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        expect(isinstance(entry, dict), expected="a JSON object", got=line)
        expect(entry.get("request_id") == request_id, expected=f"request_id {request_id}", got=line)
        stamps = [value for value in entry.values() if isinstance(value, str) and is_utc(value)]
        expect(bool(stamps), expected="a timestamp in UTC", got=line)
        off = min(abs((datetime.fromisoformat(stamp) - asked).total_seconds()) for stamp in stamps)
        expect(
            off < _LOG_CLOCK_SECONDS,
            expected="the time of the request",
            got=f"{line} at {asked.isoformat()}",
            timing=off < _STALLED_SECONDS,
        )


def _line_with(instance: Instance, text: str) -> str:
    deadline = time.monotonic() + _LOG_SECONDS
    found: list[str] = []
    while not found and time.monotonic() < deadline:
        found = [line for line in instance.output() if text in line]
        time.sleep(0.01)
    expect(bool(found), expected=f"a line with {text}", got="none")
    return found[0]


@when("it is sent what is not HTTP, and lengths that are not numbers", target_fixture="raw_answers")
def it_is_sent_what_is_not_http(world: World, service: Service) -> list[Exchange]:
    draw = world.draw
    host = _host(service)
    # With a length that was taken for 0 the rest would be a request of its own.
    head = f"{draw.choice(('POST', 'PUT'))} /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    digits = draw.integer(2, 99)
    numbers = (draw.word(), f"-{digits}", f"{digits}x", f"0x{digits}", f"{digits}e3", f"{digits}.5")
    hostile = [f"{head}Content-Length: {text}\r\n\r\n" for text in draw.shuffle(numbers)[:3]]
    garbage = (
        f"{draw.text(20)}\r\n\r\n",
        f"GET /health {draw.word()}/1.1\r\nHost: {host}\r\n\r\n",
        f"GET /health HTTP/1.1\r\n{draw.word()} {draw.word()}\r\nHost: {host}\r\n\r\n",
        f"\x16\x03\x01\x02{draw.text(60)}\r\n\r\n",
    )
    hostile += draw.shuffle(garbage)[:2]
    return [send_raw(service.urls[0], text.encode("latin-1")) for text in hostile]


@then("none is answered with a success or a server error")
def none_is_answered_with_a_success_or_a_server_error(raw_answers: list[Exchange]) -> None:
    for answer in raw_answers:
        hung_up = answer.error.startswith(_HUNG_UP)
        expect(
            400 <= answer.status < 500 or hung_up,
            expected="a 4xx, or the connection closed",
            got=describe_answer(answer),
        )


@then("a request without Host gets 400")
def a_request_without_host_gets_400(service: Service) -> None:
    answer = send_raw(service.urls[0], b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
    expect(answer.status == 400, expected="400 for HTTP/1.1 without Host", got=describe_answer(answer))


@then("it is still alive")
def it_is_still_alive(service: Service) -> None:
    answer = service.client().get("/health")
    expect(answer.status == 200, expected="200 from /health", got=describe_answer(answer))


@dataclass(frozen=True)
class Scrapes:
    """What /metrics said before and after so many requests, and the word that was in their paths."""

    before: Exchange
    between: Exchange
    after: Exchange
    known: int
    unknown: int
    word: str


@when(
    "it is asked for /metrics, and again after requests to a route, and again after others to paths that do"
    " not exist",
    target_fixture="scrapes",
)
def it_is_asked_for_metrics_again_and_again(world: World, service: Service) -> Scrapes:
    client, draw = service.client(), world.draw
    known, unknown, word = draw.integer(3, 12), draw.integer(3, 12), draw.word()
    path = draw.choice(("/openapi.json", "/docs", "/health", "/ready"))
    before = client.get("/metrics")
    for _ in range(known):
        client.get(path)
    between = client.get("/metrics")
    for number in range(unknown):
        client.get(f"/api/v1/{word}{number}")
    return Scrapes(before, between, client.get("/metrics"), known, unknown, word)


@then("all answers are in the text format, and each time a counter has grown by the number of requests")
def all_answers_are_in_the_text_format(scrapes: Scrapes) -> None:
    _has_grown(scrapes.before, scrapes.between, scrapes.known, "a route")
    _has_grown(scrapes.between, scrapes.after, scrapes.unknown, "paths that do not exist")


def _has_grown(before: Exchange, after: Exchange, requests: int, where: str) -> None:
    had = samples(before)
    grown = [name for name, value in samples(after).items() if value - had.get(name, 0.0) == requests]
    expect(
        bool(grown), expected=f"a series that grew by {requests}, for as many requests to {where}", got="none"
    )


@then("no path that a client made up stands in them")
def no_path_that_a_client_made_up_stands_in_them(scrapes: Scrapes) -> None:
    found = [line for line in scrapes.after.text.splitlines() if scrapes.word in line]
    expect(not found, expected="series by route, of which there are few", got="".join(found[:1]))


@when("it answers with successes and with problems", target_fixture="answers")
def it_answers_with_successes_and_with_problems(world: World, service: Service) -> list[Exchange]:
    client = service.client()
    found = [client.get(path) for path in ("/health", "/ready", "/metrics", "/openapi.json", "/docs")]
    found += [client.request(method, f"/{world.draw.word()}") for method in ("GET", "POST")]
    too_large = f"POST / HTTP/1.1\r\nHost: {_host(service)}\r\nContent-Length: {2**30}\r\n\r\n"
    found.append(send_raw(service.urls[0], too_large.encode()))
    return [answer for answer in found if answer.status]


@then("the answers have X-Content-Type-Options: nosniff and a Content-Security-Policy")
def the_answers_have_x_content_type_options_nosniff(answers: list[Exchange]) -> None:
    for answer in answers:
        sniff = answer.header("x-content-type-options")
        on = f"on the {describe_answer(answer)}"
        expect(sniff == "nosniff", expected=f"nosniff {on}", got=sniff)
        policy = answer.header("content-security-policy")
        expect(bool(policy), expected=f"a Content-Security-Policy {on}", got=policy)


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


@when("a process of its own is sent SIGTERM, while a connection to it is kept open", target_fixture="stopped")
def a_process_of_its_own_is_sent_sigterm(
    world: World, service_settings: dict[str, str]
) -> tuple[Service, int | None]:
    service = world.start_alone(service_settings)
    client = service.client()  # its connection is kept
    client.get("/health")
    return service, service.web.terminate(_STOP_SECONDS)


@then("it has ended with exit code 0")
def it_has_ended_with_exit_code_0(stopped: tuple[Service, int | None]) -> None:
    _, exit_code = stopped
    expect(
        exit_code == 0,
        expected=f"exit code 0 within {_STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(exit_code),
    )


@then("its port refuses connections")
def its_port_refuses_connections(stopped: tuple[Service, int | None]) -> None:
    address = urlsplit(stopped[0].urls[0])
    listens = False
    with suppress(OSError), socket.create_connection((address.hostname, address.port), 1.0):
        listens = True
    expect(not listens, expected="a closed port", got="somebody listens")


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
