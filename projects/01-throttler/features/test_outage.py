"""Steps of outage.feature: Redis lost in every way, away at the start, forgetful, and back."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from kata.steps import (
    TOLERANCE_SECONDS,
    Exchange,
    Inconclusive,
    Request,
    World,
    describe_answer,
    describe_stop,
    expect,
    is_problem,
    send_raw,
    wait_until_ready,
)

from .caller import (
    ANSWER_SECONDS,
    BACK_SECONDS,
    ECHO,
    LONGEST_WORD,
    OK,
    PING,
    ROUTES,
    TOO_MANY,
    UP_SECONDS,
    Caller,
    Throttler,
    all_succeed,
    draw_throttler,
    refused,
    refused_last,
)
from .counts import at_most_within_the_window, redis_is_asked, times_to_live
from .fields import fields_are_true, item, no_fields, promised_headers
from .losses import Loss, lose, lose_at_a_moment

UNAVAILABLE = 503
MODES = ("local", "open", "closed")
# A client library that waits twice as long each time is at several seconds by the end of the longer one.
SHORT_LOSS_SECONDS = 0.3
LONG_LOSS_MILLISECONDS = (3_300, 5_500)
LOG_SECONDS = 5.0
STOP_SECONDS = 10.0
# Of Redis, each way, while the process is told to stop: so long do its requests wait at least.
STOPPING_DELAY_SECONDS = 0.04
WAITING_REQUESTS = 3
CLIENTS_TRIED = 5
# Each way: two commands take longer than one may, and less than a conversation may.
FORGETFUL_DELAY_MILLISECONDS = (16, 20)
# More clients than one would keep in a small table.
OTHERS = (110, 150)

LARGEST = {"LIMIT": "1000000", "WINDOW_SECONDS": "86400"}
SMALLEST = {"LIMIT": "1", "WINDOW_SECONDS": "1"}

scenarios("outage.feature")


@given("a throttler whose failure mode is drawn", target_fixture="throttler")
def a_throttler_whose_failure_mode_is_drawn(world: World) -> Throttler:
    throttler = draw_throttler(world, world.start, FAILURE_MODE=world.draw.choice(MODES))
    throttler.service.redis.proxy.pass_through()
    return throttler


@given("a client that has used up its budget in Redis", target_fixture="client")
def a_client_that_has_used_up_its_budget_in_redis(new_caller: Callable[[], Caller]) -> Caller:
    """Take another one if the process may have counted some of its requests by itself.

    A process that was slow to hear from Redis, for this client or the one before, does so for a moment. Then
    Redis lets one more through.
    """
    for _ in range(CLIENTS_TRIED):
        client = new_caller()
        client.send_many(client.throttler.limit)
        in_redis_alone = bool(client.redis_keys()) and client.send().status == TOO_MANY
        if in_redis_alone and all(answer.received - answer.sent <= UP_SECONDS for answer in client.sent):
            client.sent.pop()
            all_succeed(client)
            return client
    raise Inconclusive(
        f"of {CLIENTS_TRIED} clients none was counted in Redis alone, with each answer within {UP_SECONDS} s"
    )


@pytest.fixture
def under_way() -> list[Exchange]:
    """Nothing, unless Redis was lost while requests were."""
    return []


@when(parsers.re("Redis is lost, (?P<how>down|silent|slow)"), target_fixture="under_way")
def redis_is_lost(world: World, throttler: Throttler, client: Caller, how: str) -> list[Exchange]:
    down = world.draw.choice((Loss.REFUSES, Loss.BREAKS_OFF))
    loss = {"down": down, "silent": Loss.SILENT, "slow": Loss.SLOW}[how]
    client.opened_in_redis = client.opened
    del client.sent[:]
    return list(lose_at_a_moment(throttler, loss, world.draw, new_stranger(world, throttler)))


@then("each answer came within 200 ms")
def each_answer_came_within_200_ms(client: Caller, under_way: list[Exchange]) -> None:
    in_time([*under_way, *client.sent])


def in_time(answers: Sequence[Exchange]) -> None:
    if not answers:
        return
    slowest = max(answers, key=lambda exchange: exchange.received - exchange.sent)
    seconds = slowest.received - slowest.sent
    expect(
        seconds <= ANSWER_SECONDS,
        expected="every answer within 0.200 s",
        got=f"{describe_answer(slowest)} after {seconds:.3f} s",
        rule="with Redis lost, slow or silent, an answer still comes within 200 ms",
        timing=True,
    )


@then("only the last of them is refused by the process")
def only_the_last_of_them_is_refused_by_the_process(client: Caller, under_way: list[Exchange]) -> None:
    refused_last(client, in_redis=False)
    fields_are_true(client, in_redis=False)
    for answer in under_way:
        expect(answer.status == OK, expected="200 for a first request", got=describe_answer(answer))


@then("its other route, and other clients, have budgets of their own")
def its_other_route_and_other_clients_have_budgets_of_their_own(
    client: Caller, throttler: Throttler, world: World
) -> None:
    others = [
        Caller(throttler, address(), world.draw, client.route)
        for address in (world.draw.address_v4, world.draw.address_v6, world.draw.address_v6)
    ]
    for one in (replace(client, route=client.other_route, sent=[]), *others):
        one.send_many(throttler.limit + 1)
        refused_last(one, in_redis=False)
    for method, path, status in asked_otherwise(world):
        one = new_stranger(world, throttler)()
        one.send(path, method=method)
        expected(status, one.sent[0])
        fields_are_true(one, in_redis=False)


def asked_otherwise(world: World) -> list[tuple[str, str, int]]:
    """Return other requests that reach a limited route, and what they get of it."""
    return [
        ("GET", f"{PING}?{world.draw.word()}=1", 400),
        ("GET", f"{ECHO}/{world.draw.text(LONGEST_WORD + 1)}", 422),
        ("HEAD", f"{ECHO}/{world.draw.word()}", OK),
    ]


def expected(status: int, answer: Exchange) -> None:
    """Demand the status, of a problem where it is an error."""
    if status >= 400 and not answer.asked.startswith("HEAD"):
        is_problem(answer, status)
    expect(answer.status == status, expected=f"{status} for {answer.asked}", got=describe_answer(answer))


@then("the process remembers it, however many others ask")
def the_process_remembers_it(world: World, client: Caller, throttler: Throttler) -> None:
    connection, keep = (
        throttler.service.client(),
        {"Connection": "keep-alive"},
    )  # one for all, as proxies have
    for one in (new_stranger(world, throttler)() for _ in range(world.draw.integer(*OTHERS))):
        connection.get(one.path, headers=one.headers() | keep)
    client.sent.append(connection.get(client.path, headers=client.headers() | keep))
    refused(client, in_redis=False)


@then("after the window the process lets it in again, as often as the limit")
def after_the_window_the_process_lets_it_in_again(world: World, client: Caller) -> None:
    world.sleep_until(client.window_is_over)
    again = replace(client, sent=[])
    again.send_many(client.throttler.limit + 1)
    refused_last(again, in_redis=False)


@then("when Redis is back it knows what the client has used there")
def when_redis_is_back_it_knows_what_the_client_has_used(
    world: World, client: Caller, throttler: Throttler
) -> None:
    throttler.service.redis.proxy.pass_through()
    redis_is_asked(throttler, world.draw, needed=True)
    answer = client.http.get(client.path, headers=client.headers())
    if answer.status != TOO_MANY:
        window = replace(client, sent=[it for it in (client.opened_in_redis, answer) if it])
        window.within_window()
        window.in_doubt()
    expect(
        answer.status == TOO_MANY,
        expected="429 for a client that had used up its budget in Redis before it was lost for a moment",
        got=describe_answer(answer),
    )


@then("a loss that follows does not open its window in the process anew")
def a_loss_that_follows_does_not_open_its_window_anew(
    world: World, client: Caller, throttler: Throttler
) -> None:
    lose(throttler.service.redis.proxy, world.draw.choice(list(Loss)), world.draw)
    answer = client.send()
    if answer.status != TOO_MANY:
        client.within_window()
    expect(
        answer.status == TOO_MANY,
        expected="429 in a window that the process opened in the loss before",
        got=describe_answer(answer),
        exchanges=client.sent,
    )


@when("Redis is lost in every way, one after another", target_fixture="looks")
def redis_is_lost_in_every_way(
    world: World, throttler: Throttler
) -> list[tuple[Loss, Exchange, Exchange, float]]:
    client, found = throttler.service.client(), []
    redis_is_asked(throttler, world.draw)
    for loss in world.draw.shuffle(Loss):
        lose(throttler.service.redis.proxy, loss, world.draw)
        new_stranger(world, throttler)().send()  # by which some notice it
        ready, health = client.get("/ready"), client.get("/health")
        for path in ("/metrics", "/docs", "/openapi.json"):
            answer = client.get(path)
            expect(answer.status == OK, expected=f"200 from {path} while {loss}", got=describe_answer(answer))
        throttler.service.redis.proxy.pass_through()
        returned = time.monotonic()
        while client.get("/ready").status != OK and time.monotonic() < returned + BACK_SECONDS:
            time.sleep(0.03)
        found.append((loss, health, ready, time.monotonic() - returned))
    return found


@then("each time it is alive, and not ready, and ready again when Redis is back")
def each_time_it_is_alive_and_not_ready(looks: list[tuple[Loss, Exchange, Exchange, float]]) -> None:
    for loss, health, ready, seconds in looks:
        where = f"while {loss}"
        expect(health.status == OK, expected=f"200 from /health {where}", got=describe_answer(health))
        expect(ready.status == UNAVAILABLE, expected=f"503 from /ready {where}", got=describe_answer(ready))
        in_time([health, ready])
        promised_headers([health, ready])
        expect(
            seconds <= BACK_SECONDS,
            expected="200 from /ready within 2 s",
            got=f"{seconds:.1f} s",
            timing=True,
        )


@when("Redis is lost for a while, is asked for all the time, and returns, twice", target_fixture="returns")
def redis_is_lost_for_a_while_and_returns_twice(world: World, throttler: Throttler) -> list[bool]:
    draw, proxy, found = world.draw, throttler.service.redis.proxy, []
    for seconds in draw.shuffle((SHORT_LOSS_SECONDS, draw.integer(*LONG_LOSS_MILLISECONDS) / 1000)):
        lose(proxy, draw.choice(list(Loss)), draw)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            new_stranger(world, throttler)().send()
            time.sleep(0.05)
        proxy.pass_through()
        found.append(counted_again(throttler, world))
    return found


def counted_again(throttler: Throttler, world: World) -> bool:
    """Tell whether new clients are counted in Redis within two seconds from now."""
    deadline = time.monotonic() + BACK_SECONDS
    while time.monotonic() < deadline:
        one = new_stranger(world, throttler)()
        one.send()
        if one.redis_keys():
            return True
        time.sleep(0.05)
    return False


@then("each time a new client was counted in Redis within two seconds")
def each_time_a_new_client_was_counted_in_redis(returns: list[bool]) -> None:
    is_used_again(all(returns), "the first time" if returns and not returns[0] else "the second time")


def is_used_again(again: bool, when_lost: str) -> None:
    expect(
        again,
        expected=f"a key of a new client in Redis, {BACK_SECONDS:.0f} s after its return",
        got=f"no client was counted there, {when_lost}",
        timing=True,
    )


@when(
    "Redis is lost in every way, one after another, and a client sends one more than the limit each time",
    target_fixture="client",
)
def redis_is_lost_in_every_way_and_a_client_sends(
    world: World, throttler: Throttler, new_caller: Callable[[], Caller]
) -> Caller:
    collected = new_caller()
    for loss in world.draw.shuffle(Loss):
        redis_is_asked(throttler, world.draw, needed=True)
        in_time(lose_at_a_moment(throttler, loss, world.draw, new_stranger(world, throttler)))
        one = new_stranger(world, throttler)()
        one.send_many(throttler.limit + 1)
        one.route = one.other_route
        one.send_many(2)
        for method, path, status in asked_otherwise(world):
            one.send(path, method=method)
            expected(UNAVAILABLE if throttler.mode == "closed" else status, one.sent[-1])
            if throttler.mode == "open" and status != OK:
                no_fields([one.sent.pop()])
        for method, path, status in (("GET", f"/{world.draw.word()}", 404), ("POST", one.path, 405)):
            expected(status, one.http.request(method, path, headers=one.headers()))
        collected.sent += one.sent
        throttler.service.redis.proxy.pass_through()
    return collected


def new_stranger(world: World, throttler: Throttler) -> Callable[[], Caller]:
    """Make clients while Redis may be lost."""
    draw = world.draw
    return lambda: Caller(
        throttler, draw.choice((draw.address_v4, draw.address_v6))(), draw, draw.choice(ROUTES)
    )


@then("none of them tells a budget")
def none_of_them_tells_a_budget(client: Caller) -> None:
    no_fields(client.sent)


@then("all of them are refused with 503 and a time to wait")
def all_of_them_are_refused_with_503_and_a_time_to_wait(client: Caller) -> None:
    promised_headers(client.sent)
    for answer in client.sent:
        refused_for_want_of_redis(answer)


def refused_for_want_of_redis(answer: Exchange) -> None:
    rule = "with FAILURE_MODE=closed a lost Redis answers 503 with Retry-After"
    expected(UNAVAILABLE, answer)
    seconds = answer.header("retry-after") or ""
    expect(
        re.fullmatch("[0-9]+", seconds) is not None,
        expected="Retry-After in whole seconds",
        got=seconds,
        rule=rule,
    )


@dataclass
class Stop:
    """How a process ended that was told to, and what it answered meanwhile."""

    exit_code: int | None
    asked_at: float
    waiting: list[Exchange]
    late: Exchange


@then("a line of the output tells of each")
def a_line_of_the_output_tells_of_each(throttler: Throttler, client: Caller) -> None:
    deadline = time.monotonic() + LOG_SECONDS
    missing = [answer.header("x-request-id") or "" for answer in client.sent]
    while missing and time.monotonic() < deadline:
        output = "\n".join(throttler.service.web.output())
        missing = [request_id for request_id in missing if request_id not in output]
    told = [describe_answer(answer) for answer in client.sent if answer.header("x-request-id") in missing]
    expect(not missing, expected="a line for each request", got=f"none for the {', '.join(told)}")


@when("it is sent SIGTERM while requests wait for a Redis that is slow or silent", target_fixture="stop")
def it_is_sent_sigterm_while_requests_wait(world: World, throttler: Throttler) -> Stop:
    service, draw = throttler.service, world.draw
    redis = service.redis.proxy
    silent = draw.choice((True, False))
    if silent:
        redis.black_hole()
    else:
        redis.delay(STOPPING_DELAY_SECONDS)
    clients = [new_stranger(world, throttler)() for _ in range(WAITING_REQUESTS)]
    requests = [Request("GET", one.path, one.headers()) for one in clients]
    waiting: list[Exchange] = []
    sending = threading.Thread(target=lambda: waiting.extend(service.burst(requests)))
    before, started = redis.bytes_to_server, time.monotonic()
    sending.start()
    while redis.bytes_to_server == before and time.monotonic() < started + (0.03 if silent else 1.0):
        time.sleep(0.002)
    exit_codes: list[int | None] = []
    asked_at = time.monotonic()
    stopping = threading.Thread(target=lambda: exit_codes.append(service.web.terminate(STOP_SECONDS)))
    stopping.start()
    sending.join()
    world.sleep_until(asked_at + 1.0)
    late = send_raw(service.urls[0], b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    stopping.join()
    return Stop(exit_codes[0], asked_at, waiting, late)


@then("each of them is answered")
def each_of_them_is_answered(stop: Stop) -> None:
    for answer in stop.waiting:
        if answer.sent > stop.asked_at or (answer.status and answer.received < stop.asked_at):
            raise Inconclusive("a request was not under way when the process was told to stop")
        expect(
            answer.status == OK,
            expected="200 for a request that was under way at SIGTERM",
            got=describe_answer(answer),
            timing=True,
        )


@then("a second later nobody else is")
def a_second_later_nobody_else_is(stop: Stop) -> None:
    expect(
        stop.late.status == 0,
        expected="no answer to a connection that is opened a second after SIGTERM",
        got=describe_answer(stop.late),
        timing=True,
    )


@then("it has ended in order")
def it_has_ended_in_order(stop: Stop) -> None:
    expect(
        stop.exit_code == 0,
        expected=f"exit code 0 within {STOP_SECONDS:.0f} s of SIGTERM",
        got=describe_stop(stop.exit_code),
    )


@given(
    "a throttler of its own with the largest settings, whose failure mode is drawn",
    target_fixture="throttler",
)
def a_throttler_of_its_own_with_the_largest_settings(world: World) -> Throttler:
    mode = world.draw.choice(MODES)
    return draw_throttler(world, world.start_alone, **LARGEST, FAILURE_MODE=mode)


@given("a client that has sent some requests", target_fixture="client")
def a_client_that_has_sent_some_requests(world: World, new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.send_many(world.draw.integer(2, 6))
    all_succeed(client)
    fields_are_true(client)
    return client


@when(
    "Redis is lost, and the web process is killed and started again with the smallest settings",
    target_fixture="throttler",
)
def redis_is_lost_and_the_web_process_is_started_again(world: World, throttler: Throttler) -> Throttler:
    throttler.service.web.kill()
    # A server that is silent at the start is what programs wait for without end.
    lose(
        throttler.service.redis.proxy,
        world.draw.choice((Loss.SILENT, world.draw.choice(list(Loss)))),
        world.draw,
    )
    wait_until_ready(throttler.service.start_web_again(SMALLEST), path="/health")
    return replace(throttler, limit=1, window_seconds=1)


@then("it is alive and not ready, and another client gets what the failure mode says")
def it_is_alive_and_not_ready_and_a_client_gets(world: World, throttler: Throttler) -> None:
    ready = throttler.service.client().get("/ready")
    expect(ready.status == UNAVAILABLE, expected="503 from /ready", got=describe_answer(ready))
    client = new_stranger(world, throttler)()
    client.send_many(2)
    in_time(client.sent)
    mode = throttler.mode
    if mode == "local":
        refused_last(client, in_redis=False)
    for answer in client.sent:
        if mode == "open":
            expect(answer.status == OK, expected="200 with FAILURE_MODE=open", got=describe_answer(answer))
        elif mode == "closed":
            refused_for_want_of_redis(answer)


@then("when Redis returns it is used within two seconds")
def when_redis_returns_it_is_used_within_two_seconds(world: World, throttler: Throttler) -> None:
    throttler.service.redis.proxy.pass_through()
    is_used_again(counted_again(throttler, world), "after it had been away at the start")
    client = new_stranger(world, throttler)()
    client.send_many(2)
    refused_last(client)


@then("the client that has used more than the new limit is refused, for the new window at most")
def the_client_that_has_used_more_is_refused(world: World, throttler: Throttler, client: Caller) -> None:
    again = Caller(throttler, client.address, world.draw, client.route, already=len(client.sent))
    answer = again.send()
    if answer.status != TOO_MANY:
        again.in_doubt()
    expect(
        answer.status == TOO_MANY,
        expected=f"429 for a client that has used {again.already}, where the limit is now {throttler.limit}",
        got=describe_answer(answer),
    )
    _, told = item(answer, "ratelimit")
    expect(told.get("r") == "0", expected="r=0", got=f"r={told.get('r')}")
    at_most_within_the_window(again, times_to_live(again))
    world.sleep_until(answer.received + throttler.window_seconds + TOLERANCE_SECONDS)
    del again.sent[:]
    again.send_many(2)
    refused_last(again)


@when(
    "Redis, which takes a while for each command, forgets its scripts in the middle of a client's budget",
    target_fixture="client",
)
def redis_forgets_its_scripts(world: World, new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    redis = client.throttler.service.redis
    client.send()
    redis.proxy.delay(world.draw.integer(*FORGETFUL_DELAY_MILLISECONDS) / 1000)
    redis.client.script_flush()
    client.send()
    redis.proxy.pass_through()
    client.send_many(client.throttler.limit - 1)
    return client


@then("the client's requests go on to count in Redis, exactly")
def the_client_s_requests_go_on_to_count_in_redis_exactly(client: Caller) -> None:
    refused_last(client)
    fields_are_true(client)


@then("when Redis is started anew, empty, it is used within two seconds")
def when_redis_is_started_anew_empty_it_is_used(world: World, throttler: Throttler, client: Caller) -> None:
    server = throttler.service.redis.server
    server.kill()
    server.start()
    is_used_again(counted_again(throttler, world), "after it was started anew")
    again = replace(client, sent=[])
    again.send_many(throttler.limit + 1)
    refused_last(again)
