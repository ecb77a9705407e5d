"""Steps of workers.feature."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    CallbackServer,
    Received,
    Reply,
    World,
    describe_answer,
    describe_stop,
    expect,
    wait_until_ready,
)

from .backend import ACCEPTED, API, AUTH, PATIENCE_SECONDS, Backend, Json, Person, wait_for
from .welcomes import OWN_WELCOME, SLACK_SECONDS, calls_of, dead_job, job_settings, jobs_of, once_called

PG_DELAY_SECONDS = 0.05
STOP_SECONDS = 10.0

scenarios("workers.feature")


@given("a backend with two workers, and two attempts", target_fixture="backend")
def a_backend_with_two_workers_and_two_attempts(
    world: World, receiver: CallbackServer, service_settings: dict[str, str]
) -> Backend:
    del receiver
    settings = job_settings(world, service_settings, OWN_WELCOME, 2, "2")
    return Backend(world.start(settings, workers=2), world.draw, settings)


@given("an administrator, whom the second worker has welcomed, which is paused now", target_fixture="admin")
def an_administrator_whom_the_second_worker_has_welcomed(backend: Backend) -> Iterator[Person]:
    """So it is known to be there when the first one is lost."""
    first, second = backend.service.workers
    first.pause()
    try:
        admin = backend.admin()
        welcomed = wait_for(lambda: jobs_of(admin, admin, "done"), bool)
        expect(bool(welcomed), expected="a welcome by the second worker", got="none", timing=True)
        second.pause()
        first.resume()
        yield admin
    finally:
        first.resume()
        second.resume()


@dataclass(frozen=True)
class Loss:
    """Whose job it was that lost its worker, and how long that was dead when the job was begun again."""

    person: Person
    calls: list[Received]
    seconds: float


@when("the worker that has a job is killed, and the next one stands still", target_fixture="loss")
def the_worker_that_has_a_job_is_killed(backend: Backend, receiver: CallbackServer) -> Loss:
    receiver.program(OWN_WELCOME, Reply.hang())
    first, second = backend.service.workers
    person = backend.register()
    once_called(receiver, person.email, 1, OWN_WELCOME)
    first.kill()
    killed = time.monotonic()
    second.resume()
    calls = once_called(receiver, person.email, 2, OWN_WELCOME)
    second.pause()
    first.restart()
    return Loss(person, calls, (calls[1].started if len(calls) > 1 else time.monotonic()) - killed)


@then("the job is begun again within its lease and two seconds, and at last it is dead", target_fixture="job")
def the_job_is_begun_again(backend: Backend, admin: Person, receiver: CallbackServer, loss: Loss) -> Json:
    count = len(loss.calls)
    expect(count == 2, expected="a second call", got=count, timing=count < 2)
    keys = {call.header("idempotency-key") for call in loss.calls}
    expect(len(keys) == 1, expected="the same key", got=keys)
    most = float(backend.settings["LEASE_SECONDS"]) + SLACK_SECONDS
    expect(loss.seconds <= most, expected=f"within {most:g} s", got=f"{loss.seconds:.1f} s", timing=True)
    job = dead_job(admin, loss.person)
    expect(job.get("attempts") == 2, expected="2 attempts", got=job.get("attempts"))
    calls = calls_of(receiver, loss.person.email, OWN_WELCOME)
    expect(len(calls) == 2, expected="no more than MAX_ATTEMPTS calls", got=len(calls))
    return job


@then("when it is tried again, who comes back from before ends nothing")
def who_comes_back_from_before_ends_nothing(
    backend: Backend, admin: Person, receiver: CallbackServer, loss: Loss, job: Json
) -> None:
    """It had the second attempt, which was the last. It comes back amid the second one of the new round."""
    email = loss.person.email
    receiver.program(OWN_WELCOME, Reply(500), Reply(delay_seconds=0.7), Reply())
    answer = admin.ask("POST", f"{API}/jobs/{job['id']}/retry")
    expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
    calls = once_called(receiver, email, 4, OWN_WELCOME)
    backend.service.workers[1].resume()
    expect(len(calls) == 4, expected="two calls after the retry", got=len(calls) - 2, timing=len(calls) < 4)
    done = wait_for(lambda: jobs_of(admin, loss.person, "done"), bool, PATIENCE_SECONDS / 2)
    states = [state for state in ("queued", "running", "dead") if jobs_of(admin, loss.person, state)]
    expect(bool(done), expected="done, as the last attempt was answered with 2xx", got=states, timing=True)
    calls = calls_of(receiver, email, OWN_WELCOME)
    expect(len(calls) == 4, expected="no call after the one that was answered with 2xx", got=len(calls))


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
    """When a worker was told to end, how it did, and whose jobs were there."""

    at: float
    exit_code: int | None
    first: Person
    second: Person


@when("the first worker is sent SIGTERM amid a job", target_fixture="stopped")
def the_first_worker_is_sent_sigterm_amid_a_job(backend: Backend, receiver: CallbackServer) -> Stopped:
    receiver.program(OWN_WELCOME, Reply(delay_seconds=0.7), Reply())
    worker = backend.service.workers[0]
    first = backend.register()
    once_called(receiver, first.email, 1, OWN_WELCOME)
    second = backend.register()
    return Stopped(time.monotonic(), worker.terminate(STOP_SECONDS), first, second)


@then("it ends with exit code 0 in time, and what it had is done")
def it_ends_with_exit_code_0(admin: Person, receiver: CallbackServer, stopped: Stopped) -> None:
    expect(stopped.exit_code == 0, expected="exit code 0", got=describe_stop(stopped.exit_code))
    done = jobs_of(admin, stopped.first, "done")
    expect(len(done) == 1, expected="the job that it had, done", got=done)
    had = calls_of(receiver, stopped.first.email, OWN_WELCOME)
    late = any((call.finished or stopped.at) < stopped.at for call in had)  # it was free before SIGTERM
    calls = calls_of(receiver, stopped.second.email, OWN_WELCOME)
    expect(not calls, expected="no job begun after SIGTERM", got=len(calls), timing=late)


@then("what came meanwhile is done by the next one")
def what_came_meanwhile_is_done_by_the_next_one(
    backend: Backend, receiver: CallbackServer, stopped: Stopped
) -> None:
    first, second = backend.service.workers
    first.restart()  # for the checks that come after this one
    second.resume()
    for person in (stopped.second, stopped.first):
        calls = once_called(receiver, person.email, 1, OWN_WELCOME)
        expect(len(calls) == 1, expected=f"one call for {person.email}", got=len(calls), timing=not calls)
