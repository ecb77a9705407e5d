"""Steps of outage.feature: Redis lost in every way, at every moment."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from kata.steps import Exchange, Inconclusive, World, describe_answer, expect

from .caller import (
    BACK_SECONDS,
    CLOSE_TO_THE_END,
    ECHO,
    LONGEST_WORD,
    OK,
    PING,
    TOO_MANY,
    UP_SECONDS,
    Caller,
    Throttler,
    all_succeed,
    refused,
    refused_last,
)
from .counts import redis_is_asked
from .fields import fields_are_true, no_fields, promised_headers
from .losses import Loss, lose, lose_at_a_moment
from .strangers import UNAVAILABLE, expected, in_time, new_stranger, refused_for_want_of_redis

CLIENTS_TRIED = 5
# More clients than one would keep in a small table.
OTHERS = (110, 150)

scenarios("outage.feature")


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


@then("after the window, and not before, the process lets it in again, as often as the limit")
def after_the_window_the_process_lets_it_in_again(world: World, client: Caller) -> None:
    window = client.throttler.window_seconds
    world.sleep_until(client.opened.sent + window - world.draw.integer(*CLOSE_TO_THE_END) / 1000)
    client.send()
    refused(client, in_redis=False)
    fields_are_true(client, in_redis=False)
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


@then("none of them tells a budget")
def none_of_them_tells_a_budget(client: Caller) -> None:
    no_fields(client.sent)


@then("all of them are refused with 503 and a time to wait")
def all_of_them_are_refused_with_503_and_a_time_to_wait(client: Caller) -> None:
    promised_headers(client.sent)
    for answer in client.sent:
        refused_for_want_of_redis(answer)
