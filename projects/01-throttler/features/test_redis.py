"""Steps of redis.feature: keys, their lives, and restarts."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pytest_bdd import given, scenarios, then, when

from kata.steps import Inconclusive, World, describe_answer, expect

from .caller import (
    DELAY_MILLISECONDS,
    TOO_MANY,
    Caller,
    all_succeed,
    refused_last,
)
from .counts import at_most_within_the_window, expire_with_the_window, times_to_live

scenarios("redis.feature")


@dataclass
class Looks:
    """What was seen of a client's keys: each key, and whether it had a time to live."""

    seen: set[tuple[str, bool]] = field(default_factory=set)
    blind_seconds: float = 0.0
    """The longest time that may have passed unseen: what lasted longer was seen."""


def watched(client: Caller) -> Looks:
    """Have it send a request, and look at its keys all the while."""
    looks, finished = Looks(), threading.Event()

    def watch() -> None:
        over, last_began = False, time.monotonic()
        while not over:
            over = finished.is_set()  # before the look, so that the last one comes after the answer
            began = time.monotonic()
            looks.seen.update((key, milliseconds >= 0) for key, milliseconds in times_to_live(client).items())
            looks.blind_seconds = max(looks.blind_seconds, time.monotonic() - last_began)
            last_began = began

    watcher = threading.Thread(target=watch)
    watcher.start()
    client.send()
    finished.set()
    watcher.join()
    return looks


@then("Redis holds keys of that client and that route")
def redis_holds_keys_of_that_client_and_that_route(client: Caller) -> None:
    found = client.redis_keys()
    expect(
        any(f":{client.route}" in key for key in found),
        expected=f"a key rate:{client.address}:{client.route}",
        got=", ".join(found) or f"none among {client.throttler.service.redis.client.keys('*')}",
        rule="the count of a client and a route stands in Redis under rate:{ip}:{route}",
    )


@then("they expire with the window")
def they_expire_with_the_window(client: Caller) -> None:
    expire_with_the_window(client)


@when("its keys are given to another client, and taken from it", target_fixture="other")
def its_keys_are_given_to_another_client(client: Caller, new_caller: Callable[[], Caller]) -> Caller:
    redis = client.throttler.service.redis.client
    client.send_many(client.throttler.limit)  # all refused, which nobody may remember
    other = replace(new_caller(), route=client.route)
    while (":" in other.address) != (":" in client.address):
        other = replace(new_caller(), route=client.route)
    theirs = f"rate:{other.address}:"
    if ":" in client.address:  # how much of it the key has is told by its first request, which is then undone
        other.send()
        theirs = common_beginning(other.redis_keys(), other.route)
        redis.delete(*other.redis_keys())
    for key in client.redis_keys():
        redis.rename(key, theirs + key[len(common_beginning([key], client.route)) :])
    return other


def common_beginning(keys: list[str], route: str) -> str:
    """Return what stands before the route."""
    return next((key[: key.index(route)] for key in keys if route in key), "")


@then("the other client is refused")
def the_other_client_is_refused(client: Caller, other: Caller) -> None:
    answer = other.send()
    if answer.status != TOO_MANY:
        client.sent.append(answer)
        client.within_window()
        client.in_doubt()
    expect(
        answer.status == TOO_MANY,
        expected="429 for a client with the keys of one that has used up its budget",
        got=describe_answer(answer),
    )


@then("the client itself has its whole budget again")
def the_client_itself_has_its_whole_budget_again(client: Caller) -> None:
    again = replace(client, sent=[])
    again.send_many(client.throttler.limit + 1)
    refused_last(again)


@given("clients that have used up some of their budgets", target_fixture="clients")
def clients_that_have_used_up_some_of_their_budgets(
    world: World, new_caller: Callable[[], Caller]
) -> list[Caller]:
    clients = [new_caller() for _ in range(3)]
    for client in clients:
        limit = client.throttler.limit
        client.send_many(world.draw.choice((1, world.draw.integer(1, limit), limit)))
        all_succeed(client)
    return clients


@when("the time to live of one's count is lost, and that of others is longer than the window")
def the_time_to_live_of_one_s_count_is_lost(world: World, clients: list[Caller]) -> None:
    """As after a crash of older code, and after a restart with a shorter window."""
    one, another, a_third = clients
    redis, window = one.throttler.service.redis.client, one.throttler.window_seconds
    for key in one.redis_keys():
        redis.persist(key)
    for key in another.redis_keys():
        redis.expire(key, window + world.draw.integer(1, 9 * window))
    for key in a_third.redis_keys():  # less than a second longer, of which no whole number of seconds tells
        redis.pexpire(key, window * 1000 + world.draw.integer(200, 900))


@when("each of them sends a request")
def each_of_them_sends_a_request(clients: list[Caller]) -> None:
    for client in clients:
        client.send()


@then("every one of their keys lives for the window at most")
def every_one_of_their_keys_lives_for_the_window_at_most(clients: list[Caller]) -> None:
    for client in clients:
        at_most_within_the_window(client, times_to_live(client))


@then("after a further window each has its whole budget again")
def after_a_further_window_each_has_its_whole_budget_again(world: World, clients: list[Caller]) -> None:
    world.sleep_until(clients[-1].sent[-1].received + clients[-1].throttler.window_seconds + 0.1)
    for client in clients:
        again = replace(client, sent=[])
        again.send_many(client.throttler.limit + 1)
        refused_last(again)


@when("each of them sends a request while Redis is watched", target_fixture="looks")
def each_of_them_sends_a_request_while_redis_is_watched(clients: list[Caller]) -> list[Looks]:
    return [watched(client) for client in clients]


@then("their counts were seen, and never without a time to live")
def their_counts_were_seen_and_never_without_a_time_to_live(looks: list[Looks]) -> None:
    seen = {key for look in looks for key in look.seen}
    expect(bool(seen), expected="a key rate:{address}:… for each client", got="none")
    lasting = sorted(key for key, expires in seen if not expires)
    expect(
        not lasting,
        expected="a time to live on every key at every moment",
        got=f"{lasting[0] if lasting else ''} without one, between two commands",
    )
    if min(look.blind_seconds for look in looks) > 2 * DELAY_MILLISECONDS[0] / 1000:
        raise Inconclusive("Redis could not be looked at often enough to see what is between two commands")
