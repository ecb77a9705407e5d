"""Steps of outage.feature: Redis lost in every way, at every moment."""

from collections.abc import Callable
from dataclasses import replace

from pytest_bdd import given, parsers, scenarios, then, when

from kata.steps import Exchange, Inconclusive, Request, World, describe_answer, expect

from .caller import (
    CLOSE_TO_THE_END,
    OK,
    TOO_MANY,
    UP_SECONDS,
    Caller,
    Throttler,
    all_succeed,
    refused,
    refused_last,
)
from .counts import redis_is_asked
from .fields import fields_are_true
from .losses import IN_USE_REQUESTS, TRICKLE_MILLISECONDS, Loss, lose, lose_at_a_moment
from .strangers import asked_otherwise, expected, in_time, new_stranger

CLIENTS_TRIED = 5
# Of Redis, each way, in milliseconds: up or lost, as one likes.
COMMAND_MILLISECONDS = (65, 95)
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


@when(parsers.re("Redis is lost, (?P<how>down|silent|slow)"), target_fixture="under_way")
def redis_is_lost(world: World, throttler: Throttler, client: Caller, how: str) -> list[Exchange]:
    down = world.draw.choice((Loss.REFUSES, Loss.BREAKS_OFF))
    loss = {"down": down, "silent": Loss.SILENT, "slow": Loss.SLOW}[how]
    client.opened_in_redis = client.opened
    del client.sent[:]
    return list(lose_at_a_moment(throttler, loss, world.draw, new_stranger(world, throttler)))


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


@then("answers come in time, too, while Redis takes its time with each command or with each byte")
def answers_come_in_time_too(world: World, throttler: Throttler) -> None:
    """Such a Redis is up or lost, as one likes: only the time is promised. Many at once connect anew."""
    proxy, stranger = throttler.service.redis.proxy, new_stranger(world, throttler)
    for slow, milliseconds in ((proxy.delay, COMMAND_MILLISECONDS), (proxy.trickle, TRICKLE_MILLISECONDS)):
        proxy.pass_through()
        redis_is_asked(throttler, world.draw, needed=True)
        slow(world.draw.integer(*milliseconds) / 1000)
        in_time([stranger().send()])
        many = [stranger() for _ in range(IN_USE_REQUESTS)]
        in_time(throttler.service.burst([Request("GET", one.path, one.headers()) for one in many]))
    proxy.pass_through()
