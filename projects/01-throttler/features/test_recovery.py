"""Steps of recovery.feature: returns after losses of all lengths, and a Redis that forgets."""

import time
from collections.abc import Callable

from pytest_bdd import given, scenarios, then, when

from kata.steps import Request, World, describe_answer, expect

from .caller import MODES, Caller, Throttler, draw_throttler, refused_last
from .counts import counted_again, gets_the_rest_and_no_more, is_used_again
from .fields import fields_are_true
from .losses import MANY, Loss, lose
from .strangers import new_stranger

# More returns than somebody might count.
SHORT_LOSSES = (8, 10)
SHORT_LOSS_SECONDS = 0.3
# A client library that waits twice as long each time is at several seconds by the end of it, and at its most.
LONG_LOSS_SECONDS = 11.0
ASKED_EACH_SECONDS = 0.06
# Of the process, at the end: longer than most verifications take.
AGE_SECONDS = 18.3
SETTLED_SECONDS = 0.3
# Hundredths of the limit's logarithm, and a window that is not waited for.
LIMIT_DIGITS = (270, 600)
LONG_WINDOW_SECONDS = (90, 900)
# Each way: two commands take longer than one may, and less than a conversation may.
FORGETFUL_DELAY_MILLISECONDS = (16, 20)

scenarios("recovery.feature")


@given("a throttler whose failure mode is drawn", target_fixture="throttler")
def a_throttler_whose_failure_mode_is_drawn(world: World) -> Throttler:
    throttler = draw_throttler(world, world.start, FAILURE_MODE=world.draw.choice(MODES))
    throttler.service.redis.proxy.pass_through()
    return throttler


@when(
    "Redis is lost for a moment, is asked for all the time, and returns, again and again",
    target_fixture="returns",
)
def redis_is_lost_for_a_moment_and_returns_again_and_again(world: World, throttler: Throttler) -> list[bool]:
    returns = [True]
    for _ in range(world.draw.integer(*SHORT_LOSSES)):
        returns.append(lost_for(SHORT_LOSS_SECONDS, throttler, world))
        if not returns[-1]:
            break
    return returns[1:]


@when("Redis is lost for eleven seconds, is asked for all the time, and returns", target_fixture="returns")
def redis_is_lost_for_eleven_seconds(world: World, throttler: Throttler) -> list[bool]:
    return [lost_for(LONG_LOSS_SECONDS, throttler, world)]


def lost_for(seconds: float, throttler: Throttler, world: World) -> bool:
    """Lose Redis for so long, and tell whether it is used again in time."""
    connection, proxy = throttler.service.client(), throttler.service.redis.proxy
    lose(proxy, world.draw.choice(list(Loss)), world.draw)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        one = new_stranger(world, throttler)()
        connection.get(one.path, headers=one.headers())
        time.sleep(ASKED_EACH_SECONDS)
    proxy.pass_through()
    return counted_again(throttler, world)


@then("each time a new client was counted in Redis within two seconds")
def each_time_a_new_client_was_counted_in_redis(returns: list[bool]) -> None:
    for number, again in enumerate(returns, start=1):
        is_used_again(again, f"after loss {number}")


@then("a new client was counted in Redis within two seconds")
def a_new_client_was_counted_in_redis(returns: list[bool]) -> None:
    is_used_again(returns[0], f"after a loss of {LONG_LOSS_SECONDS} s")


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


@then("when many were answered at once, and Redis is started anew, empty, the first request is counted there")
def when_redis_is_started_anew_empty_the_first_request_is_counted(world: World, throttler: Throttler) -> None:
    """Each of the many may have left a connection behind, and each of those is dead then."""
    redis = throttler.service.redis
    redis.proxy.delay(FORGETFUL_DELAY_MILLISECONDS[0] / 1000)
    many = [new_stranger(world, throttler)() for _ in range(MANY)]
    throttler.service.burst([Request("GET", one.path, one.headers()) for one in many])
    redis.proxy.pass_through()
    is_used_again(counted_again(throttler, world), "after many requests at once")
    redis.server.kill()
    redis.server.start()
    time.sleep(SETTLED_SECONDS)
    one = new_stranger(world, throttler)()
    answer = one.send()
    if not one.redis_keys():
        one.in_doubt()
    expect(
        bool(one.redis_keys()),
        expected="the first request after the start of an empty Redis counted there",
        got=f"no key of its client; it got {describe_answer(answer)}",
        answer=answer,
        timing=True,
    )


@given("a throttler of its own with a limit of any size", target_fixture="throttler")
def a_throttler_of_its_own_with_a_limit_of_any_size(world: World) -> Throttler:
    """As likely between 500 and 5,000 as between 100,000 and a million."""
    draw = world.draw
    limit = round(10 ** (draw.integer(*LIMIT_DIGITS) / 100))
    window = draw.integer(*LONG_WINDOW_SECONDS)
    return draw_throttler(
        world,
        world.start_alone,
        LIMIT=str(limit),
        WINDOW_SECONDS=str(window),
        FAILURE_MODE=draw.choice(MODES),
    )


@then("when the process has run for a while, one who has nearly used up its budget gets the rest and no more")
def when_the_process_has_run_for_a_while(
    world: World, throttler: Throttler, new_caller: Callable[[], Caller]
) -> None:
    world.sleep_until(throttler.ready_since + AGE_SECONDS)
    gets_the_rest_and_no_more(new_caller(), world.draw.integer(1, 3))
