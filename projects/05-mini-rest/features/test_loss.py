"""Steps of loss.feature: what becomes of a service whose database does not answer."""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    Request,
    World,
    describe_answer,
    expect,
    is_problem,
    output_after,
)

from .office import (
    JSON_TYPE,
    OK,
    ORGANISATIONS,
    USERS,
    Member,
    Office,
    Task,
    created,
    requests_to_every_route,
    send,
)

ANSWER_SECONDS, RETURN_SECONDS, PATIENCE_SECONDS = 3.0, 5.0, 10.0
# As many connections to PostgreSQL as a pool may have, and requests one by one that meet each of a few.
AT_ONCE, ONE_BY_ONE = 40, 10
UNAVAILABLE = 503

scenarios("loss.feature")


@dataclass(frozen=True)
class Before:
    """What was there before PostgreSQL was lost: a task, and one that was made with a key."""

    member: Member
    task: Task
    create: Request
    made: Task


@dataclass(frozen=True)
class Loss:
    """What was asked while PostgreSQL was lost, and the first answer after that, with the seconds it took."""

    answers: list[tuple[Request, Exchange]]
    answer: Exchange
    took: float


@given("a member with a task", target_fixture="before")
def a_member_with_a_task(office: Office) -> Before:
    member = office.member("ADMIN")
    with_key = {"Idempotency-Key": office.draw.word(), **JSON_TYPE, **member.authorization}
    create = Request("POST", member.tasks, with_key, b'{"title": "once"}')
    return Before(member, member.create(), create, created(send(office.stranger(), create)))


@when("PostgreSQL refuses, and when it is silent, and every route is asked", target_fixture="losses")
def postgresql_refuses_and_is_silent(
    office: Office, world: World, before: Before, postgres: FaultProxy
) -> list[Loss]:
    losses = []
    for lose in world.draw.shuffle([postgres.cut, postgres.black_hole]):
        # Connections that are in use are what a time-out for new ones does not help.
        use_many_connections(office, before)
        lose()
        requests = requests_without_postgresql(office, before)
        answers = office.service.burst(requests)
        postgres.pass_through()
        losses.append(Loss(list(zip(requests, answers, strict=True)), *return_of(before)))
    return losses


def use_many_connections(office: Office, before: Before) -> None:
    headers = JSON_TYPE | before.member.authorization
    office.service.burst([Request("POST", before.member.tasks, headers, b'{"title": "x"}')] * AT_ONCE)


def return_of(before: Before) -> tuple[Exchange, float]:
    """Ask until there is an answer again; say what it is, and after how many seconds it came."""
    returned = time.monotonic()
    answer = before.member.get(before.task.path)
    while answer.status in {UNAVAILABLE, 0} and time.monotonic() < returned + PATIENCE_SECONDS:
        time.sleep(0.05)
        answer = before.member.get(before.task.path)
    return answer, answer.received - returned


def requests_without_postgresql(office: Office, before: Before) -> list[Request]:
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
    return requests


def with_token(request: Request, authorization: dict[str, str]) -> Request:
    return Request(request.method, request.path, {**request.headers, **authorization}, request.body)


@then("it is alive, it is not ready, and the rest is a 503 within three seconds")
def it_is_alive_it_is_not_ready(losses: list[Loss]) -> None:
    rule = f"without PostgreSQL: /health 200, /ready and the API 503, within {ANSWER_SECONDS:g} s"
    for request, answer in (pair for loss in losses for pair in loss.answers):
        wanted = OK if request.path == "/health" else UNAVAILABLE
        got = f"{describe_answer(answer)} from {request.line}"
        expect(answer.status == wanted, expected=str(wanted), got=got, rule=rule)
        if wanted == UNAVAILABLE and request.method != "HEAD" and request.path != "/ready":
            is_problem(answer, UNAVAILABLE, rule)
        took = answer.received - answer.sent
        got = f"{got}, {took:.3f} s"
        expect(took <= ANSWER_SECONDS, expected="an answer in time", got=got, rule=rule, timing=True)


@then("within five seconds of PostgreSQL's return all is as it was")
def within_five_seconds_all_is_as_it_was(before: Before, losses: list[Loss]) -> None:
    for loss in losses:
        right = loss.answer.status == OK and loss.took <= RETURN_SECONDS
        got = f"{describe_answer(loss.answer)} after {loss.took:.1f} s"
        expect(right, expected=f"200 within {RETURN_SECONDS:g} s", got=got, timing=True)
    shown = before.member.show(before.task)
    expect(shown == before.task, expected=str(before.task), got=shown)


@then("so it is when nobody has asked meanwhile")
def so_it_is_when_nobody_has_asked_meanwhile(office: Office, before: Before, postgres: FaultProxy) -> None:
    """Cut all connections, of which no request finds out before PostgreSQL is back."""
    use_many_connections(office, before)
    postgres.cut()
    postgres.pass_through()
    time.sleep(RETURN_SECONDS)
    for answer in [before.member.get(before.task.path) for _ in range(ONE_BY_ONE)]:
        wanted = f"200 when PostgreSQL is back for {RETURN_SECONDS:g} s"
        expect(answer.status == OK, expected=wanted, got=describe_answer(answer), answer=answer, timing=True)


@then("a release meanwhile has changed nothing, and what was made with a key is not made again")
def a_release_meanwhile_has_changed_nothing(office: Office, before: Before) -> None:
    office.service.release()
    again = created(send(office.stranger(), before.create))
    wanted = f"{before.made}: its key is remembered, and a release changes nothing"
    expect(again == before.made, expected=wanted, got=again)


@then("the output tells nothing of where PostgreSQL is")
def the_output_tells_nothing_of_where_postgresql_is(office: Office, before: Before) -> None:
    url = office.service.postgres.url
    password = urlsplit(url).password or url
    lines = output_after(office.service, before.member.get(before.task.path))
    found = [line for line in lines if url in line or password in line]
    expect(not found, expected="no line with DATABASE_URL or its password", got="".join(found[:1]))
