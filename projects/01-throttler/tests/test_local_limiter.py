from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from throttler.limiter import Algorithm, Budget, Policy
from throttler.local_limiter import LocalLimiter


@pytest.mark.parametrize("algorithm", Algorithm)
def test_threads_together_are_admitted_no_more_than_the_limit(algorithm: Algorithm) -> None:
    limiter = LocalLimiter(algorithm)
    budget = Budget("/route", (Policy("default", 500, 86_400),))
    barrier = Barrier(8)

    def contend(_: int) -> int:
        barrier.wait()
        return sum(limiter.spend("client", budget, 1).admitted for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(contend, range(8))) == 500


@pytest.mark.parametrize("algorithm", Algorithm)
def test_its_memory_is_bounded_and_whoever_was_quiet_longest_is_forgotten(algorithm: Algorithm) -> None:
    limiter = LocalLimiter(algorithm, max_numbers=20)
    budget = Budget("/route", (Policy("default", 1, 60),))
    for number in range(100):
        limiter.spend(f"client {number}", budget, 1)
        assert limiter.held_numbers <= 20
    assert not limiter.spend("client 99", budget, 1).admitted
    assert limiter.spend("client 0", budget, 1).admitted


def test_whoever_keeps_asking_is_not_forgotten_though_rejected() -> None:
    limiter = LocalLimiter(Algorithm.FIXED_WINDOW, max_numbers=20)
    budget = Budget("/route", (Policy("default", 1, 60),))
    assert limiter.spend("insistent", budget, 1).admitted
    for number in range(100):
        limiter.spend(f"client {number}", budget, 1)
        assert not limiter.spend("insistent", budget, 1).admitted


def test_a_single_client_may_hold_more_than_the_bound_and_is_limited_all_the_same() -> None:
    limiter = LocalLimiter(Algorithm.SLIDING_WINDOW, max_numbers=5)
    budget = Budget("/route", (Policy("default", 10, 60),))
    assert [limiter.spend("client", budget, 1).admitted for _ in range(11)] == [True] * 10 + [False]


def test_looking_is_not_remembered() -> None:
    limiter = LocalLimiter(Algorithm.FIXED_WINDOW)
    limiter.spend("client", Budget("/route", (Policy("default", 1, 60),)), 0)
    assert limiter.held_numbers == 0


def test_it_counts_by_a_clock_that_nobody_sets_back() -> None:
    limiter = LocalLimiter(Algorithm.FIXED_WINDOW)
    decision = limiter.spend("client", Budget("/route", (Policy("default", 1, 60),)), 1)
    assert decision.standings[0].reset_us == 60_000_000
