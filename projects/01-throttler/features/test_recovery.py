"""Steps of recovery.feature: returns, restarts, stops, and a Redis that forgets."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    TOLERANCE_SECONDS,
    Exchange,
    Inconclusive,
    Request,
    World,
    describe_answer,
    describe_stop,
    expect,
    send_raw,
    wait_until_ready,
)

from .caller import BACK_SECONDS, OK, TOO_MANY, Caller, Throttler, all_succeed, draw_throttler, refused_last
from .counts import at_most_within_the_window, times_to_live
from .fields import fields_are_true, item
from .losses import Loss, lose
from .strangers import UNAVAILABLE, in_time, new_stranger, refused_for_want_of_redis

MODES = ("local", "open", "closed")
# A client library that waits twice as long each time is at several seconds by the end of the longer one.
SHORT_LOSS_SECONDS = 0.3
LONG_LOSS_MILLISECONDS = (3_300, 5_500)
LOG_SECONDS = 5.0
STOP_SECONDS = 10.0
# Of Redis, each way, while the process is told to stop: so long do its requests wait at least.
STOPPING_DELAY_SECONDS = 0.04
WAITING_REQUESTS = 3
# Each way: two commands take longer than one may, and less than a conversation may.
FORGETFUL_DELAY_MILLISECONDS = (16, 20)
LARGEST = {"LIMIT": "1000000", "WINDOW_SECONDS": "86400"}
SMALLEST = {"LIMIT": "1", "WINDOW_SECONDS": "1"}

scenarios("recovery.feature")


@given("a throttler whose failure mode is drawn", target_fixture="throttler")
def a_throttler_whose_failure_mode_is_drawn(world: World) -> Throttler:
    throttler = draw_throttler(world, world.start, FAILURE_MODE=world.draw.choice(MODES))
    throttler.service.redis.proxy.pass_through()
    return throttler


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


@dataclass
class Stop:
    """How a process ended that was told to, and what it answered meanwhile."""

    exit_code: int | None
    asked_at: float
    waiting: list[Exchange]
    late: Exchange


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


@then("a line of the output tells of each")
def a_line_of_the_output_tells_of_each(throttler: Throttler, client: Caller) -> None:
    deadline = time.monotonic() + LOG_SECONDS
    missing = [answer.header("x-request-id") or "" for answer in client.sent]
    while missing and time.monotonic() < deadline:
        output = "\n".join(throttler.service.web.output())
        missing = [request_id for request_id in missing if request_id not in output]
    told = [describe_answer(answer) for answer in client.sent if answer.header("x-request-id") in missing]
    expect(not missing, expected="a line for each request", got=f"none for the {', '.join(told)}")


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
