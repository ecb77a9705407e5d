"""Steps of jobs.feature."""

import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    CallbackServer,
    Exchange,
    Instance,
    Received,
    Reply,
    Request,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .conftest import LEASE_SECONDS
from .saas import (
    ACCEPTED,
    CONFLICT,
    ENDS,
    FORBIDDEN,
    OK,
    PATIENCE_SECONDS,
    Home,
    Json,
    Person,
    Site,
    as_json,
    attempts_of,
    outcomes_of,
)

BACKOFF_SECONDS = 0.2
LATE_SECONDS = 1.5
MANY, AT_ONCE = 60, 10

scenarios("jobs.feature")


@dataclass
class Triggered:
    """An action, the job that came of it, and where its calls arrive."""

    home: Home
    project: Json
    target: str
    answer: Exchange

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def job(self) -> Json:
        expect(self.answer.status == ACCEPTED, expected="202", got=describe_answer(self.answer))
        return as_object(self.answer)


def trigger(site: Site, home: Home, sink: CallbackServer, *replies: Reply) -> Triggered:
    path = f"/{site.draw.uuid()}"
    sink.program(path, *(replies or (Reply(),)))
    project = home.project(site.draw.word())
    target = path + site.draw.choice(["", f"?key={site.draw.word()}&at=%2Fhome", f"?{site.draw.word()}"])
    return Triggered(home, project, target, home.act(project, sink.url(target)))


def calls(sink: CallbackServer, path: str, count: int, patience: float = PATIENCE_SECONDS) -> list[Received]:
    found = sink.wait_for(path, count, patience)
    expect(len(found) >= count, expected=f"{count} calls", got=f"{len(found)}", timing=True)
    return found


@given("an authenticated user", target_fixture="person")
def an_authenticated_user(site: Site) -> Person:
    return site.person()


@given("feature flag enabled")
def feature_flag_enabled(site: Site) -> None:
    site.switch(is_on=True)


@given("request is under rate limit", target_fixture="home")
def request_is_under_rate_limit(site: Site, person: Person) -> Home:
    return site.home(person)  # a new organisation has used nothing of its limit


@when("user triggers an action", target_fixture="triggered")
def user_triggers_an_action(site: Site, home: Home, sink: CallbackServer) -> Triggered:
    failures = site.draw.choice([1, 2])
    failing = site.draw.choice([Reply(500), Reply(404), Reply.reset(), Reply.redirect("/elsewhere")])
    return trigger(site, home, sink, *[failing] * failures, Reply())


@then("a job is queued")
def a_job_is_queued(triggered: Triggered, home: Home) -> None:
    job = triggered.job
    place = triggered.answer.header("location") or ""
    expect(place == f"{home.path}/jobs/{job['id']}", expected="Location of the job", got=place)
    members = {"id", "type", "state", "attempt", "max_attempts", "run_at", "created_at", "finished_at"}
    expect(job.keys() >= members, expected=str(members), got=job)
    shown = home.jobs()
    expect([one.get("id") for one in shown] == [job["id"]], expected="the job in the list", got=shown)


@then("execution is logged")
def execution_is_logged(triggered: Triggered, home: Home, sink: CallbackServer) -> None:
    job = home.ended(triggered.job)
    expect(job.get("state") == "succeeded", expected="a job that succeeds", got=job)
    call = calls(sink, triggered.path, 1)[-1]
    expect(call.target == triggered.target, expected=f"POST {triggered.target}", got=call.target)
    sent = as_json(call.body)
    shown = {name: sent.get(name) for name in ("id", "name", "version")}
    wanted = {name: triggered.project.get(name) for name in shown}
    expect(shown == wanted, expected=f"the project: {wanted}", got=sent)
    keys = {one.header("idempotency-key") for one in sink.received(triggered.path)}
    expect(len(keys) == 1 and None not in keys, expected="one Idempotency-Key in all calls", got=keys)
    for attempt in attempts_of(job):
        began, ended = attempt.get("started_at"), attempt.get("finished_at")
        in_order = datetime.fromisoformat(str(began)) <= datetime.fromisoformat(str(ended))
        expect(in_order, expected="an attempt that ended after it began", got=attempt)


@then("retries occur on failure")
def retries_occur_on_failure(triggered: Triggered, home: Home, sink: CallbackServer) -> None:
    job = home.job(triggered.job)
    arrived = sink.received(triggered.path)
    wanted = [*["failed"] * (len(arrived) - 1), "succeeded"]
    expect(len(arrived) > 1, expected="more calls than one", got=f"{len(arrived)}")
    expect(outcomes_of(job) == wanted, expected=f"attempts: {wanted}", got=attempts_of(job))
    numbers = [attempt.get("number") for attempt in attempts_of(job)]
    expect(numbers == list(range(1, len(arrived) + 1)), expected="numbers from 1", got=numbers)


@given("two organisations, a flag that is off, and one of the two that has it", target_fixture="homes")
def two_organisations(site: Site) -> tuple[Home, Home]:
    one, other = site.home(), site.home()
    site.switch(is_on=True, organisation=one.id)
    site.switch(is_on=False, organisation=other.id)
    return one, other


@when("both trigger the action", target_fixture="both")
def both_trigger_the_action(
    site: Site, homes: tuple[Home, Home], sink: CallbackServer
) -> tuple[Triggered, Triggered]:
    one, other = homes
    return trigger(site, one, sink), trigger(site, other, sink)


@then("the one has a job, and the other gets 403 and has none")
def the_one_has_a_job(both: tuple[Triggered, Triggered]) -> None:
    one, other = both
    one.home.ended(one.job)
    problem = is_problem(other.answer, FORBIDDEN)
    expect(problem.get("code") == "feature_off", expected="code feature_off", got=problem)
    expect(other.home.jobs() == [], expected="no job", got=other.home.jobs())
    for home, is_on in ((one.home, True), (other.home, False)):
        flags = as_object(home.http.get(f"{home.path}/flags")).get("flags")
        right = isinstance(flags, dict) and flags.get("publish") is is_on
        expect(right, expected=f"publish: {is_on}", got=flags)


@when("a destination always fails", target_fixture="triggered")
def a_destination_always_fails(site: Site, home: Home, sink: CallbackServer) -> Triggered:
    return trigger(site, home, sink, Reply(503))


def waits_of(home: Home, job: Json) -> dict[int, float]:
    """Look at a job until it has ended; return how long each of its attempts that was seen has it wait."""
    waits: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS + 4
    while (shown := home.job(job)).get("state") not in ENDS:
        expect(time.monotonic() < deadline, expected="a job that ends", got=shown, timing=True)
        attempts = attempts_of(shown)
        if shown.get("state") == "queued" and attempts:
            ended = attempts[-1].get("finished_at")
            expect(ended is not None, expected="no attempt of a queued job that runs", got=shown)
            failed = datetime.fromisoformat(str(ended))
            due = datetime.fromisoformat(str(shown["run_at"]))
            waits[len(attempts)] = (due - failed).total_seconds()
        time.sleep(0.03)
    return waits


@then("the job is dead after MAX_ATTEMPTS, the waits grow, and an admin can have it tried again")
def the_job_is_dead(site: Site, triggered: Triggered, home: Home, sink: CallbackServer) -> None:
    most = int(site.settings["MAX_ATTEMPTS"])
    waits = waits_of(home, triggered.job)
    job = home.job(triggered.job)
    expect(job.get("state") == "dead", expected="a dead job", got=job)
    expect(outcomes_of(job) == ["failed"] * most, expected=f"{most} failures", got=attempts_of(job))
    expect(all(one.get("error") for one in attempts_of(job)), expected="an error each", got=attempts_of(job))
    arrived = sink.received(triggered.path)
    expect(len(arrived) == most, expected=f"{most} calls", got=len(arrived))
    expect(bool(waits), expected="a job that is seen to wait", got=job, timing=True)
    for number, wait in waits.items():
        span = BACKOFF_SECONDS * 2 ** (number - 1)
        right = span / 2 - 0.001 <= wait <= span + 0.001
        expect(right, expected=f"run_at {span / 2:.2f} to {span:.2f} s later", got=f"{wait:.3f} s")
    for number, (before, after) in enumerate(pairwise(arrived), 1):
        gap, span = after.started - before.received, BACKOFF_SECONDS * 2 ** (number - 1)
        expect(gap >= span / 2 - 0.02, expected=f"a wait of {span / 2:.2f} s or more", got=f"{gap:.2f} s")
        late = span + LATE_SECONDS
        expect(gap <= late, expected=f"a wait of {late:.2f} s at most", got=f"{gap:.2f} s", timing=True)
    sink.program(triggered.path, Reply())
    admin = site.member(home, "admin")
    again = admin.http.request("POST", f"{home.path}/jobs/{job['id']}/retry")
    expect(again.status == OK, expected="200 for a retry", got=describe_answer(again))
    done = home.ended(triggered.job)
    wanted = [*["failed"] * most, "succeeded"]
    expect(outcomes_of(done) == wanted, expected=f"attempts: {wanted}", got=attempts_of(done))


@when("a project is deleted while its job waits for the next attempt", target_fixture="triggered")
def a_project_is_deleted(site: Site, home: Home, sink: CallbackServer) -> Triggered:
    triggered = trigger(site, home, sink, Reply(500, delay_seconds=0.3))
    job = triggered.job
    calls(sink, triggered.path, 1)
    home.http.request("DELETE", f"{home.path}/projects/{triggered.project['id']}")
    expect(bool(job), expected="a job", got=job)
    return triggered


@then("the job is discarded, and the destination is not called again")
def the_job_is_discarded(triggered: Triggered, home: Home, sink: CallbackServer) -> None:
    job = home.ended(triggered.job)
    expect(job.get("state") == "discarded", expected="a discarded job", got=job)
    wanted = ["failed", "discarded"]
    expect(outcomes_of(job) == wanted, expected=f"attempts: {wanted}", got=attempts_of(job))
    count = len(sink.received(triggered.path))
    expect(count == 1, expected="one call", got=count)


@when("a job is cancelled while it waits, and again", target_fixture="cancelled")
def a_job_is_cancelled(site: Site, home: Home, sink: CallbackServer) -> tuple[Triggered, Exchange, Exchange]:
    with site.workers_paused():
        triggered = trigger(site, home, sink)
        path = f"{home.path}/jobs/{triggered.job['id']}/cancel"
        first, second = (home.http.request("POST", path) for _ in range(2))
    return triggered, first, second


@then("it is not run, and the second gets 409")
def it_is_not_run(
    site: Site, cancelled: tuple[Triggered, Exchange, Exchange], home: Home, sink: CallbackServer
) -> None:
    triggered, first, second = cancelled
    expect(first.status == OK, expected="200", got=describe_answer(first))
    is_problem(second, CONFLICT)
    other = trigger(site, home, sink)
    home.ended(other.job)  # the workers are awake, and have looked at what was due
    job = home.job(triggered.job)
    expect(job.get("state") == "cancelled", expected="a cancelled job", got=job)
    count = len(sink.received(triggered.path))
    expect(count == 0, expected="no call", got=count)


@dataclass(frozen=True)
class Held:
    """A job in the hands of one worker."""

    triggered: Triggered
    holder: Instance
    ended: float


def held(site: Site, home: Home, sink: CallbackServer, *replies: Reply) -> tuple[Triggered, int]:
    """Have one of the two workers run a job; return which."""
    holder = site.draw.choice([0, 1])
    site.service.workers[1 - holder].pause()
    triggered = trigger(site, home, sink, *replies)
    calls(sink, triggered.path, 1)
    return triggered, holder


@when("a worker is killed while it runs a job", target_fixture="in_hand")
def a_worker_is_killed(site: Site, home: Home, sink: CallbackServer) -> Held:
    triggered, holder = held(site, home, sink, Reply.hang(), Reply())
    killed = site.service.workers[holder]
    killed.kill()
    ended = time.monotonic()
    site.service.workers[1 - holder].resume()
    return Held(triggered, killed, ended)


@then("another one runs it when the lease is over, as the next attempt")
def another_one_runs_it(site: Site, in_hand: Held, home: Home, sink: CallbackServer) -> None:
    path = in_hand.triggered.path
    if len(sink.wait_for(path, 2, LEASE_SECONDS + PATIENCE_SECONDS)) == 1:
        # So long after the lease the other worker runs what is new, and so could run this.
        home.ended(trigger(site, home, sink).job)
        expect(len(sink.received(path)) > 1, expected="another attempt", got=home.job(in_hand.triggered.job))
    first, second, *_ = calls(sink, path, 2)
    took, gap = second.started - in_hand.ended, second.started - first.started
    most = LEASE_SECONDS + 3
    expect(took <= most, expected=f"within {most} s", got=f"{took:.2f} s", timing=True)
    least = LEASE_SECONDS - 0.2
    expect(gap >= least, expected=f"not before {least} s", got=f"{gap:.2f} s")
    job = home.ended(in_hand.triggered.job)
    wanted = ["lost", "succeeded"]
    expect(outcomes_of(job) == wanted, expected=f"attempts: {wanted}", got=attempts_of(job))
    site.service.replace(in_hand.holder)


@when("a destination takes longer than the lease to answer", target_fixture="triggered")
def a_destination_takes_long(site: Site, home: Home, sink: CallbackServer) -> Triggered:
    return trigger(site, home, sink, Reply(delay_seconds=2.5 * LEASE_SECONDS))


@then("it is called once, and the job succeeds")
def it_is_called_once(triggered: Triggered, home: Home, sink: CallbackServer) -> None:
    job = home.ended(triggered.job, 2.5 * LEASE_SECONDS + PATIENCE_SECONDS)
    expect(outcomes_of(job) == ["succeeded"], expected="one attempt, succeeded", got=attempts_of(job))
    count = len(sink.received(triggered.path))
    expect(count == 1, expected="one call", got=count)


@when(
    "a worker stands still beyond its lease, another one does its job, and it goes on",
    target_fixture="in_hand",
)
def a_worker_stands_still(site: Site, home: Home, sink: CallbackServer) -> Held:
    triggered, holder = held(site, home, sink, Reply(500, delay_seconds=0.3), Reply())
    site.service.workers[holder].pause()
    site.service.workers[1 - holder].resume()
    home.ended(triggered.job, LEASE_SECONDS + PATIENCE_SECONDS)
    site.service.workers[holder].resume()
    time.sleep(1.5)  # what it has to say, it says now
    return Held(triggered, site.service.workers[holder], time.monotonic())


@then("the job is as the other one has left it")
def the_job_is_as_the_other_one_has_left_it(in_hand: Held, home: Home, sink: CallbackServer) -> None:
    job = home.job(in_hand.triggered.job)
    expect(job.get("state") == "succeeded", expected="succeeded", got=job)
    wanted = ["lost", "succeeded"]
    expect(outcomes_of(job) == wanted, expected=f"attempts: {wanted}", got=attempts_of(job))
    count = len(sink.received(in_hand.triggered.path))
    expect(count == 2, expected="two calls", got=count)


@dataclass(frozen=True)
class Noise:
    """Many jobs of one organisation, and one of another."""

    quiet: Triggered
    asked: float


@when("it triggers many slow actions, and another organisation triggers one", target_fixture="noise")
def it_triggers_many(site: Site, home: Home, sink: CallbackServer) -> Noise:
    path = f"/{site.draw.uuid()}"
    sink.program(path, Reply(delay_seconds=0.5))
    project = home.project(site.draw.word())
    url = f'{{"destination": "{sink.url(path)}"}}'.encode()
    request = Request(
        "POST",
        f"{home.path}/projects/{project['id']}/actions/publish",
        {"Content-Type": "application/json", **home.person.authorization},
        url,
    )
    for _ in range(MANY // AT_ONCE):
        for answer in site.service.burst([request] * AT_ONCE):
            expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer), timing=True)
    other = site.home()
    site.switch(is_on=True, organisation=other.id)
    quiet = trigger(site, other, sink)
    return Noise(quiet, time.monotonic())


@then("the one starts within two seconds")
def the_one_starts_within_two_seconds(noise: Noise, sink: CallbackServer) -> None:
    (call, *_) = calls(sink, noise.quiet.path, 1, 10)
    took = call.started - noise.asked
    expect(took <= 2.0, expected="within 2 s", got=f"{took:.2f} s", timing=True)


@when("Redis is lost, and then PostgreSQL", target_fixture="answers")
def redis_is_lost(site: Site, home: Home, sink: CallbackServer) -> list[Exchange]:
    loss = site.draw.choice(["cut", "black_hole"])
    project = home.project(site.draw.word())
    url = sink.url(f"/{site.draw.uuid()}")
    getattr(site.service.redis.proxy, loss)()
    without_redis = home.act(project, url)
    site.service.redis.proxy.pass_through()
    getattr(site.service.postgres.proxy, loss)()
    without_postgres = home.act(project, url)
    alive = site.service.client().get("/health")
    site.service.postgres.proxy.pass_through()
    deadline = time.monotonic() + 5
    while (back := home.act(project, url)).status != ACCEPTED and time.monotonic() < deadline:
        time.sleep(0.1)
    home.ended(as_object(back))
    return [without_redis, without_postgres, alive, back]


@then("actions go on without Redis, get 503 without PostgreSQL, and go on when it is back")
def actions_go_on(answers: list[Exchange]) -> None:
    without_redis, without_postgres, alive, back = answers
    expect(without_redis.status == ACCEPTED, expected="202 without Redis", got=describe_answer(without_redis))
    is_problem(without_postgres, 503)
    expect(
        without_postgres.header("retry-after") is not None,
        expected="Retry-After",
        got=without_postgres.headers,
    )
    took = without_postgres.received - without_postgres.sent
    expect(took <= 3.0, expected="an answer within 3 s", got=f"{took:.2f} s", timing=True)
    expect(alive.status == OK, expected="200 from /health", got=describe_answer(alive))
    expect(back.status == ACCEPTED, expected="202 within 5 s", got=describe_answer(back), timing=True)
