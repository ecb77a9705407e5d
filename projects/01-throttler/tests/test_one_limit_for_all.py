"""Several processes, each with several threads, share one limit."""

import subprocess
import sys

import pytest

from throttler.limiter import Algorithm

PROCESSES = 3
THREADS = 4
LIMIT = 150

CONTENDER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from throttler.limiter import Algorithm, Budget, Policy
from throttler.redis_limiter import RedisLimiter

url, algorithm, threads, limit = sys.argv[1], Algorithm(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
limiter = RedisLimiter(url, algorithm, open_seconds=10, answer_seconds=10)  # no failover on a busy machine
# A day: no token comes back while the test runs.
budget = Budget("/route", (Policy("default", limit, 86_400), Policy("other", limit + 50, 86_400)))
barrier = Barrier(threads)
limiter.ping()
print("ready", flush=True)
sys.stdin.readline()

def contend(_):
    barrier.wait()
    return sum(limiter.spend("192.0.2.1", budget, 1).admitted for _ in range(limit // 2))

with ThreadPoolExecutor(threads) as pool:
    print(sum(pool.map(contend, range(threads))))
limiter.close()
"""


@pytest.mark.parametrize("algorithm", Algorithm)
def test_no_more_than_the_limit_is_admitted_to_all_of_them_together(
    redis_url: str, algorithm: Algorithm
) -> None:
    arguments = [sys.executable, "-c", CONTENDER, redis_url, algorithm, str(THREADS), str(LIMIT)]
    contenders = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for contender in contenders:
        assert contender.stdout
        assert contender.stdout.readline() == "ready\n"
    for contender in contenders:
        assert contender.stdin
        contender.stdin.write("go\n")
        contender.stdin.flush()
    admitted = [int(contender.communicate(timeout=30)[0]) for contender in contenders]
    assert sum(admitted) == LIMIT
