"""Steps of loss.feature: what becomes of a service whose database does not answer."""

import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import Exchange, FaultProxy, Request, World, describe_answer, expect, is_problem

from .office import (
    JSON_TYPE,
    MISSING,
    OK,
    ORGANISATIONS,
    USERS,
    Member,
    Office,
    Task,
    requests_to_every_route,
)

ANSWER_SECONDS, RETURN_SECONDS, PATIENCE_SECONDS = 3.0, 5.0, 10.0
UNAVAILABLE = 503

scenarios("loss.feature")


@dataclass(frozen=True)
class Before:
    """What was there before PostgreSQL was lost."""

    member: Member
    task: Task


@given("PostgreSQL refuses or is silent", target_fixture="before")
def postgresql_refuses_or_is_silent(office: Office, world: World, postgres: FaultProxy) -> Before:
    member = office.member("ADMIN")
    task = member.create()
    # Connections that are in use are what a time-out for new ones does not help.
    office.service.burst([Request("GET", member.tasks, member.authorization)] * 8)
    world.draw.choice([postgres.cut, postgres.black_hole])()
    return Before(member, task)


@when("every route is asked", target_fixture="answers")
def every_route_is_asked(office: Office, before: Before) -> list[tuple[Request, Exchange]]:
    member = before.member
    own = requests_to_every_route(member.organisation, before.task.id, member.user.id)
    requests = [with_token(request, member.authorization) for request in own[:8]]
    requests += [with_token(request, office.authorization) for request in own[8:]]
    with_key = {"Idempotency-Key": office.draw.word(), **JSON_TYPE, **member.authorization}
    requests += [
        Request("POST", member.tasks, with_key, b'{"title": "x"}'),
        Request("POST", ORGANISATIONS, JSON_TYPE | office.authorization, b'{"name": "x"}'),
        Request("POST", USERS, JSON_TYPE | office.authorization, b'{"email": "a@b.example", "name": "x"}'),
        Request("GET", "/ready"),
        Request("GET", "/health"),
    ]
    answers = office.service.burst(requests)
    return list(zip(requests, answers, strict=True))


def with_token(request: Request, authorization: dict[str, str]) -> Request:
    return Request(request.method, request.path, {**request.headers, **authorization}, request.body)


@then("it is alive, it is not ready, and the rest is a 503 within three seconds")
def it_is_alive_it_is_not_ready(answers: list[tuple[Request, Exchange]]) -> None:
    rule = f"without PostgreSQL: /health 200, /ready and the API 503, within {ANSWER_SECONDS:g} s"
    for request, answer in answers:
        wanted = OK if request.path == "/health" else UNAVAILABLE
        got = f"{describe_answer(answer)} from {request.line}"
        expect(answer.status == wanted, expected=str(wanted), got=got, rule=rule)
        if wanted == UNAVAILABLE and request.method != "HEAD" and request.path != "/ready":
            is_problem(answer, UNAVAILABLE, rule)
        took = answer.received - answer.sent
        expect(
            took <= ANSWER_SECONDS,
            expected="an answer in time",
            got=f"{got}, {took:.3f} s",
            rule=rule,
            timing=True,
        )


@then("within five seconds of PostgreSQL's return all is as it was")
def within_five_seconds_all_is_as_it_was(before: Before, postgres: FaultProxy) -> None:
    postgres.pass_through()
    returned = time.monotonic()
    member, task = before.member, before.task
    answer = member.get(task.path)
    while answer.status in {UNAVAILABLE, 0} and time.monotonic() < returned + PATIENCE_SECONDS:
        time.sleep(0.05)
        answer = member.get(task.path)
    took = answer.received - returned
    right = answer.status == OK and took <= RETURN_SECONDS
    got = f"{describe_answer(answer)} after {took:.1f} s"
    expect(right, expected=f"200 within {RETURN_SECONDS:g} s", got=got, timing=True)
    shown = member.show(task)
    expect(shown == task, expected=str(task), got=shown)
    is_problem(member.get(f"{member.tasks}/{member.user.id}"), MISSING)
