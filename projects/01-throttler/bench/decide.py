"""One contestant: makes decisions as fast as it can for as many seconds as each line of stdin says.

`python decide.py NAME REDIS_URL`; prints decisions per second, one line for each line read.
The peers run in an environment of their own, so each is imported only where it is asked for.
"""

import sys
import time
from collections.abc import Callable

CLIENTS = [f"203.0.113.{number}" for number in range(256)]
ROUTE = "/api/v1/ping"
LIMIT = 1000
WINDOW_SECONDS = 60


def ours(algorithm: str, url: str) -> Callable[[str], object]:
    from throttler.limiter import Algorithm, Budget, Policy
    from throttler.redis_limiter import RedisLimiter

    limiter = RedisLimiter(url, Algorithm(algorithm))
    budget = Budget(ROUTE, (Policy("default", LIMIT, WINDOW_SECONDS),))
    return lambda client: limiter.spend(client, budget, 1)


def limits(strategy: str, url: str) -> Callable[[str], object]:
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string
    from limits.strategies import STRATEGIES

    limiter = STRATEGIES[strategy](storage_from_string(url))
    item = RateLimitItemPerSecond(LIMIT, WINDOW_SECONDS)

    def decide(client: str) -> object:
        # What an answer with headers needs: the verdict, and what is left.
        return limiter.hit(item, client, ROUTE), limiter.get_window_stats(item, client, ROUTE)

    return decide


def throttled(algorithm: str, url: str) -> Callable[[str], object]:
    from datetime import timedelta

    from throttled import Throttled, rate_limiter, store

    quota = rate_limiter.per_duration(timedelta(seconds=WINDOW_SECONDS), LIMIT, burst=LIMIT)
    limiter = Throttled(using=algorithm, quota=quota, store=store.RedisStore(server=url))
    return lambda client: limiter.limit(f"{client}:{ROUTE}")


CONTESTANTS: dict[str, Callable[[str], Callable[[str], object]]] = {
    "ours, fixed window": lambda url: ours("fixed-window", url),
    "ours, sliding window": lambda url: ours("sliding-window", url),
    "ours, token bucket": lambda url: ours("token-bucket", url),
    "limits, fixed window": lambda url: limits("fixed-window", url),
    "limits, moving window": lambda url: limits("moving-window", url),
    "limits, sliding window counter": lambda url: limits("sliding-window-counter", url),
    "throttled-py, gcra": lambda url: throttled("gcra", url),
}


def main() -> None:
    name, url = sys.argv[1:]
    decide = CONTESTANTS[name](url)
    for line in sys.stdin:
        seconds = float(line)
        started = time.perf_counter()
        count = 0
        while (elapsed := time.perf_counter() - started) < seconds:
            for client in CLIENTS:
                decide(client)
            count += len(CLIENTS)
        print(count / elapsed, flush=True)


if __name__ == "__main__":
    main()
