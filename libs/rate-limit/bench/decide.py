"""One contestant: makes decisions as fast as it can for as many seconds as each line of stdin says.

`python decide.py NAME REDIS_URL`; prints decisions per second, one line for each line read. Each contestant
is imported only where it is asked for.
"""
# mypy: disable-error-code="import-not-found"
# Because the peers have an environment of their own.

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

CLIENTS = [f"203.0.113.{number}:/api/v1/ping" for number in range(256)]
TASKS = 64  # at once, in asyncio
LIMIT = 1000
WINDOW_SECONDS = 60

type Decide = Callable[[str], object]
type AsyncDecide = Callable[[str], Awaitable[object]]


class Contestant(NamedTuple):
    """A limiter, synchronous or for asyncio."""

    decide: Decide | None = None
    decide_async: AsyncDecide | None = None


def ours(algorithm: str, url: str) -> Contestant:
    from rate_limit import Algorithm, FailureMode, Limiter, Policy, RedisStorage

    storage = RedisStorage(url, failure_mode=FailureMode.CLOSED, timeout_seconds=5)
    return Contestant(Limiter(storage, Policy(LIMIT, WINDOW_SECONDS), algorithm=Algorithm(algorithm)).hit)


def ours_async(algorithm: str, url: str) -> Contestant:
    from rate_limit import Algorithm, AsyncLimiter, AsyncRedisStorage, FailureMode, Policy

    storage = AsyncRedisStorage(url, failure_mode=FailureMode.CLOSED, timeout_seconds=5)
    limiter = AsyncLimiter(storage, Policy(LIMIT, WINDOW_SECONDS), algorithm=Algorithm(algorithm))
    return Contestant(decide_async=limiter.hit)


def limits(strategy: str, url: str) -> Contestant:
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string
    from limits.strategies import STRATEGIES

    limiter = STRATEGIES[strategy](storage_from_string(url))
    item = RateLimitItemPerSecond(LIMIT, WINDOW_SECONDS)

    def decide(client: str) -> object:
        # What an answer with headers needs: the verdict, and what is left.
        return limiter.hit(item, client), limiter.get_window_stats(item, client)

    return Contestant(decide)


def limits_async(strategy: str, url: str) -> Contestant:
    from limits import RateLimitItemPerSecond
    from limits.aio.strategies import STRATEGIES
    from limits.storage import storage_from_string

    limiter = STRATEGIES[strategy](storage_from_string(f"async+{url}", implementation="redispy"))
    item = RateLimitItemPerSecond(LIMIT, WINDOW_SECONDS)

    async def decide(client: str) -> object:
        return await limiter.hit(item, client), await limiter.get_window_stats(item, client)

    return Contestant(decide_async=decide)


def throttled(algorithm: str, url: str) -> Contestant:
    from datetime import timedelta

    from throttled import Throttled, rate_limiter, store

    quota = rate_limiter.per_duration(timedelta(seconds=WINDOW_SECONDS), LIMIT, burst=LIMIT)
    return Contestant(Throttled(using=algorithm, quota=quota, store=store.RedisStore(server=url)).limit)


def throttled_async(algorithm: str, url: str) -> Contestant:
    from datetime import timedelta

    from throttled.asyncio import Throttled, rate_limiter, store

    quota = rate_limiter.per_duration(timedelta(seconds=WINDOW_SECONDS), LIMIT, burst=LIMIT)
    limiter = Throttled(using=algorithm, quota=quota, store=store.RedisStore(server=url))
    return Contestant(decide_async=limiter.limit)


CONTESTANTS: dict[str, Callable[[str], Contestant]] = {
    "ours, fixed window": lambda url: ours("fixed-window", url),
    "ours, sliding window": lambda url: ours("sliding-window", url),
    "ours, gcra": lambda url: ours("gcra", url),
    "limits, fixed window": lambda url: limits("fixed-window", url),
    "limits, moving window": lambda url: limits("moving-window", url),
    "limits, sliding window counter": lambda url: limits("sliding-window-counter", url),
    "throttled-py, gcra": lambda url: throttled("gcra", url),
    "ours, asyncio, fixed window": lambda url: ours_async("fixed-window", url),
    "ours, asyncio, gcra": lambda url: ours_async("gcra", url),
    "limits, asyncio, fixed window": lambda url: limits_async("fixed-window", url),
    "throttled-py, asyncio, gcra": lambda url: throttled_async("gcra", url),
}


def measure(decide: Decide, seconds: float) -> float:
    started = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - started) < seconds:
        for client in CLIENTS:
            decide(client)
        count += len(CLIENTS)
    return count / elapsed


async def measure_async(decide: AsyncDecide, seconds: float) -> float:
    """Keep so many tasks busy, each of which has one decision under way."""
    counts = [0] * TASKS
    started = time.perf_counter()

    async def work(number: int) -> None:
        while time.perf_counter() - started < seconds:
            await decide(CLIENTS[(number + counts[number]) % len(CLIENTS)])
            counts[number] += 1

    await asyncio.gather(*[work(number) for number in range(TASKS)])
    return sum(counts) / (time.perf_counter() - started)


def main() -> None:
    name, url = sys.argv[1:]
    contestant = CONTESTANTS[name](url)
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            seconds = float(line)
            if contestant.decide is not None:
                print(measure(contestant.decide, seconds), flush=True)
            elif contestant.decide_async is not None:
                print(runner.run(measure_async(contestant.decide_async, seconds)), flush=True)


if __name__ == "__main__":
    main()
