"""Steps of large.feature: budgets of hundreds, windows of hours, over restarts and losses."""

from collections.abc import Callable
from contextlib import suppress

from pytest_bdd import given, scenarios, then, when

from kata.steps import Inconclusive, NotRunError, Request, World, describe_answer, expect, wait_until_ready

from .caller import ROUTES, TOO_MANY, Caller, Throttler, all_succeed, counts_in_redis
from .counts import expire_with_the_window, gets_the_rest_and_no_more
from .fields import fields_are_true
from .losses import Loss, lose

LARGE_LIMIT = (60, 400)
LONG_WINDOW_SECONDS = (4_000, 86_400)
A_DAY_SECONDS = 86_400

scenarios("large.feature")


@given("a throttler with a large limit and a long window", target_fixture="throttler")
def a_throttler_with_a_large_limit_and_a_long_window(world: World) -> Throttler:
    windows = (world.setting("WINDOW_SECONDS", *LONG_WINDOW_SECONDS), A_DAY_SECONDS)
    window = windows[world.setting("A_DAY", 0, 1)]
    limit = world.setting("LIMIT", *LARGE_LIMIT)
    settings = {"LIMIT": str(limit), "WINDOW_SECONDS": str(window), "TRUSTED_HOPS": "1"}
    throttler = Throttler(world.start(settings), limit, window)
    with suppress(NotRunError):
        throttler.service.redis.proxy.pass_through()
    return throttler


@when("a client uses up its budget at once", target_fixture="client")
def a_client_uses_up_its_budget_at_once(new_caller: Callable[[], Caller]) -> Caller:
    client = new_caller()
    requests = [Request("GET", client.path, client.headers()) for _ in range(client.throttler.limit)]
    client.sent += client.throttler.service.burst(requests)
    all_succeed(client)
    held = counts_in_redis(client.redis_keys(), client)
    if held is not None and held < client.throttler.limit:
        raise Inconclusive(
            f"of {client.throttler.limit} successes Redis holds {held}: it was given up meanwhile"
        )
    return client


@when("the web process is ended, one way or the other, and started again")
def the_web_process_is_ended_and_started_again(world: World, client: Caller) -> None:
    web = client.throttler.service.web
    if world.draw.choice((True, False)):
        web.terminate()
    else:
        web.kill()
    web.restart()
    wait_until_ready(web)


@then("the request is refused after the restart, too")
def the_request_is_refused_after_the_restart_too(client: Caller) -> None:
    answer = client.sent[-1]
    expect(
        answer.status == TOO_MANY,
        expected=f"429, for all {client.throttler.limit} were used before the restart",
        got=describe_answer(answer),
    )


@when("it sends some requests")
def it_sends_some_requests(client: Caller) -> None:
    client.send_many(client.draw.integer(3, 9))


@then("its keys live as long as the window")
def its_keys_live_as_long_as_the_window(client: Caller) -> None:
    expire_with_the_window(client)


@then("another client is told the same while Redis is lost")
def another_client_is_told_the_same_while_redis_is_lost(world: World, throttler: Throttler) -> None:
    draw, proxy = world.draw, throttler.service.redis.proxy
    client = Caller(throttler, draw.address(), draw, draw.choice(ROUTES))
    lose(proxy, draw.choice(list(Loss)), draw)
    client.send_many(draw.integer(3, 9))
    proxy.pass_through()
    fields_are_true(client, in_redis=False)


@then("one who has nearly used up its budget gets the rest and no more")
def one_who_has_nearly_used_up_its_budget_gets_the_rest(
    world: World, new_caller: Callable[[], Caller]
) -> None:
    gets_the_rest_and_no_more(new_caller(), world.draw.integer(1, 3))
