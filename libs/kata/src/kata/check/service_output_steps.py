"""Steps of service.feature about what a service says of itself: its log and its metrics."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_bdd import then, when

from kata.check.service_steps import ID_CHARACTERS, LONGEST_ID, announce
from kata.judge.formats import is_utc, samples
from kata.steps import (
    Exchange,
    Instance,
    RequestCount,
    Service,
    World,
    expect,
    output_once,
)

# What many logs write beside the request, and what a line of JSON that is put together by hand breaks at.
_LOGGED_HEADERS = ("User-Agent", "Referer", "X-Forwarded-For")
_HOSTILE = ('"', "\\", '", "request_id": "', "\t")
_LOG_CLOCK_SECONDS = 5.0
_STALLED_SECONDS = 20.0  # no machine that goes on at all stands still for so long


@when(
    "it is asked with well-formed X-Request-IDs for what exists and what does not",
    target_fixture="request_ids",
)
def it_is_asked_with_well_formed_x_request_ids_for(
    world: World, service: Service, contract_paths: list[str]
) -> list[str]:
    _ = service.web  # its output is needed: without the process there is nothing to read
    draw = world.draw
    # Not /health, /ready and /metrics: some services do not log what their supervisor asks.
    known = [re.sub(r"\{\w+\}", draw.word(), path) for path in contract_paths]
    asked = [("GET", "/openapi.json"), ("HEAD", "/docs"), ("DELETE", "/docs"), ("POST", f"/{draw.word()}")]
    asked += [
        ("OPTIONS", "/docs"),
        ("GET", f"/api/v1/{draw.word()}%22%5C%0A%7B"),
        ("GET", draw.choice(known)),
    ]
    request_ids = [draw.text(LONGEST_ID, ID_CHARACTERS)]
    request_ids += [draw.text(draw.integer(12, LONGEST_ID), ID_CHARACTERS) for _ in asked]
    # First, for a service that waits for the body takes its time.
    announce(service, known[0], 2**30, headers={"X-Request-ID": request_ids[-1]})
    for (method, path), request_id in zip(draw.shuffle(asked), request_ids, strict=False):
        hostile = {name: f"{draw.word()}{draw.choice(_HOSTILE)}{draw.word()}" for name in _LOGGED_HEADERS}
        service.client().request(method, path, headers={**hostile, "X-Request-ID": request_id})
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
    lines = output_once(instance, lambda lines: any(text in line for line in lines))
    found = [line for line in lines if text in line]
    expect(bool(found), expected=f"a line with {text}", got=" / ".join(lines[-3:]) or "nothing")
    return found[0]


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


@then("they count whatever is answered, also with errors")
def they_count_whatever_is_answered(world: World, service: Service) -> None:
    client = service.client()
    count = RequestCount(lambda: client.get("/metrics"))
    asked = [(method, "/docs") for method in ("GET", "HEAD", "OPTIONS", "DELETE")]
    asked += [("GET", f"/{world.draw.word()}"), ("POST", f"/api/v1/{world.draw.word()}")]
    answers = [client.request(method, path) for method, path in world.draw.shuffle(asked)]
    answers += [announce(service, path, 2**30) for path in ("/docs", f"/{world.draw.word()}")]
    statuses = sorted(str(answer.status) for answer in answers)
    expect(
        count.has_grown_by(len(answers)),
        expected=f"a counter that grew by {len(answers)} in all, for answers {' '.join(statuses)}",
        got="none",
    )


@then("no path that a client made up stands in them")
def no_path_that_a_client_made_up_stands_in_them(scrapes: Scrapes) -> None:
    found = [line for line in scrapes.after.text.splitlines() if scrapes.word in line]
    expect(not found, expected="series by route, of which there are few", got="".join(found[:1]))
