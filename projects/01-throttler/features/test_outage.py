"""Steps of outage.feature: Redis refused, silent, slow, and back."""

import time
from collections.abc import Callable

from pytest_bdd import given, scenarios, then, when

from kata.steps import describe_answer, expect

from .caller import ANSWER_SECONDS, Caller, Throttler

SLOW_SECONDS = 0.5  # each way: far above the 50 ms within which Redis counts as up
BACK_SECONDS = 2.0
UNAVAILABLE = 503

scenarios("outage.feature")


@given("Redis is down")
def redis_is_down(throttler: Throttler) -> None:
    throttler.service.redis.proxy.cut()


@given("Redis is silent")
def redis_is_silent(throttler: Throttler) -> None:
    throttler.service.redis.proxy.black_hole()


@given("Redis is slow")
def redis_is_slow(throttler: Throttler) -> None:
    throttler.service.redis.proxy.delay(SLOW_SECONDS)


@when("Redis returns")
def redis_returns(throttler: Throttler) -> None:
    throttler.service.redis.proxy.pass_through()


@then("it is alive")
def it_is_alive(throttler: Throttler) -> None:
    answer = throttler.service.client().get("/health")
    expect(
        answer.status == 200,
        expected="200 from /health",
        got=describe_answer(answer),
    )


@then("it is not ready")
def it_is_not_ready(throttler: Throttler) -> None:
    answer = throttler.service.client().get("/ready")
    seconds = answer.received - answer.sent
    expect(
        answer.status == UNAVAILABLE,
        expected="503 from /ready",
        got=describe_answer(answer),
    )
    expect(
        seconds <= ANSWER_SECONDS,
        expected="an answer from /ready within 0.200 s",
        got=f"{seconds:.3f} s",
        timing=True,
    )


@then("within two seconds a new client is counted in Redis")
def within_two_seconds_a_new_client_is_counted_in_redis(
    throttler: Throttler, new_caller: Callable[[], Caller]
) -> None:
    redis = throttler.service.redis.client
    clients = []
    deadline = time.monotonic() + BACK_SECONDS
    while time.monotonic() < deadline:
        clients.append(new_caller())
        clients[-1].send()
        if list(redis.scan_iter(f"rate:{clients[-1].address}:*")):
            return
        time.sleep(0.05)
    expect(
        False,
        expected=f"a key of a new client in Redis, {BACK_SECONDS:.0f} s after its return",
        got=f"none of {len(clients)} clients was counted there",
        timing=True,
    )


@then("it is refused with 503 and a time to wait")
def it_is_refused_with_503_and_a_time_to_wait(client: Caller) -> None:
    answer = client.sent[-1]
    rule = "with FAILURE_MODE=closed a lost Redis answers 503 with Retry-After"
    expect(answer.status == UNAVAILABLE, expected="503", got=describe_answer(answer), rule=rule)
    seconds = answer.header("retry-after")
    expect((seconds or "").isdigit(), expected="Retry-After in whole seconds", got=seconds, rule=rule)
