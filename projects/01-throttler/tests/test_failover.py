import pytest

from throttler.errors import LimiterUnavailableError
from throttler.failover import CircuitBreaker, FailoverLimiter
from throttler.limiter import Algorithm, Budget, Decision, Policy, Standing
from throttler.local_limiter import LocalLimiter

COOL_DOWN = 0.25
BUDGET = Budget("/route", (Policy("default", 2, 60),))
FROM_REDIS = Decision((Standing(7, 1_000_000, 0),), admitted=True)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeRedis:
    """Answers, or does not; counts how often it is asked."""

    def __init__(self) -> None:
        self.is_up = True
        self.asked = 0

    def spend(self, _client: str, _budget: Budget, _cost: int) -> Decision:
        self.asked += 1
        if not self.is_up:
            raise LimiterUnavailableError("down")
        return FROM_REDIS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[str | None]:
    return []


@pytest.fixture
def breaker(clock: Clock, changes: list[str | None]) -> CircuitBreaker:
    return CircuitBreaker(COOL_DOWN, clock_seconds=clock, on_change=changes.append)


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


def test_a_closed_breaker_lets_everybody_try(breaker: CircuitBreaker) -> None:
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_the_first_failure_opens_it_and_one_caller_per_cool_down_may_try(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.failed("gone")
    assert not breaker.allows()
    clock.now += COOL_DOWN
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.failed("still gone")
    assert not breaker.allows()
    clock.now += COOL_DOWN
    assert [breaker.allows() for _ in range(2)] == [True, False]


def test_a_caller_that_never_reports_back_does_not_keep_it_open_for_ever(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.failed("gone")
    clock.now += COOL_DOWN
    assert breaker.allows()
    clock.now += COOL_DOWN
    assert breaker.allows()


def test_a_success_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed("gone")
    clock.now += COOL_DOWN
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_each_change_is_told_once(breaker: CircuitBreaker, clock: Clock, changes: list[str | None]) -> None:
    breaker.succeeded()
    breaker.failed("gone")
    clock.now += COOL_DOWN
    breaker.allows()
    breaker.failed("still gone")
    clock.now += COOL_DOWN
    breaker.allows()
    breaker.succeeded()
    breaker.succeeded()
    assert changes == ["gone", None]


def test_while_redis_answers_nobody_else_is_asked(redis: FakeRedis, breaker: CircuitBreaker) -> None:
    stand_in = LocalLimiter(Algorithm.FIXED_WINDOW)
    limiter = FailoverLimiter(redis, stand_in, breaker)
    assert limiter.spend("client", BUDGET, 1) == FROM_REDIS
    assert stand_in.held_numbers == 0


def test_while_redis_is_away_the_stand_in_holds_the_limit(redis: FakeRedis, breaker: CircuitBreaker) -> None:
    redis.is_up = False
    limiter = FailoverLimiter(redis, LocalLimiter(Algorithm.FIXED_WINDOW), breaker)
    assert [limiter.spend("client", BUDGET, 1).admitted for _ in range(4)] == [True, True, False, False]
    assert redis.asked == 1


def test_redis_decides_again_after_the_first_try_that_it_answers(
    redis: FakeRedis, breaker: CircuitBreaker, clock: Clock
) -> None:
    limiter = FailoverLimiter(redis, LocalLimiter(Algorithm.FIXED_WINDOW), breaker)
    redis.is_up = False
    assert limiter.spend("client", BUDGET, 1) != FROM_REDIS
    redis.is_up = True
    assert limiter.spend("client", BUDGET, 1) != FROM_REDIS
    clock.now += COOL_DOWN
    assert limiter.spend("client", BUDGET, 1) == FROM_REDIS
    assert limiter.spend("client", BUDGET, 1) == FROM_REDIS


def test_without_a_stand_in_the_caller_hears_that_nobody_can_tell(
    redis: FakeRedis, breaker: CircuitBreaker
) -> None:
    redis.is_up = False
    limiter = FailoverLimiter(redis, None, breaker)
    for _ in range(3):
        with pytest.raises(LimiterUnavailableError):
            limiter.spend("client", BUDGET, 1)
    assert redis.asked == 1
