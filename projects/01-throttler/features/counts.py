"""The counts in Redis: whether they are kept there, what they hold and how long they live."""

import math
import time
from dataclasses import replace

from kata.steps import Draw, Inconclusive, NotRunError, World, describe_answer, expect

from .caller import BACK_SECONDS, OK, ROUTES, TOO_MANY, UP_SECONDS, Caller, Throttler, counts_in_redis
from .fields import item, whole_seconds
from .strangers import new_stranger


def redis_is_asked(throttler: Throttler, draw: Draw, *, needed: bool = False) -> None:
    """See a throw-away client counted in Redis before anything depends on it.

    A solution without Redis, as in step 2, is let go on, unless the check is about Redis.
    """
    try:
        redis = throttler.service.redis.client
    except NotRunError:  # with --url there is only an address
        return
    deadline, slowest = time.monotonic() + BACK_SECONDS, 0.0
    while True:
        one = Caller(throttler, draw.address_v4(), draw, draw.choice(ROUTES))
        if throttler.hops != 1:  # who it is then, is what some checks are about
            forget_all(throttler)
        answer = one.send()
        took = answer.received - answer.sent
        slowest = max(slowest, took)
        counted = bool(one.redis_keys()) or (throttler.hops != 1 and bool(redis.dbsize()))
        if counted and took <= UP_SECONDS:  # a late one may be there, and the service have counted alone
            return
        if not (needed or redis.dbsize()) or (counted and time.monotonic() > deadline):
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.03)
    expect(
        False,
        expected=f"a key rate:{one.address}:… in Redis, which is up, after a request of that client",
        got=f"none for {BACK_SECONDS:.0f} s; the last client got {describe_answer(answer)}",
        timing=slowest > UP_SECONDS,
    )


def forget_all(throttler: Throttler) -> None:
    """Give every client its whole budget again."""
    redis = throttler.service.redis.client
    for key in redis.scan_iter("rate:*"):
        redis.delete(key)


def gets_the_rest_and_no_more(client: Caller, left: int) -> None:
    """Write into its count that it has used all but so many, and demand that it gets those.

    Where the count is no plain number, it sends a few, and is told how many are left.
    """
    client.send()
    redis, keys, limit = client.throttler.service.redis.client, client.redis_keys(), client.throttler.limit
    plain = len(keys) == 1 and counts_in_redis(keys, client) == 1
    if plain:
        redis.set(keys[0], limit - left, keepttl=True)
    used = limit - left if plain else 1
    for number in range(left + 1):
        answer = client.send()
        status, remains = (OK, limit - used - number - 1) if used + number < limit else (TOO_MANY, 0)
        told = item(answer, "ratelimit")[1].get("r")
        if (answer.status, told) != (status, str(remains)):
            client.in_doubt()
        expect(
            (answer.status, told) == (status, str(remains)),
            expected=f"{status} and r={remains} with {used + number} of {limit} used",
            got=f"{answer.status} and r={told}",
            answer=answer,
            exchanges=client.sent,
        )


def at_most_within_the_window(client: Caller, left: dict[str, int]) -> None:
    for key, milliseconds in left.items():
        expect(
            0 <= milliseconds <= client.throttler.window_seconds * 1000,
            expected=f"{key} expires within {client.throttler.window_seconds} s",
            got="no time to live: its client is banned for ever"
            if milliseconds < 0
            else f"{milliseconds} ms",
            rule="every key expires with its window",
            exchanges=client.sent,
        )


def expire_with_the_window(client: Caller) -> None:
    window = client.throttler.window_seconds
    left = times_to_live(client)
    at_most_within_the_window(client, left)
    least = (client.opened.sent + window - time.monotonic() - 0.05) * 1000
    expect(
        max(left.values(), default=0) >= least,
        expected=f"a key that lives until the window closes, for {least:.0f} ms or more",
        got=str(left),
        rule="the window closes WINDOW_SECONDS after the request that opened it, and not before",
    )


def times_to_live(client: Caller) -> dict[str, int]:
    """Return the milliseconds that each of the client's keys has to live; -1 is a key that lives for ever."""
    connection = client.throttler.service.redis.client
    left = {key: int(connection.pttl(key)) for key in client.redis_keys()}
    return {
        key: milliseconds for key, milliseconds in left.items() if milliseconds != -2
    }  # -2: gone meanwhile


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


def is_used_again(again: bool, when_lost: str) -> None:
    expect(
        again,
        expected=f"a key of a new client in Redis, {BACK_SECONDS:.0f} s after its return",
        got=f"no client was counted there, {when_lost}",
        timing=True,
    )


def told_of_a_shorter_life(client: Caller, draw: Draw) -> None:
    """Shorten the life of its keys, by a part of a second too, and demand that its answers follow."""
    redis, window = client.throttler.service.redis.client, client.throttler.window_seconds
    one = replace(client, sent=[])
    one.send()
    left = draw.integer(0, window - 2) * 1000 + draw.integer(250, 450)
    began = time.monotonic()
    for key in one.redis_keys():
        redis.pexpire(key, left)
    set_by = time.monotonic()
    answer = one.send()
    if answer.received - began >= left / 1000:
        raise Inconclusive("the window had closed before the answer came")
    _, told = item(answer, "ratelimit")
    seconds = [whole_seconds(told.get("t"), "t")]
    if answer.status == TOO_MANY:
        seconds.append(whole_seconds(answer.header("retry-after"), "Retry-After"))
    most = math.ceil(left / 1000 - (answer.sent - set_by))
    least = math.ceil(left / 1000 - (answer.received - began))
    right = all(least <= number <= most for number in seconds)
    if not right:
        one.in_doubt()
    expect(
        right,
        expected=f"{least} s to the end of a window whose key was given {left} ms"
        + ("" if least == most else f", or {most} s"),
        got=f"{answer.status} with {' and '.join(map(str, seconds))} s",
        rule="the time to live in Redis is the window's clock: t and Retry-After follow it, rounded up",
        answer=answer,
    )
