"""Steps of operation.feature."""

import json
import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    Inconclusive,
    Request,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    output_after,
    wait_until,
)

from .backend import API, AUTH, OK, RESOURCES, TOO_MANY, Backend, Person

WINDOW_SECONDS = 3

scenarios("operation.feature")


@when("people register, log in and ask, rightly and wrongly", target_fixture="secrets")
def people_register_log_in_and_ask(backend: Backend) -> list[str]:
    person = backend.log_in(backend.register())
    short, guess, unknown = backend.draw.text(7), backend.draw.text(30), backend.draw.text(43)
    forged = backend.signed({"sub": person.id}, secret=backend.draw.text(40))
    backend.post(f"{AUTH}/register", {"email": backend.email(), "password": short})
    backend.post(f"{AUTH}/register", {"email": person.email, "password": guess})
    backend.post(f"{AUTH}/login", {"email": person.email, "password": guess})
    backend.post(f"{AUTH}/refresh", {"refresh_token": unknown})
    renewed = as_object(backend.post(f"{AUTH}/refresh", {"refresh_token": person.tokens["refresh_token"]}))
    client = backend.service.client()
    client.get(f"{API}/me", headers={"Authorization": f"Bearer {forged}"})
    client.request("POST", RESOURCES, headers=person.headers, json={"title": person.password, "pin": guess})
    kind = {"Content-Type": "application/json"}
    body = f'{{"email": "{person.email}", "password": "{guess}" x'.encode()
    client.request("POST", f"{AUTH}/login", headers=kind, body=body)
    client.get(f"{API}/me?access_token={forged}")
    output_after(backend.service.web, client.get(f"{API}/me", headers=person.headers))
    tokens = [*person.tokens.values(), *renewed.values(), forged, unknown]
    secrets = [person.password, short, guess, backend.settings["JWT_SECRET"]]
    return [*secrets, *(token for token in tokens if isinstance(token, str) and len(token) > 10)]


@then("no password and no token stands in the output")
def no_secret_stands_in_the_output(backend: Backend, secrets: list[str]) -> None:
    lines = backend.service.output()
    for secret in secrets:
        found = [line for line in lines if secret in line or json.dumps(secret)[1:-1] in line]
        expect(not found, expected=f"no {secret[:12]}… in the output", got=found[:1])


@given("a backend that is asked little", target_fixture="backend")
def a_backend_that_is_asked_little(world: World, service_settings: dict[str, str]) -> Backend:
    settings = service_settings | {
        "AUTH_LIMIT": str(world.setting("small AUTH_LIMIT", 5, 9, away_from=[20])),
        "AUTH_WINDOW_SECONDS": str(WINDOW_SECONDS),
    }
    return Backend(world.start(settings), world.draw, settings)


@dataclass(frozen=True)
class Asked:
    """The answers within the limit and beyond it."""

    person: Person
    within: list[Exchange]
    beyond: list[Exchange]


@when("an address asks as often as it may, at both processes, and then more", target_fixture="asked")
def an_address_asks_as_often_as_it_may(backend: Backend) -> Asked:
    limit = int(backend.settings["AUTH_LIMIT"])
    person = backend.log_in(backend.register())
    wait_until(time.monotonic() + WINDOW_SECONDS + 0.3)
    draw = backend.draw
    bodies: list[tuple[str, object]] = [
        ("login", {"email": person.email, "password": draw.text(20)}),
        ("register", {"email": draw.word(), "password": draw.text(20)}),
        ("refresh", {"refresh_token": draw.text(43)}),
    ]
    within = []
    for number in range(limit):
        name, body = bodies[number % len(bodies)]
        within.append(backend.post(f"{AUTH}/{name}", body, process=number % 2))
    name, body = draw.choice(bodies)
    beyond = [backend.post(f"{AUTH}/{name}", body, process=process) for process in (0, 1)]
    for field in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP"):
        value = f"for={draw.address_v4()}" if field == "Forwarded" else draw.address_v4()
        client = backend.service.client(process=draw.integer(0, 1))
        beyond.append(client.request("POST", f"{AUTH}/{name}", headers={field: value}, json=body))
    if beyond[-1].received > within[0].sent + WINDOW_SECONDS * 0.8:
        raise Inconclusive("the window was nearly over before all was asked")
    return Asked(person, within, beyond)


@then("what is more is 429 with Retry-After, whatever the request says of its address")
def what_is_more_is_429(asked: Asked) -> None:
    for answer in asked.within:
        expect(
            answer.status in {401, 422}, expected="401 or 422, within the limit", got=describe_answer(answer)
        )
    for answer in asked.beyond:
        is_problem(answer, TOO_MANY)
        told = answer.header("retry-after") or ""
        right = told.isdigit() and 1 <= int(told) <= WINDOW_SECONDS + 1
        expect(
            right, expected=f"Retry-After, at most {WINDOW_SECONDS + 1}", got=told or "none", answer=answer
        )


@then("nothing else is limited")
def nothing_else_is_limited(asked: Asked, backend: Backend) -> None:
    for answer in (asked.person.ask("GET", RESOURCES), backend.service.client().get("/health")):
        expect(answer.status == OK, expected="200", got=describe_answer(answer))


@then("after Retry-After seconds it may ask again")
def after_retry_after_seconds_it_may_ask_again(backend: Backend, asked: Asked) -> None:
    last = asked.beyond[-1]
    wait_until(last.received + int(last.header("retry-after") or 0) + 0.1)
    answer = backend.post(f"{AUTH}/login", {"email": asked.person.email, "password": asked.person.password})
    expect(answer.status == OK, expected="200", got=describe_answer(answer))


@then("of those that come at the same instant no more pass")
def of_those_that_come_at_the_same_instant_no_more_pass(backend: Backend) -> None:
    wait_until(time.monotonic() + WINDOW_SECONDS + 1.1)
    limit = int(backend.settings["AUTH_LIMIT"])
    body = json.dumps({"refresh_token": backend.draw.text(43)}).encode()
    request = Request("POST", f"{AUTH}/refresh", {"Content-Type": "application/json"}, body)
    answers = backend.service.burst([request] * (3 * limit))
    passed = sum(answer.status == 401 for answer in answers)
    expect(passed == limit, expected=f"{limit} pass", got=passed, timing=passed < limit)
