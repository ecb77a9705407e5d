"""Steps of outage.feature: PostgreSQL that goes away, and a process that does."""

import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    Exchange,
    FaultProxy,
    Request,
    World,
    describe_answer,
    expect,
    is_problem,
    rows_in,
    wait_until_ready,
)

from .desk import (
    ACCEPTED,
    OK,
    UNAVAILABLE,
    Desk,
    accepted,
    objects,
    whole_seconds,
)
from .sender import Source

ANSWER_SECONDS = 5.0
BACK_SECONDS = 5.0
BURST = 24
UNKNOWN_ID = "0192f3a0-7c5e-7d11-9a3b-5f2e8c1d4b60"
UNLOGGED = "SELECT relname FROM pg_class WHERE relpersistence = 'u'"
AWAY_SECONDS = 1.5

scenarios("outage.feature")


@dataclass(frozen=True)
class Amid:
    """What was sent while PostgreSQL went away."""

    source: Source
    ids: list[str]
    answers: list[Exchange]


@when("PostgreSQL goes down amid deliveries", target_fixture="amid")
def postgresql_goes_down_amid_deliveries(service: Desk, postgres: FaultProxy) -> Amid:
    source = service.with_key()
    ids = [service.message_id() for _ in range(12)]
    requests = service.deliveries(source, ids)
    answers: list[Exchange] = []
    postgres.delay(0.03)
    sender = threading.Thread(target=lambda: answers.extend(service.burst(requests)))
    sender.start()
    time.sleep(0.1)
    postgres.cut()
    sender.join()
    return Amid(source, ids, answers)


@when("PostgreSQL falls silent amid deliveries", target_fixture="amid")
def postgresql_falls_silent_amid_deliveries(service: Desk, postgres: FaultProxy) -> Amid:
    source = service.with_key()
    ids = [service.message_id() for _ in range(12)]
    requests = service.deliveries(source, ids)
    service.burst([service.asked("GET", "/events")] * 8)  # connections that are in use
    postgres.delay(0.03)
    answers: list[Exchange] = []
    sender = threading.Thread(
        target=lambda: answers.extend(service.burst(requests, timeout_seconds=ANSWER_SECONDS + 3))
    )
    sender.start()
    time.sleep(0.1)
    postgres.black_hole()
    sender.join()
    for answer in answers:
        in_time(answer, "a delivery under way")
    return Amid(source, ids, answers)


def in_time(answer: Exchange, what: str) -> None:
    took = answer.received - answer.sent
    got = f"{describe_answer(answer)} for {what} after {took:.3f} s"
    expect(
        answer.status != 0 and took <= ANSWER_SECONDS,
        expected=f"an answer within {ANSWER_SECONDS:g} s",
        got=got,
        timing=True,
    )


@then("it is alive, it is not ready, and all else answers 503 with Retry-After within five seconds")
def it_is_alive_it_is_not_ready(service: Desk, amid: Amid) -> None:
    requests = [
        Request("GET", "/health"),
        Request("GET", "/ready"),
        *service.deliveries(amid.source, [service.message_id() for _ in range(3)]),
        service.asked("GET", "/sources"),
        service.asked("GET", f"/sources/{amid.source.name}"),
        service.asked("GET", "/events"),
        service.asked("GET", f"/events/{UNKNOWN_ID}"),
        service.asked("POST", f"/events/{UNKNOWN_ID}/replay"),
        service.asked("GET", "/quarantine"),
        service.asked("GET", f"/quarantine?source={amid.source.name}"),
        service.asked("GET", f"/events?source={amid.source.name}&state=dead"),
        service.asked("GET", f"/events/{UNKNOWN_ID}/payload"),
        service.asked("GET", f"/events/{UNKNOWN_ID}/conflicts"),
        service.asked("POST", "/quarantine/reverify", json.dumps({"source": amid.source.name}).encode()),
        service.asked("POST", f"/sources/{amid.source.name}/secrets", b"{}"),
        service.asked("POST", "/replays", b'{"source": "nobody"}'),
        service.asked("PATCH", f"/sources/{amid.source.name}", b'{"state": "active"}'),
    ]
    answers = service.burst(requests, timeout_seconds=ANSWER_SECONDS + 5)
    for request, answer in zip(requests, answers, strict=True):
        what = f"{request.method} {request.path}"
        in_time(answer, what)
        wanted = OK if request.path == "/health" else UNAVAILABLE
        expect(answer.status == wanted, expected=f"{wanted} for {what}", got=describe_answer(answer))
        if wanted == UNAVAILABLE and request.path != "/ready":
            is_problem(answer, UNAVAILABLE)
            whole_seconds(answer, 60)


@then("it takes deliveries within five seconds of PostgreSQL's return")
def it_takes_deliveries_within_five_seconds(service: Desk, postgres: FaultProxy, amid: Amid) -> None:
    postgres.pass_through()
    works_again(service, amid.source)
    settled(service, amid.source, amid.ids, amid.answers)


def works_again(service: Desk, source: Source) -> None:
    """Demand that it is ready, takes a delivery, and forwards it, within five seconds from now."""
    returned, back = time.monotonic(), datetime.now(UTC)
    answers: list[Exchange] = []
    while not answers or (not_back(answers) and time.monotonic() < returned + BACK_SECONDS):
        answers = [
            service.http.get("/ready"),
            *service.burst(service.deliveries(source, [service.message_id()])),
        ]
        time.sleep(0.05)
    got = ", ".join(map(describe_answer, answers))
    expect(not not_back(answers), expected="200 from /ready, and 202", got=got, timing=True)
    forwarded = service.wait_for_state(accepted(answers[1]), "forwarded", BACK_SECONDS + ANSWER_SECONDS)
    first = objects(forwarded.get("attempts"), "attempts")[0]
    moments = (datetime.fromisoformat(str(first.get(name))) for name in ("started_at", "finished_at"))
    expect(
        min(moments) <= back + timedelta(seconds=BACK_SECONDS),
        expected=f"an attempt within {BACK_SECONDS:g} s",
        got=first,
        timing=True,
    )


def not_back(answers: list[Exchange]) -> bool:
    return [answer.status for answer in answers] != [OK, ACCEPTED]


def settled(service: Desk, source: Source, ids: list[str], answers: list[Exchange]) -> None:
    """Send all again, and demand that what was acknowledged is known, and all else known or new."""
    for answer in answers:
        right = answer.status in {ACCEPTED, UNAVAILABLE, 0}
        expect(right, expected="202 or 503", got=describe_answer(answer), exchanges=answers)
    again = [service.burst([request])[0] for request in service.deliveries(source, ids)]
    for message_id, before, after in zip(ids, answers, again, strict=True):
        got = f"{describe_answer(after)} for what had got {describe_answer(before)}"
        wanted = {OK} if before.status == ACCEPTED else {OK, ACCEPTED}
        expect(after.status in wanted, expected=f"one of {sorted(wanted)}", got=got, answer=after)
        if before.status == ACCEPTED:
            first, second = accepted(before), accepted(after, OK, "duplicate")
            expect(first == second, expected=f"{first} for {message_id}", got=second, answer=after)
    keys = [event.get("key") for event in service.listed(100, source=source.name)]
    for message_id in ids:
        expect(keys.count(message_id) == 1, expected="one event of each id", got=keys.count(message_id))


@when("the connection to PostgreSQL is lost at each point of a delivery", target_fixture="amid")
def the_connection_is_lost_at_each_point(service: Desk, postgres: FaultProxy) -> Amid:
    source = service.with_key()
    for worker in service.service.workers:
        worker.pause()  # a lost claim would use an attempt up
    points = [0, *(230 * number + service.draw.integer(0, 229) for number in range(14))]
    ids, answers = [], []
    for point in points:
        ids.append(service.message_id())
        service.burst([service.asked("GET", "/events")] * 2)
        with postgres.reset_after(point):
            answers += service.burst(service.deliveries(source, ids[-1:]))
    for worker in service.service.workers:
        worker.resume()
    return Amid(source, ids, answers)


@then("each gets 503 or is kept, and sent again it is known or new, and forwarded once")
@then("all that were acknowledged were kept, and each is forwarded once")
def each_gets_503_or_is_kept(service: Desk, amid: Amid) -> None:
    settled(service, amid.source, amid.ids, amid.answers)
    with service.service.postgres.connect() as connection:
        unlogged = [str(name) for (name,) in connection.execute(UNLOGGED)]
    rule = "what was acknowledged survives a crash of PostgreSQL, too: no table is UNLOGGED"
    expect(not unlogged, expected="only tables that are logged", got=unlogged, rule=rule)
    for event in service.listed(100, source=amid.source.name):
        service.wait_for_state(str(event["id"]), "forwarded")
    service.deliver(amid.source)
    calls = service.calls(amid.source, len(amid.ids) + 1)
    heard = [call.header("webhook-id") for call in calls]
    for message_id in amid.ids:
        expect(heard.count(message_id) == 1, expected="one call for each", got=heard.count(message_id))


@when("the web process is killed amid a burst of deliveries, and all are sent again", target_fixture="amid")
def the_web_process_is_killed_amid_a_burst(service: Desk, postgres: FaultProxy) -> Amid:
    source = service.with_key()
    ids = [service.message_id() for _ in range(BURST)]
    requests = service.deliveries(source, ids)
    early = service.draw.integer(3, 6)
    answers = service.burst(requests[:early])
    for worker in service.service.workers:
        worker.pause()
    # Each answer of PostgreSQL takes its time: at the first commit of the others no commit is told yet.
    postgres.delay(0.03)
    with service.service.postgres.connect() as connection:
        before = rows_in(connection)
        sender = threading.Thread(target=lambda: answers.extend(service.burst(requests[early:])))
        sender.start()
        if service.draw.choice([True, False]):
            while rows_in(connection) == before and sender.is_alive():
                pass
        else:
            time.sleep(service.draw.integer(20, 120) / 1000)
    service.kill(service.service.web)
    sender.join()
    postgres.pass_through()
    for worker in service.service.workers:
        worker.resume()
    service.service.web.restart()
    wait_until_ready(service.service.web)
    return Amid(source, ids, answers)


@given("a webhook service with a PostgreSQL of its own", target_fixture="service")
def a_webhook_service_with_a_postgresql_of_its_own(world: World, desk: Desk) -> Desk:
    own = world.start_alone(desk.times.environment(), workers=1, postgres_alone=True)
    return Desk(own, desk.sink, world.draw, desk.times)


@when(
    "PostgreSQL is killed behind a burst of deliveries, and all processes start while it is away",
    target_fixture="amid",
)
def postgresql_is_killed_behind_a_burst(service: Desk) -> Amid:
    source = service.with_key()
    ids = [service.message_id() for _ in range(BURST)]
    service.service.workers[0].pause()  # else an event is forwarded, and that is lost with the server
    answers = service.burst(service.deliveries(source, ids))
    service.service.postgres.server.kill()
    for instance in (service.service.web, *service.service.workers):
        instance.kill()
        instance.restart()
    return Amid(source, ids, answers)


@then("they are alive, and take deliveries within five seconds of PostgreSQL's return")
def they_are_alive_and_take_deliveries(service: Desk, amid: Amid) -> None:
    wait_until_ready(service.service.web, "/health")
    time.sleep(AWAY_SECONDS)
    for instance in (service.service.web, *service.service.workers):
        expect(instance.alive, expected=f"{instance.name} alive without PostgreSQL", got="it has ended")
    service.service.postgres.server.start()
    works_again(service, amid.source)
