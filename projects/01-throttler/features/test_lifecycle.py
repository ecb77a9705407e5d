"""Steps of lifecycle.feature: a stop with requests under way, and a start without Redis."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    TOLERANCE_SECONDS,
    Exchange,
    Inconclusive,
    Instance,
    Request,
    TargetError,
    World,
    describe_answer,
    describe_stop,
    expect,
    send_raw,
    wait_until_ready,
)

from .caller import MODES, OK, TOO_MANY, Caller, Throttler, all_succeed, draw_throttler, refused_last
from .counts import (
    at_most_within_the_window,
    counted_again,
    gets_the_rest_and_no_more,
    is_used_again,
    times_to_live,
)
from .fields import fields_are_true, item
from .lines import lines_of
from .losses import Loss, lose
from .strangers import UNAVAILABLE, in_time, new_stranger, refused_for_want_of_redis

STOP_SECONDS = 10.0
# Of Redis, each way, while the process is told to stop: so long do its requests wait at least.
STOPPING_DELAY_SECONDS = 0.04
WAITING_REQUESTS = 3
# So much later than the others /ready is asked, and told to stop the process is it again.
LATER_SECONDS = 0.03
LARGEST = {"LIMIT": "1000000", "WINDOW_SECONDS": "86400"}
SMALLEST = {"LIMIT": "1", "WINDOW_SECONDS": "1"}
START_SECONDS = 10.0

scenarios("lifecycle.feature")


@dataclass
class Stop:
    """How a process ended that was told to, and what it answered meanwhile."""

    exit_code: int | None
    asked_at: float
    waiting: list[Exchange]
    ready: Exchange
    late: Exchange


@when(
    "it is sent SIGTERM twice while requests wait for a Redis that is slow or silent", target_fixture="stop"
)
def it_is_sent_sigterm_twice_while_requests_wait(world: World, throttler: Throttler) -> Stop:
    """Requests of limited routes wait, and one of /ready that is answered after them."""
    service = throttler.service
    redis, silent = service.redis.proxy, world.draw.choice((True, False))
    if silent:
        redis.black_hole()
    else:
        redis.delay(STOPPING_DELAY_SECONDS)
    clients = [new_stranger(world, throttler)() for _ in range(WAITING_REQUESTS)]
    waiting: list[Exchange] = []
    requests = [Request("GET", one.path, one.headers()) for one in clients]
    before, started = redis.bytes_to_server, time.monotonic()
    sending = [sent_aside(lambda: waiting.extend(service.burst(requests)))]
    time.sleep(LATER_SECONDS)
    ready: list[Exchange] = []
    sending.append(sent_aside(lambda: ready.extend(service.burst([Request("GET", "/ready")]))))
    while redis.bytes_to_server == before and time.monotonic() < started + LATER_SECONDS * (
        2 if silent else 30
    ):
        time.sleep(0.002)
    exit_codes: list[int | None] = []
    asked_at = time.monotonic()
    stopping = []
    for _ in range(2):
        stopping.append(sent_aside(lambda: exit_codes.append(service.web.terminate(STOP_SECONDS))))
        time.sleep(LATER_SECONDS / 2)
    for thread in sending:
        thread.join()
    world.sleep_until(asked_at + 1.0)
    late = send_raw(service.urls[0], b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for thread in stopping:
        thread.join()
    return Stop(exit_codes[0], asked_at, waiting, ready[0], late)


def sent_aside(send: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=send)
    thread.start()
    return thread


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
    if stop.ready.sent > stop.asked_at:
        raise Inconclusive("/ready was not asked yet when the process was told to stop")
    expect(
        stop.ready.status in {OK, UNAVAILABLE},
        expected="200 or 503 from /ready, which was under way at SIGTERM",
        got=describe_answer(stop.ready),
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
    lines_of(throttler.service, client.sent)


@given(
    "a throttler of its own with the largest settings, whose failure mode is drawn",
    target_fixture="throttler",
)
def a_throttler_of_its_own_with_the_largest_settings(world: World) -> Throttler:
    mode = world.draw.choice(MODES)
    return draw_throttler(world, world.start_alone, **LARGEST, FAILURE_MODE=mode)


@given(
    "a client that has sent some requests, and one who has nearly used up its budget", target_fixture="client"
)
def a_client_that_has_sent_some_requests(world: World, new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    client.send_many(world.draw.integer(2, 6))
    all_succeed(client)
    fields_are_true(client)
    gets_the_rest_and_no_more(new_caller(), world.draw.integer(1, 3))
    return client


@when("the web process is killed")
def the_web_process_is_killed(throttler: Throttler) -> None:
    throttler.service.web.kill()


@then(
    "in whichever way Redis is lost, it starts with the smallest settings, answers by its failure mode, and"
    " uses Redis within two seconds of its return",
    target_fixture="throttler",
)
def it_starts_in_whichever_way_redis_is_lost(world: World, throttler: Throttler) -> Throttler:
    """Start it once for each way: for a silent Redis many wait without end."""
    service = throttler.service
    smallest = replace(throttler, limit=1, window_seconds=1)
    refused = world.draw.choice((Loss.REFUSES, Loss.BREAKS_OFF))
    for loss in world.draw.shuffle((refused, Loss.SILENT, Loss.SLOW)):
        lose(service.redis.proxy, loss, world.draw)
        starts(service.start_web_again(SMALLEST), loss)
        answers_by_its_failure_mode(world, smallest, loss)
        service.redis.proxy.pass_through()
        is_used_again(counted_again(smallest, world), f"after a start during which {loss}")
    client = new_stranger(world, smallest)()
    client.send_many(2)
    refused_last(client)
    return smallest


def starts(web: Instance, loss: Loss) -> None:
    try:
        wait_until_ready(web, path="/health", timeout_seconds=START_SECONDS)
    except TargetError as error:
        expect(
            False,
            expected=f"200 from /health after a start during which Redis is lost: {loss}",
            got=str(error),
            rule="a service whose Redis is away at the start starts all the same",
            timing=web.alive,
        )


def answers_by_its_failure_mode(world: World, throttler: Throttler, loss: Loss) -> None:
    rule = f"a service whose Redis is away at the start ({loss}) does what FAILURE_MODE={throttler.mode} says"
    ready = throttler.service.client().get("/ready")
    expect(ready.status == UNAVAILABLE, expected="503 from /ready", got=describe_answer(ready), rule=rule)
    client = new_stranger(world, throttler)()
    client.send_many(2)
    in_time(client.sent)
    if throttler.mode == "local":
        refused_last(client, in_redis=False)
    for answer in client.sent:
        if throttler.mode == "open":
            expect(answer.status == OK, expected="200", got=describe_answer(answer), rule=rule)
        elif throttler.mode == "closed":
            refused_for_want_of_redis(answer)


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
