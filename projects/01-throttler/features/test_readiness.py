"""Steps of readiness.feature: a Redis that is lost, that cannot count, or that holds what is no count."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, describe_answer, expect

from .caller import BACK_SECONDS, OK, Caller, Throttler, refused_last
from .counts import at_most_within_the_window, redis_is_asked, times_to_live
from .fields import fields_are_true, promised_headers
from .losses import Loss, lose
from .strangers import UNAVAILABLE, in_time, new_stranger

# Seconds of what somebody else has put there: longer than any window, as nobody's count is.
FOREIGN_SECONDS = 60

scenarios("readiness.feature")


@dataclass(frozen=True)
class Look:
    """What a service said while Redis was of no use, and how long it was not ready thereafter."""

    where: str
    health: Exchange
    ready: Exchange
    back_seconds: float


@pytest.fixture
def clients() -> list[Caller]:
    """Those who asked meanwhile."""
    return []


@when("Redis is lost in every way, one after another", target_fixture="looks")
def redis_is_lost_in_every_way(world: World, throttler: Throttler) -> list[Look]:
    redis_is_asked(throttler, world.draw)
    proxy = throttler.service.redis.proxy
    return [
        look(
            throttler,
            f"while {loss}",
            partial(lose, proxy, loss, world.draw),
            proxy.pass_through,
            new_stranger(world, throttler)(),
        )
        for loss in world.draw.shuffle(Loss)
    ]


@when("Redis answers and cannot count, first in one way and then in another", target_fixture="looks")
def redis_answers_and_cannot_count(world: World, throttler: Throttler, clients: list[Caller]) -> list[Look]:
    redis_is_asked(throttler, world.draw, needed=True)
    redis = throttler.service.redis.client
    ways = (
        ("it is a read-only replica", ("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (
            "its memory is full",
            ("CONFIG", "SET", "maxmemory", "1"),
            ("CONFIG", "SET", "maxmemory", "0"),
        ),
    )
    looks = []
    for says, broken, mended in world.draw.shuffle(ways):
        clients.append(new_stranger(world, throttler)())
        looks.append(
            look(
                throttler,
                f"while {says}",
                partial(redis.execute_command, *broken),
                partial(redis.execute_command, *mended),
                clients[-1],
            )
        )
    return looks


def look(
    throttler: Throttler,
    where: str,
    lose_it: Callable[[], object],
    mend_it: Callable[[], object],
    one: Caller,
) -> Look:
    """Look while Redis is lost, and until the service is ready again; a client uses up its budget."""
    client = throttler.service.client()
    lose_it()
    try:
        one.send_many(throttler.limit + 1)  # by which some notice it
        ready, health = client.get("/ready"), client.get("/health")
        for path in ("/metrics", "/docs", "/openapi.json"):
            answer = client.get(path)
            expect(answer.status == OK, expected=f"200 from {path} {where}", got=describe_answer(answer))
    finally:
        mend_it()
    returned = time.monotonic()
    while client.get("/ready").status != OK and time.monotonic() < returned + BACK_SECONDS:
        time.sleep(0.03)
    return Look(where, health, ready, time.monotonic() - returned)


@then("each time it is alive, and not ready, and ready again when Redis is back")
def each_time_it_is_alive_and_not_ready(looks: list[Look]) -> None:
    for it in looks:
        expect(
            it.health.status == OK, expected=f"200 from /health {it.where}", got=describe_answer(it.health)
        )
        expect(
            it.ready.status == UNAVAILABLE,
            expected=f"503 from /ready {it.where}",
            got=describe_answer(it.ready),
        )
        in_time([it.health, it.ready])
        promised_headers([it.health, it.ready])
        expect(
            it.back_seconds <= BACK_SECONDS,
            expected=f"200 from /ready within 2 s of its return, {it.where} until then",
            got=f"{it.back_seconds:.1f} s",
            timing=True,
        )


@then("each time the limit held in the process, with each answer within 200 ms")
def each_time_the_limit_held_in_the_process(clients: list[Caller]) -> None:
    for client in clients:
        in_time(client.sent)
        refused_last(client, in_redis=False)
        fields_are_true(client, in_redis=False)


@when("something else stands in place of a client's count", target_fixture="client")
def something_else_stands_in_place_of_a_count(world: World, new_caller: Callable[[], Caller]) -> Caller:
    """As a program that shares this Redis may leave it: of another type, no number, or zeros."""
    client = new_caller()
    client.send()
    keys = client.redis_keys()
    redis, foreign = client.throttler.service.redis.client, world.draw.word()
    for key in keys:
        redis.delete(key)
        match world.draw.choice(("hash", "list", "text", "zeros")):
            case "hash":
                redis.hset(key, foreign, foreign)
            case "list":
                redis.rpush(key, foreign)
            case "zeros":
                redis.set(key, "00")
            case _:
                redis.set(key, foreign)
        redis.expire(key, FOREIGN_SECONDS)
    del client.sent[:]
    client.send_many(client.throttler.limit + 1)
    return client


@then("the client has its whole budget, and no more")
def the_client_has_its_whole_budget_and_no_more(client: Caller) -> None:
    refused_last(client)
    fields_are_true(client)
    at_most_within_the_window(client, times_to_live(client))
