"""Each algorithm, in memory and in Lua, is held to one small model and to each other.

The model says what is left, given all that was ever admitted, in as few words as possible. Everything else
follows: a cost is admitted if that much is left, and the wait ends at the first moment at which it would be.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

import rate_limit._redis_script
from rate_limit import NEVER, Algorithm, Decision, Limiter, MemoryStorage, Policy, RedisStorage

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000

type History = Sequence[tuple[int, int]]
"""(moment, cost) of what was admitted, oldest first."""
type Left = Callable[[History, Policy, int], int]


def fixed_window(history: History, policy: Policy, now_us: int) -> int:
    opened_us, used = None, 0
    for moment, cost in history:
        if opened_us is None or moment >= opened_us + policy.window_us:
            opened_us, used = moment, 0
        used += cost
    if opened_us is None or now_us >= opened_us + policy.window_us:
        return policy.limit
    return policy.limit - used


def sliding_window(history: History, policy: Policy, now_us: int) -> int:
    return policy.limit - sum(cost for moment, cost in history if moment > now_us - policy.window_us)


def gcra(history: History, policy: Policy, now_us: int) -> int:
    interval_us = -(-policy.window_us // policy.limit)
    owed_us = last_us = 0
    for moment, cost in [*history, (now_us, 0)]:
        owed_us = max(owed_us - (moment - last_us), 0) + cost * interval_us
        last_us = moment
    return (policy.limit * interval_us - owed_us) // interval_us


LEFT: dict[Algorithm, Left] = {
    Algorithm.FIXED_WINDOW: fixed_window,
    Algorithm.SLIDING_WINDOW: sliding_window,
    Algorithm.GCRA: gcra,
}


class Clock:
    """The time of both storages, which runs only when it is told to."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.set(START_US)

    def set(self, now_us: int) -> None:
        self.now_us = now_us
        seconds, microseconds = divmod(now_us, SECOND_US)
        with self._redis.pipeline() as pipeline:
            pipeline.delete("clock")
            pipeline.rpush("clock", seconds, microseconds)
            pipeline.execute()


@pytest.fixture
def clock(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the scripts take the time from a list, and the keys outlive it by far."""
    real = rate_limit._redis_script.script_text  # noqa: SLF001 - the one place where time can be held still

    def script_text(algorithm: Algorithm) -> str:
        text = real(algorithm)
        assert text.count("redis.call('TIME')") == 1
        assert "/ 1000)" in text
        return text.replace("redis.call('TIME')", "redis.call('LRANGE', 'clock', 0, 1)").replace(
            "/ 1000)", "/ 1000 + 600000)"
        )

    monkeypatch.setattr(rate_limit._redis_script, "script_text", script_text)  # noqa: SLF001
    return Clock(redis)


type Pair = tuple[Limiter, Limiter]


class Pairs:
    """Limiters in memory and in Redis that have the same clock."""

    def __init__(self, clock: Clock, shared: RedisStorage, redis: Redis, algorithm: Algorithm) -> None:
        self.clock = clock
        self.algorithm = algorithm
        self._shared = shared
        self._redis = redis

    def fresh(self, *policies: Policy) -> Pair:
        self._redis.flushdb()
        self.clock.set(START_US)
        self._memory = MemoryStorage(clock_us=lambda: self.clock.now_us)
        return self.again(*policies)

    def again(self, *policies: Policy) -> Pair:
        """Limiters of other policies over the same counts."""
        return (
            Limiter(self._memory, *policies, algorithm=self.algorithm),
            Limiter(self._shared, *policies, algorithm=self.algorithm),
        )


@pytest.fixture
def pairs(clock: Clock, shared: RedisStorage, redis: Redis, algorithm: Algorithm) -> Pairs:
    return Pairs(clock, shared, redis, algorithm)


def both(pair: Pair, cost: int, *, charge: bool) -> Decision:
    """Ask both, demand that they agree, and return what they say."""
    memory, shared = [
        limiter.hit("someone", cost) if charge else limiter.peek("someone", cost) for limiter in pair
    ]
    assert shared == memory
    return shared


FUNCTION_SCOPED = [HealthCheck.function_scoped_fixture]  # the limiters are made anew in each example
policies = st.builds(Policy, st.integers(1, 9), st.integers(1, 4))
pause_us = st.one_of(
    st.just(0),
    st.integers(0, 5 * SECOND_US),
    st.integers(0, 16).map(lambda quarters: quarters * SECOND_US // 4),  # to meet windows to the microsecond
)
steps = st.lists(st.tuples(pause_us, st.integers(0, 10), st.booleans()), max_size=25)


@settings(max_examples=150, deadline=None, suppress_health_check=FUNCTION_SCOPED)
@given(policy=policies, steps=steps)
def test_a_decision_is_what_the_model_says(
    pairs: Pairs, policy: Policy, steps: list[tuple[int, int, bool]]
) -> None:
    left = LEFT[pairs.algorithm]
    pair = pairs.fresh(policy)
    history: list[tuple[int, int]] = []
    for pause, cost, charge in steps:
        pairs.clock.set(pairs.clock.now_us + pause)
        now_us = pairs.clock.now_us
        admitted = cost == 0 or left(history, policy, now_us) >= cost

        decision = both(pair, cost, charge=charge)

        if admitted and charge and cost:
            history.append((now_us, cost))
        assert decision.admitted == admitted
        remaining, reset_us, retry_us = decision.standings[0]
        assert remaining == left(history, policy, now_us)
        if remaining == policy.limit and pairs.algorithm is not Algorithm.GCRA:
            assert reset_us == 0
        if reset_us:
            assert left(history, policy, now_us + reset_us) > remaining
            assert left(history, policy, now_us + reset_us - 1) == remaining
        if cost > policy.limit:
            assert retry_us == NEVER
        elif not admitted:
            assert left(history, policy, now_us + retry_us) >= cost
            assert left(history, policy, now_us + retry_us - 1) < cost


@settings(max_examples=100, deadline=None, suppress_health_check=FUNCTION_SCOPED)
@given(few=policies, many=policies, steps=steps)
def test_several_policies_are_charged_together_or_not_at_all(
    pairs: Pairs, few: Policy, many: Policy, steps: list[tuple[int, int, bool]]
) -> None:
    left = LEFT[pairs.algorithm]
    both_policies = (Policy(few.limit, few.window_seconds, "a"), Policy(many.limit, many.window_seconds, "b"))
    pair = pairs.fresh(*both_policies)
    history: list[tuple[int, int]] = []
    for pause, cost, charge in steps:
        pairs.clock.set(pairs.clock.now_us + pause)
        now_us = pairs.clock.now_us
        admitted = cost == 0 or all(left(history, policy, now_us) >= cost for policy in both_policies)

        decision = both(pair, cost, charge=charge)

        if admitted and charge and cost:
            history.append((now_us, cost))
        assert decision.admitted == admitted
        assert [standing.remaining for standing in decision.standings] == [
            left(history, policy, now_us) for policy in both_policies
        ]


any_step = st.tuples(
    st.integers(-8 * SECOND_US, 8 * SECOND_US), st.integers(1, 4), st.sampled_from([True, True, False])
)


@settings(max_examples=150, deadline=None, suppress_health_check=FUNCTION_SCOPED)
@given(policy=policies, steps=st.lists(any_step, max_size=15))
def test_a_clock_that_goes_back_keeps_nobody_waiting_for_longer_than_a_window(
    pairs: Pairs, policy: Policy, steps: list[tuple[int, int, bool]]
) -> None:
    window_us = policy.window_us + policy.limit  # the interval of gcra is rounded up
    for limiter in pairs.fresh(policy):  # each for itself: what has expired may be forgotten or not
        pairs.clock.set(START_US)
        for step, cost, charge in steps:
            pairs.clock.set(pairs.clock.now_us + step)
            decision = limiter.hit("someone", cost) if charge else limiter.peek("someone", cost)
            assert decision.standings[0].retry_us <= window_us
            assert decision.standings[0].reset_us <= window_us
        # Whatever the clock showed meanwhile: who looks now has the whole quota a window later.
        limiter.peek("someone")
        pairs.clock.set(pairs.clock.now_us + window_us)
        assert limiter.hit("someone", policy.limit)


@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_a_client_that_keeps_asking_after_the_clock_went_back_is_let_in_again(
    pairs: Pairs, hours: int
) -> None:
    pair = pairs.fresh(Policy(2, 60))
    both(pair, 2, charge=True)
    pairs.clock.set(START_US - hours * 3_600 * SECOND_US)
    admitted = []
    for _ in range(13):  # every 5 s for a minute
        admitted.append(both(pair, 2, charge=True).admitted)
        pairs.clock.set(pairs.clock.now_us + 5 * SECOND_US)

    assert admitted == [False] * 12 + [True]


def test_a_lowered_limit_or_window_holds_from_the_next_request(pairs: Pairs) -> None:
    before = pairs.fresh(Policy(100, 3_600, "default"))
    both(before, 90, charge=True)
    after = pairs.again(Policy(10, 60, "default"))

    assert not both(after, 1, charge=True).admitted
    pairs.clock.set(START_US + 60 * SECOND_US)
    assert both(after, 10, charge=True).admitted


@pytest.mark.parametrize("algorithm", [Algorithm.SLIDING_WINDOW], indirect=True)
def test_a_slot_of_a_sliding_window_frees_to_the_microsecond(pairs: Pairs) -> None:
    pair = pairs.fresh(Policy(2, 1))
    both(pair, 1, charge=True)
    pairs.clock.set(START_US + SECOND_US // 4)
    both(pair, 1, charge=True)

    pairs.clock.set(START_US + SECOND_US - 1)
    assert both(pair, 1, charge=False).standings[0] == (0, 1, 1)
    pairs.clock.set(START_US + SECOND_US)
    assert both(pair, 1, charge=False).standings[0] == (1, SECOND_US // 4, 0)
    pairs.clock.set(START_US + SECOND_US * 5 // 4)
    assert both(pair, 2, charge=True).admitted
