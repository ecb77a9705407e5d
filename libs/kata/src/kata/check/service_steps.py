"""Steps of service.feature: what all projects are asked, in the same words."""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from pytest_bdd import given, parsers, then, when

from kata.steps import (
    Exchange,
    Request,
    Service,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    send_raw,
)

SERVICE_FEATURE = Path(__file__).with_name("service.feature")

_BODY_LIMIT_BYTES = 2**20
_METHODS = ("GET", "POST", "PUT", "DELETE")
_ANY_METHODS = (*_METHODS, "PATCH", "OPTIONS")
ID_CHARACTERS = string.ascii_letters + string.digits + "._-"
LONGEST_ID = 64
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
    # What ends in a line feed is another path, though a regular expression with `$` takes it.
    known = world.draw.choice(("health", "ready", "metrics", "docs", "openapi.json"))
    paths = (f"/api/v1/{world.draw.word()}", f"/{known}%0A", f"/{world.draw.word()}")
    asked = [(method, world.draw.choice(paths)) for method in world.draw.shuffle(_ANY_METHODS)]
    return [client.request(method, path) for method, path in (*asked, ("GET", paths[1]))]


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
    # Cut to 32 bits, the last is within the limit.
    beyond = world.draw.integer(1, 9) * 2**32 + world.draw.integer(0, _BODY_LIMIT_BYTES)
    lengths = [_BODY_LIMIT_BYTES + 1, world.draw.choice((2**30, 2**31 - 1, 2**31)), 10**digits, beyond]
    # One waits to be told to go on.
    waiting = world.draw.integer(0, len(methods) - 1)
    return [
        announce(
            service,
            paths[number % len(paths)],
            length,
            method,
            {"Expect": "100-continue"} if number == waiting else {},
        )
        for number, (method, length) in enumerate(zip(methods, lengths, strict=True))
    ]


def announce(
    service: Service,
    path: str,
    length: int,
    method: str = "POST",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Exchange:
    """Ask with a body of which only the first byte is sent, or none if it is to be waited for."""
    fields = {"Host": _host(service), "Content-Length": str(length), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    body = "" if "Expect" in headers else "x"
    return send_raw(service.urls[0], ("\r\n".join(lines) + body).encode())


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
    lengths = [1, draw.integer(2, LONGEST_ID - 1), LONGEST_ID, LONGEST_ID + 1, draw.integer(66, 300)]
    offered: list[str | None] = [None, "._-" + draw.text(3, ID_CHARACTERS) + draw.choice("._-")]
    offered += [draw.text(length, ID_CHARACTERS) for length in lengths]
    # One bad character alone: in the middle, first and last, where HTTP takes blanks away.
    visible = _BAD_ID_CHARACTERS.strip()
    for front, back, bad in ((4, 5, _BAD_ID_CHARACTERS), (0, 7, visible), (7, 0, visible)):
        offered.append(draw.text(front) + draw.choice(bad) + draw.text(back))
    offered.append(offered[-1])  # the same one again gets another id
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


@when("it is sent what is not HTTP, and lengths that are not numbers", target_fixture="raw_answers")
def it_is_sent_what_is_not_http(world: World, service: Service) -> list[Exchange]:
    draw = world.draw
    host = _host(service)
    # With a length that was taken for 0, or for its first digits, this would be a success.
    head = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    digits = draw.integer(2, 99)
    numbers = (
        draw.word(),
        f"-{digits}",
        f"{digits}x",
        f"0x{digits}",
        f"{digits}e3",
        f"{digits}.5",
        f"+{digits}",
    )
    too_long = str(10 ** draw.choice((18, 19, draw.integer(20, 40))))  # of 64 bits, and longer
    lengths = [*draw.shuffle(numbers)[:3], too_long]
    hostile = [f"{head}Content-Length: {text}\r\n\r\n" for text in lengths]
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


@when("it answers with successes and with problems", target_fixture="answers")
def it_answers_with_successes_and_with_problems(world: World, service: Service) -> list[Exchange]:
    client = service.client()
    found = [client.get(path) for path in ("/health", "/ready", "/metrics", "/openapi.json", "/docs")]
    found += [client.request(method, f"/{world.draw.word()}") for method in ("GET", "POST")]
    found.append(announce(service, "/", 2**30))
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


def _host(service: Service) -> str:
    return urlsplit(service.urls[0]).netloc
