"""Steps of outage.feature: dependencies that go away, and processes that are killed."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    Reply,
    Request,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    wait_until_ready,
)

from .agenda import (
    CREATED,
    OK,
    PATIENCE_SECONDS,
    REMINDERS,
    Agenda,
    Reminder,
    create_request,
    made,
    soon,
    spelled,
)
from .ledger import rows
from .receiver import Receiver, wait_past

UNAVAILABLE = 503
ANSWER_SECONDS = 3.0
BACK_SECONDS = 5.0
FIRES = "what was acknowledged fires, whatever becomes of Redis, of PostgreSQL's connections and of workers"

scenarios("outage.feature")


@pytest.fixture
def redis(agenda: Agenda) -> Iterator[FaultProxy]:
    """The way to Redis, open again when the check is over."""
    proxy = agenda.service.redis.proxy
    yield proxy
    proxy.pass_through()


@given("Redis is down")
def redis_is_down(redis: FaultProxy) -> None:
    redis.cut()


@given("PostgreSQL is down")
def postgresql_is_down(postgres: FaultProxy) -> None:
    postgres.cut()


@given("PostgreSQL is silent")
def postgresql_is_silent(agenda: Agenda, postgres: FaultProxy) -> None:
    # Connections that are in use are what a time-out for new ones does not help.
    agenda.burst([Request("GET", REMINDERS)] * 8)
    postgres.black_hole()


@given("reminders that are soon due", target_fixture="reminders")
def reminders_that_are_soon_due(receiver: Receiver) -> list[Reminder]:
    return [receiver.remind(0.8) for _ in range(5)]


@when("Redis is flushed")
def redis_is_flushed(agenda: Agenda, reminders: list[Reminder]) -> None:
    del reminders  # they are there by now
    agenda.service.redis.client.flushall()


@when("Redis is started again, empty")
def redis_is_started_again_empty(agenda: Agenda, reminders: list[Reminder]) -> None:
    del reminders
    agenda.service.redis.server.restart()


@when("their time is over, and Redis returns")
def their_time_is_over_and_redis_returns(redis: FaultProxy, reminders: list[Reminder]) -> None:
    wait_past(reminders[-1].remind_at + timedelta(seconds=0.3))
    redis.pass_through()


@then("it is alive, it is not ready, and it answers 503 within three seconds")
def it_is_alive_it_is_not_ready(agenda: Agenda) -> None:
    rule = f"without PostgreSQL: /health 200, /ready and the API 503, within {ANSWER_SECONDS:g} s"
    body = json.dumps(agenda.body(agenda.far_away(), 7200)).encode()
    requests = [
        Request("GET", "/health"),
        Request("GET", "/ready"),
        Request("POST", REMINDERS, {"Content-Type": "application/json"}, body),
        Request("GET", REMINDERS),
    ]
    answers = agenda.burst(requests, timeout_seconds=ANSWER_SECONDS + PATIENCE_SECONDS)
    for request, answer in zip(requests, answers, strict=True):
        wanted = OK if request.path == "/health" else UNAVAILABLE
        got = f"{describe_answer(answer)} from {request.method} {request.path}"
        expect(answer.status == wanted, expected=str(wanted), got=got, rule=rule)
        took = answer.received - answer.sent
        expect(
            took <= ANSWER_SECONDS,
            expected=f"an answer within {ANSWER_SECONDS:g} s",
            got=f"{got} after {took:.3f} s",
            rule=rule,
            timing=True,
        )
    is_problem(answers[2], UNAVAILABLE, rule)


@then("it works again within five seconds of PostgreSQL's return")
def it_works_again_within_five_seconds_of_postgresqls_return(agenda: Agenda, postgres: FaultProxy) -> None:
    postgres.pass_through()
    returned = time.monotonic()
    answers: list[Exchange] = []
    while not answers or (answers[-1].status != CREATED and time.monotonic() < returned + BACK_SECONDS):
        answers = [
            agenda.http.get("/ready"),
            agenda.post(agenda.body(agenda.far_away(), 7200)),
        ]
        time.sleep(0.05)
    statuses = [answer.status for answer in answers]
    expect(
        statuses == [OK, CREATED],
        expected=f"200 from /ready and 201 {BACK_SECONDS:g} s after PostgreSQL's return",
        got=", ".join(map(describe_answer, answers)),
        timing=True,
    )


@given("a reminder that is being delivered, and others that are soon due", target_fixture="reminders")
def a_reminder_that_is_being_delivered(receiver: Receiver) -> list[Reminder]:
    slow = receiver.remind(0.0, Reply(delay_seconds=0.5))
    others = [receiver.remind(0.7) for _ in range(3)]
    receiver.wait_for(slow, 1, FIRES)
    return [slow, *others]


@when("PostgreSQL goes away, and returns when their time is over")
def postgresql_goes_away_and_returns_when_their_time_is_over(
    postgres: FaultProxy, reminders: list[Reminder]
) -> None:
    postgres.cut()
    wait_past(reminders[-1].remind_at + timedelta(seconds=0.3))
    postgres.pass_through()


@then("the workers are the same as before, and all reminders are delivered")
def the_workers_are_the_same_as_before(agenda: Agenda, reminders: list[Reminder]) -> None:
    for reminder in reminders:
        agenda.wait_for_state(reminder, "delivered", FIRES)
    dead = [worker.name for worker in agenda.service.workers if not worker.alive]
    expect(not dead, expected="both workers alive", got=f"{', '.join(dead)} ended")


@dataclass(frozen=True)
class Creates:
    """What was sent to a web process that was killed meanwhile, and sent again to the next one."""

    bodies: list[dict[str, object]]
    first: list[Exchange]
    again: list[Exchange]


@when(
    "its web process is killed amid a burst of creates, started again, and all are sent again",
    target_fixture="creates",
)
def its_web_process_is_killed_amid_a_burst_of_creates(
    agenda: Agenda, receiver: Receiver, world: World, postgres: FaultProxy
) -> Creates:
    bodies = [agenda.body(receiver.expects(), 7200) for _ in range(30)]
    requests = [create_request(body, str(world.draw.uuid())) for body in bodies]
    count = world.draw.integer(8, 16)
    first = agenda.burst(requests[:count])
    # Each answer of PostgreSQL takes its time: at the first commit of the others no commit is told yet, and
    # where a create takes two, no second one is made yet.
    postgres.delay(0.03)
    with agenda.service.postgres.connect() as connection:
        before = rows(connection)
        sender = threading.Thread(target=lambda: first.extend(agenda.burst(requests[count:])))
        sender.start()
        while rows(connection) == before and sender.is_alive():
            pass
    agenda.kill(agenda.service.web)
    sender.join()
    postgres.pass_through()
    agenda.service.web.restart()
    wait_until_ready(agenda.service.web)
    return Creates(bodies, first, [agenda.burst([request])[0] for request in requests])


@then(
    "each reminder exists once, the acknowledged ones as they were acknowledged", target_fixture="reminders"
)
def each_reminder_exists_once(agenda: Agenda, creates: Creates) -> list[Reminder]:
    reminders = [made(body, answer) for body, answer in zip(creates.bodies, creates.again, strict=True)]
    for reminder, answer in zip(reminders, creates.first, strict=True):
        if answer.status == CREATED:
            acknowledged = as_object(answer).get("id")
            expect(acknowledged == reminder.id, expected=str(acknowledged), got=reminder.id)
    found = [item.get("message") for item in agenda.named(reminder.message for reminder in reminders)]
    for reminder in reminders:
        times = found.count(reminder.message)
        expect(times == 1, expected="one reminder in the list", got=f"{times} of it")
    return reminders


@then("some that are brought forward fire once")
def some_that_are_brought_forward_fire_once(
    agenda: Agenda, receiver: Receiver, world: World, reminders: list[Reminder]
) -> None:
    some = world.draw.shuffle(reminders)[:5]
    for reminder in some:
        reminder.remind_at = soon(0.3)
        answer = agenda.revise(reminder, {"remind_at": spelled(reminder.remind_at)})
        expect(answer.status == OK, expected="200", got=describe_answer(answer), rule=FIRES)
    receiver.delivered_once(some, FIRES)
