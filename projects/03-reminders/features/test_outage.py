"""Steps of outage.feature: dependencies that go away, and processes that are killed."""

import json
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    Inconclusive,
    Reply,
    Request,
    World,
    as_object,
    describe_answer,
    expect,
    is_problem,
    rows_in,
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
    statuses_of,
)
from .receiver import Receiver, wait_past

UNAVAILABLE = 503
ANSWER_SECONDS = 3.0
BACK_SECONDS = 5.0
DYING_SECONDS = 1.0
UNKNOWN_ID = "0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60"
FIRES = "what was acknowledged fires, whatever becomes of Redis, of PostgreSQL's connections and of workers"

scenarios("outage.feature")


@given("PostgreSQL goes down amid requests")
def postgresql_goes_down_amid_requests(agenda: Agenda, postgres: FaultProxy) -> None:
    """Lose it while requests are under way: each is answered, and what was acknowledged is kept."""
    bodies = [agenda.body(agenda.far_away(), 7200) for _ in range(6)]
    answers: list[Exchange] = []
    postgres.delay(0.03)
    sender = threading.Thread(
        target=lambda: answers.extend(agenda.burst([create_request(it) for it in bodies]))
    )
    sender.start()
    time.sleep(0.1)
    postgres.cut()
    sender.join()
    for answer in answers:
        got = describe_answer(answer)
        right = answer.status in {CREATED, UNAVAILABLE}
        expect(right, expected="201 or 503", got=got, exchanges=answers, timing=answer.status == 0)


@given("PostgreSQL is silent")
def postgresql_is_silent(agenda: Agenda, postgres: FaultProxy) -> None:
    # Connections that are in use are what a time-out for new ones does not help.
    agenda.burst([Request("GET", REMINDERS)] * 8)
    postgres.black_hole()


@given(
    "reminders that are soon due, some that are being delivered, and one that waits",
    target_fixture="reminders",
)
def reminders_that_are_soon_due(agenda: Agenda, receiver: Receiver) -> list[Reminder]:
    soon_due = [receiver.remind(0.8) for _ in range(5)]
    waiting = receiver.remind(0.0, Reply(500, {"Retry-After": "2"}), Reply())
    receiver.wait_for(waiting, 1, FIRES)
    agenda.wait_for_state(waiting, "scheduled", FIRES)
    slow = [receiver.remind(0.0, Reply(delay_seconds=1.4 * agenda.times.lease_seconds)) for _ in range(3)]
    for reminder in slow:
        receiver.wait_for(reminder, 1, FIRES)
    return [waiting, *slow, *soon_due]


@when("Redis is flushed")
def redis_is_flushed(agenda: Agenda, reminders: list[Reminder]) -> None:
    del reminders  # they are there by now
    agenda.service.redis.client.flushall()


@when("Redis is started again, empty")
def redis_is_started_again_empty(agenda: Agenda, reminders: list[Reminder]) -> None:
    del reminders
    agenda.service.redis.server.restart()


@then("each fires once, and the one that waits once more")
def each_fires_once_and_the_one_that_waits_once_more(
    agenda: Agenda, receiver: Receiver, reminders: list[Reminder]
) -> None:
    waiting, *others = reminders
    receiver.delivered_once(others)
    shown = agenda.wait_for_state(waiting, "delivered", FIRES)
    expect(statuses_of(shown) == [500, 204], expected="500, then 204", got=shown.get("attempts"))


@when("reminders are made while Redis refuses, and while it is silent", target_fixture="reminders")
def reminders_are_made_while_redis_refuses_and_while_it_is_silent(
    receiver: Receiver, redis: FaultProxy
) -> list[Reminder]:
    reminders = []
    for lose in (redis.cut, redis.black_hole):
        lose()
        for _ in range(3):
            reminders.append(receiver.remind(0.5))
            took = reminders[-1].answer.received - reminders[-1].answer.sent
            rule = f"without Redis a reminder is made all the same, within {ANSWER_SECONDS:g} s"
            expect(
                took <= ANSWER_SECONDS, expected="201 in time", got=f"{took:.3f} s", rule=rule, timing=True
            )
        wait_past(reminders[-1].remind_at + timedelta(seconds=0.3))
        redis.pass_through()
    return reminders


@then("it is alive, it is not ready, and it answers 503 within three seconds")
def it_is_alive_it_is_not_ready(agenda: Agenda) -> None:
    rule = f"without PostgreSQL: /health 200, /ready and the API 503, within {ANSWER_SECONDS:g} s"
    body = json.dumps(agenda.body(agenda.far_away(), 7200)).encode()
    kind, place = {"Content-Type": "application/json"}, f"{REMINDERS}/{UNKNOWN_ID}"
    requests = [
        Request("GET", "/health"),
        Request("GET", "/ready"),
        Request("POST", REMINDERS, kind, body),
        Request("POST", REMINDERS, kind | {"Idempotency-Key": "without-postgresql"}, body),
        Request("GET", REMINDERS),
        Request("GET", place),
        Request("PATCH", place, kind | {"If-Match": '"1"'}, b'{"message": "x"}'),
        Request("DELETE", place),
        Request("POST", f"{place}/replay"),
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
        if wanted == UNAVAILABLE and request.path != "/ready":
            is_problem(answer, UNAVAILABLE, rule)


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
    postgres: FaultProxy, reminders: list[Reminder], world: World
) -> None:
    world.draw.choice([postgres.cut, postgres.black_hole, postgres.black_hole])()
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
    "its web process is killed amid a burst of creates, started without Redis, and all are sent again",
    target_fixture="creates",
)
def its_web_process_is_killed_amid_a_burst_of_creates(
    agenda: Agenda, receiver: Receiver, world: World, postgres: FaultProxy, redis: FaultProxy
) -> Creates:
    bodies = [agenda.body(receiver.expects(), 7200) for _ in range(30)]
    requests = [create_request(body, str(world.draw.uuid())) for body in bodies]
    count = world.draw.integer(8, 16)
    first = agenda.burst(requests[:count])
    soon_due = [receiver.remind(DYING_SECONDS) for _ in range(2)]
    # Each answer of PostgreSQL takes its time: at the first commit of the others no commit is told yet, and
    # where a create takes two, no second one is made yet.
    postgres.delay(0.03)
    with agenda.service.postgres.connect() as connection:
        before = rows_in(connection)
        sender = threading.Thread(target=lambda: first.extend(agenda.burst(requests[count:])))
        sender.start()
        while rows_in(connection) == before and sender.is_alive():
            pass
    agenda.kill(agenda.service.web)
    killed = time.monotonic()
    sender.join()
    postgres.pass_through()
    for reminder in soon_due:
        calls = receiver.sink.wait_for(reminder.path, 1, DYING_SECONDS + PATIENCE_SECONDS)
        expect(bool(calls), expected="a call while no web process runs", got="none", rule=FIRES)
        if calls[0].started < killed:
            raise Inconclusive("it fired before the web process was killed")
    with redis.cut():
        agenda.service.release()
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
