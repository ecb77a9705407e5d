"""Steps of jobs.feature."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    CallbackServer,
    Instance,
    Received,
    Reply,
    Request,
    World,
    as_object,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    wait_until_ready,
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
    Backend,
    Json,
    Person,
    items_of,
    told_of,
    wait_for,
)

WELCOME, OWN_WELCOME = "/welcome", "/own-welcome"
RETRY_SECONDS = 0.4
PG_DELAY_SECONDS = 0.05
SLACK_SECONDS = 2.0
START_SECONDS = 2.0  # of a worker: it does not say when it is there
STOP_SECONDS = 10.0

scenarios("jobs.feature")


def job_settings(
    world: World, settings: dict[str, str], path: str, attempts: int, lease: str
) -> dict[str, str]:
    return settings | {
        "WELCOME_URL": world.callback_server().url(path),
        "MAX_ATTEMPTS": str(attempts),
        "RETRY_SECONDS": str(RETRY_SECONDS),
        "LEASE_SECONDS": lease,
    }


@pytest.fixture
def receiver(world: World) -> CallbackServer:
    server = world.callback_server()
    server.program(WELCOME, Reply())
    server.program(OWN_WELCOME, Reply())
    return server


@given("a backend with two workers", target_fixture="backend")
def a_backend_with_two_workers(
    world: World, receiver: CallbackServer, service_settings: dict[str, str]
) -> Backend:
    del receiver
    attempts = world.setting("MAX_ATTEMPTS", 3, 4, away_from=[5])
    settings = job_settings(world, service_settings, WELCOME, attempts, "3")
    return Backend(world.start(settings, workers=2), world.draw, settings)


@given("a backend with one worker", target_fixture="backend")
def a_backend_with_one_worker(
    world: World, receiver: CallbackServer, service_settings: dict[str, str]
) -> Backend:
    del receiver
    settings = job_settings(world, service_settings, OWN_WELCOME, 2, "2")
    return Backend(world.start(settings, workers=1), world.draw, settings)


def calls_of(receiver: CallbackServer, email: str, path: str = WELCOME) -> list[Received]:
    return [call for call in receiver.received(path) if told_of(call).get("email") == email]


def once_called(receiver: CallbackServer, email: str, count: int, path: str = WELCOME) -> list[Received]:
    return wait_for(lambda: calls_of(receiver, email, path), lambda calls: len(calls) >= count)


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
        expect(answer.status == CREATED, expected="201", got=describe_answer(answer))
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


def jobs_of(admin: Person, person: Person, state: str) -> list[Json]:
    jobs = items_of(admin.ask("GET", f"{API}/jobs?state={state}"))
    return [job for job in jobs if job.get("user_id") == person.id]


def dead_job(admin: Person, person: Person) -> Json:
    found = wait_for(lambda: jobs_of(admin, person, "dead"), bool)
    expect(len(found) == 1, expected="one dead job of this user", got=len(found), timing=not found)
    return found[0]


@dataclass(frozen=True)
class Losses:
    """When the worker that had a job was killed and started again, and who the job was about."""

    person: Person
    calls: list[Received]
    seconds: list[float]


@when("the worker is killed amid a job, and started again, as often as it may be", target_fixture="losses")
def the_worker_is_killed_amid_a_job(backend: Backend, receiver: CallbackServer) -> Losses:
    receiver.program(OWN_WELCOME, Reply.hang())
    worker = backend.service.workers[0]
    person = backend.register()
    seconds = []
    calls = once_called(receiver, person.email, 1, OWN_WELCOME)
    for number in (2, 3):
        worker.kill()
        killed = time.monotonic()
        worker.restart()
        if number == 2:
            calls = once_called(receiver, person.email, number, OWN_WELCOME)
            seconds.append((calls[-1].started if len(calls) == number else time.monotonic()) - killed)
    return Losses(person, calls, seconds)


@then("the job is begun again within its lease and two seconds, and at last it is dead")
def the_job_is_begun_again(backend: Backend, receiver: CallbackServer, losses: Losses) -> None:
    count = len(losses.calls)
    expect(count == 2, expected="a second call", got=count, timing=count < 2)
    keys = {call.header("idempotency-key") for call in losses.calls}
    expect(len(keys) == 1, expected="the same key", got=keys)
    most = float(backend.settings["LEASE_SECONDS"]) + SLACK_SECONDS + START_SECONDS
    for seconds in losses.seconds:
        expect(seconds <= most, expected=f"within {most:g} s", got=f"{seconds:.1f} s", timing=True)
    job = dead_job(backend.admin(), losses.person)
    expect(job.get("attempts") == 2, expected="2 attempts", got=job.get("attempts"))
    calls = calls_of(receiver, losses.person.email, OWN_WELCOME)
    expect(len(calls) == 2, expected="no more than MAX_ATTEMPTS calls", got=len(calls))


@then("whoever has registered when the web process is killed is welcomed")
def whoever_has_registered_is_welcomed(backend: Backend, receiver: CallbackServer) -> None:
    receiver.program(OWN_WELCOME, Reply())
    bodies = [{"email": backend.email(), "password": backend.password()} for _ in range(6)]
    emails = [body["email"] for body in bodies]
    web, postgres = backend.service.web, backend.service.postgres

    def users() -> list[str]:
        rows = connection.execute("SELECT email FROM users WHERE email = ANY (%s)", [emails])
        return [str(email) for (email,) in rows]

    # It is killed as soon as there is an account: a job that is made by another transaction is not yet there.
    with postgres.connect() as connection, ThreadPoolExecutor(len(bodies)) as pool:
        with postgres.proxy.delay(PG_DELAY_SECONDS):
            for body in bodies:
                pool.submit(backend.post, f"{AUTH}/register", body)
            found = wait_for(users, bool)
            web.kill()
        expect(bool(found), expected="accounts, although PostgreSQL is slow", got="none", timing=True)
        web.restart()
        wait_until_ready(web)
        found = users()
    for email in found:
        calls = once_called(receiver, email, 1, OWN_WELCOME)
        expect(bool(calls), expected=f"a call for {email}, whose account was made", got="none", timing=True)


@dataclass(frozen=True)
class Stopped:
    """How a worker ended, and whose jobs were there."""

    worker: Instance
    exit_code: int | None
    first: Person
    second: Person


@when("it is sent SIGTERM amid a job", target_fixture="stopped")
def it_is_sent_sigterm_amid_a_job(backend: Backend, receiver: CallbackServer) -> Stopped:
    receiver.program(OWN_WELCOME, Reply(delay_seconds=0.7), Reply())
    worker = backend.service.workers[0]
    first = backend.register()
    once_called(receiver, first.email, 1, OWN_WELCOME)
    second = backend.register()
    return Stopped(worker, worker.terminate(STOP_SECONDS), first, second)


@then("it ends with exit code 0 in time, and what it had is done")
def it_ends_with_exit_code_0(backend: Backend, receiver: CallbackServer, stopped: Stopped) -> None:
    expect(stopped.exit_code == 0, expected="exit code 0", got=describe_stop(stopped.exit_code))
    admin = backend.admin()
    done = jobs_of(admin, stopped.first, "done")
    expect(len(done) == 1, expected="the job that it had, done", got=done)
    calls = calls_of(receiver, stopped.second.email, OWN_WELCOME)
    expect(not calls, expected="no job begun after SIGTERM", got=len(calls), timing=True)


@then("what came meanwhile is done by the next one")
def what_came_meanwhile_is_done_by_the_next_one(receiver: CallbackServer, stopped: Stopped) -> None:
    stopped.worker.restart()
    for person in (stopped.second, stopped.first):
        calls = once_called(receiver, person.email, 1, OWN_WELCOME)
        expect(len(calls) == 1, expected=f"one call for {person.email}", got=len(calls), timing=not calls)
