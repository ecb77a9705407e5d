"""Steps of jobs.feature."""

import itertools
import json
import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    CallbackServer,
    Reply,
    Request,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .backend import (
    ACCEPTED,
    API,
    AUTH,
    CONFLICT,
    CREATED,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNAVAILABLE,
    Backend,
    Person,
    told_of,
    wait_for,
)
from .welcomes import (
    RETRY_SECONDS,
    SLACK_SECONDS,
    WELCOME,
    calls_of,
    dead_job,
    job_settings,
    jobs_of,
    once_called,
)

scenarios("jobs.feature")


@given("a backend with two workers", target_fixture="backend")
def a_backend_with_two_workers(
    world: World, receiver: CallbackServer, service_settings: dict[str, str]
) -> Backend:
    del receiver
    attempts = world.setting("MAX_ATTEMPTS", 3, 4, away_from=[5])
    settings = job_settings(world, service_settings, WELCOME, attempts, "3")
    return Backend(world.start(settings, workers=2), world.draw, settings)


@dataclass(frozen=True)
class Registrations:
    """Who has registered, with the id that each was given, and who was refused."""

    made: dict[str, str]
    refused: list[str]


@when("people register at the same instant, and others are refused", target_fixture="registrations")
def people_register_at_the_same_instant(backend: Backend, receiver: CallbackServer) -> Registrations:
    receiver.program(WELCOME, Reply(status=backend.draw.choice([200, 201, 204]), delay_seconds=0.15))
    emails = [backend.email() for _ in range(10)]
    bodies = [{"email": email, "password": backend.password()} for email in emails]
    requests = [
        Request("POST", f"{AUTH}/register", {"Content-Type": "application/json"}, json.dumps(body).encode())
        for body in bodies
    ]
    answers = backend.service.burst(requests)
    for answer in answers:
        late = answer.status in {0, UNAVAILABLE}  # ten slow hashes at once, on a busy machine
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer), timing=late)
    made = {email: str(as_object(answer).get("id")) for email, answer in zip(emails, answers, strict=True)}
    invalid = backend.email()
    again = backend.post(f"{AUTH}/register", bodies[0])
    expect(again.status == CONFLICT, expected="409", got=describe_answer(again))
    short = backend.post(f"{AUTH}/register", {"email": invalid, "password": "short"})
    expect(short.status == INVALID, expected="422", got=describe_answer(short))
    return Registrations(made, [invalid])


@then("each of the first is told of once, with a key of their own")
def each_of_the_first_is_told_of_once(
    backend: Backend, receiver: CallbackServer, registrations: Registrations
) -> None:
    for email in registrations.made:
        once_called(receiver, email, 1)
    time.sleep(float(backend.settings["LEASE_SECONDS"]) + 0.5)  # for what is told twice
    keys = set()
    for email, user_id in registrations.made.items():
        calls = calls_of(receiver, email)
        expect(len(calls) == 1, expected=f"one call for {email}", got=len(calls), timing=not calls)
        body, key = told_of(calls[0]), calls[0].header("idempotency-key")
        wanted = {"job_id": key, "user_id": user_id, "email": email}
        expect(calls[0].method == "POST" and body == wanted, expected=f"POST {wanted}", got=body)
        keys.add(key)
    expect(len(keys) == len(registrations.made), expected="a key for each", got=len(keys))


@then("of nobody else")
def of_nobody_else(receiver: CallbackServer, registrations: Registrations) -> None:
    for email in registrations.refused:
        calls = calls_of(receiver, email)
        expect(not calls, expected=f"no call for {email}, who was refused", got=len(calls))


@when("somebody registers whose welcome fails each time", target_fixture="person")
def somebody_registers_whose_welcome_fails(backend: Backend, receiver: CallbackServer) -> Person:
    draw, attempts = backend.draw, int(backend.settings["MAX_ATTEMPTS"])
    answers = draw.shuffle([Reply(500), Reply(404), Reply.redirect(receiver.url("/elsewhere"))])
    none = draw.choice([Reply.reset(), Reply.hang()])
    receiver.program(WELCOME, *draw.shuffle([none, *answers[: attempts - 1]]))
    return backend.log_in(backend.register())


@then("it is tried MAX_ATTEMPTS times, each time later, with the same key")
def it_is_tried_max_attempts_times(backend: Backend, receiver: CallbackServer, person: Person) -> None:
    attempts = int(backend.settings["MAX_ATTEMPTS"])
    calls = once_called(receiver, person.email, attempts)
    time.sleep(1.0)
    calls = calls_of(receiver, person.email)
    expect(len(calls) == attempts, expected=f"{attempts} calls", got=len(calls), timing=len(calls) < attempts)
    keys = {call.header("idempotency-key") for call in calls}
    expect(len(keys) == 1, expected="the same Idempotency-Key each time", got=keys)
    for number, (before, after) in enumerate(itertools.pairwise(calls)):
        least = RETRY_SECONDS * 2**number
        ended = before.finished or before.started
        waited = after.started - ended
        asked = after.started - before.started
        # One that got no answer has ended when half of the lease was over.
        most = 2 * least + float(backend.settings["LEASE_SECONDS"]) / 2 + SLACK_SECONDS
        expect(
            waited >= least - 0.05,
            expected=f"attempt {number + 2} at least {least:g} s after the one before it",
            got=f"{waited:.2f} s",
        )
        expect(
            asked <= most,
            expected=f"attempt {number + 2} at most {most:g} s after the one before it",
            got=f"{asked:.2f} s",
            timing=True,
        )


@then("then it is dead, and administrators alone see it and have it tried again")
def then_it_is_dead(backend: Backend, receiver: CallbackServer, person: Person) -> None:
    admin = backend.admin()
    job = dead_job(admin, person)
    wanted = [person.id, "dead", int(backend.settings["MAX_ATTEMPTS"])]
    got = [job.get("user_id"), job.get("state"), job.get("attempts")]
    expect(got == wanted, expected=f"a dead job: {wanted}", got=got)
    key = calls_of(receiver, person.email)[0].header("idempotency-key")
    expect(job.get("id") == key, expected=f"id {key}", got=job.get("id"))
    retry = f"{API}/jobs/{job.get('id')}/retry"
    is_problem(person.ask("POST", retry), FORBIDDEN)
    is_problem(admin.ask("POST", f"{API}/jobs/{backend.draw.uuid()}/retry"), NOT_FOUND)
    is_problem(admin.ask("GET", f"{API}/jobs?state={backend.draw.word()}"), INVALID)
    receiver.program(WELCOME, Reply())
    answer = admin.ask("POST", retry)
    expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
    attempts = int(backend.settings["MAX_ATTEMPTS"])
    calls = once_called(receiver, person.email, attempts + 1)
    keys = {call.header("idempotency-key") for call in calls}
    count = len(calls)
    expect(count <= attempts + 1 and keys == {key}, expected="one more call, same key", got=count)
    expect(count == attempts + 1, expected="one more call", got="none", timing=True)
    done = wait_for(lambda: jobs_of(admin, person, "done"), bool)
    expect(bool(done), expected="it is done", got="it is not", timing=True)
    expect(not jobs_of(admin, person, "dead"), expected="it is not dead any more", got="it is")
    is_problem(admin.ask("POST", retry), CONFLICT)
