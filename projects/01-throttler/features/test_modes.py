"""Steps of modes.feature: nobody decides, or nobody is let in."""

from collections.abc import Callable

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import RequestCount, World, expect

from .caller import OK, Caller, Throttler
from .counts import redis_is_asked
from .fields import no_fields, promised_headers
from .losses import Loss, lose_at_a_moment
from .strangers import (
    UNAVAILABLE,
    asked_otherwise,
    expected,
    in_time,
    new_stranger,
    refused_for_want_of_redis,
)

# On the other route, with input that is bad, and where there is no limit.
OTHERWISE_ASKED = 7

scenarios("modes.feature")


@pytest.fixture
def uncounted() -> list[str]:
    """What the metrics did not count."""
    return []


@when(
    "Redis is lost in every way, one after another, and a client sends one more than the limit each time",
    target_fixture="client",
)
def redis_is_lost_in_every_way_and_a_client_sends(
    world: World, throttler: Throttler, new_caller: Callable[[], Caller], uncounted: list[str]
) -> Caller:
    collected, looker = new_caller(), throttler.service.client()
    for loss in world.draw.shuffle(Loss):
        redis_is_asked(throttler, world.draw, needed=True)
        in_time(lose_at_a_moment(throttler, loss, world.draw, new_stranger(world, throttler)))
        one, count = new_stranger(world, throttler)(), RequestCount(lambda: looker.get("/metrics"))
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
        if not count.has_grown_by(asked := throttler.limit + 1 + OTHERWISE_ASKED):
            uncounted.append(f"{asked} while {loss}")
        collected.sent += one.sent
        throttler.service.redis.proxy.pass_through()
    return collected


@then("none of them tells a budget")
def none_of_them_tells_a_budget(client: Caller) -> None:
    no_fields(client.sent)


@then("all of them are refused with 503 and a time to wait")
def all_of_them_are_refused_with_503_and_a_time_to_wait(client: Caller) -> None:
    promised_headers(client.sent)
    for answer in client.sent:
        refused_for_want_of_redis(answer)


@then("each time they were counted in the metrics")
def each_time_they_were_counted_in_the_metrics(uncounted: list[str]) -> None:
    expect(
        not uncounted,
        expected="a counter that grew by as many as were asked",
        got=f"none for {', '.join(uncounted)}",
        rule="/metrics counts requests, whatever they were answered",
    )
