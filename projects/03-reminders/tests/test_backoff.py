import random
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from reminders.lifecycle import RetryPolicy

SECONDS = st.floats(0.01, 86_400)

type Uniform = Callable[[float, float], float]


def lowest(low: float, _high: float) -> float:
    return low


def highest(_low: float, high: float) -> float:
    return high


def policy(
    uniform: Uniform, base: float = 5.0, cap: float = 3600.0, retry_after_cap: float = 60.0
) -> RetryPolicy:
    return RetryPolicy(100, base, cap, retry_after_cap, uniform)


def test_the_span_doubles_with_each_attempt_up_to_the_cap() -> None:
    spans = [policy(highest, cap=100.0).delay_seconds(attempt, None) for attempt in range(1, 8)]
    assert spans == [5.0, 10.0, 20.0, 40.0, 80.0, 100.0, 100.0]


def test_the_jitter_is_full_it_begins_at_zero() -> None:
    assert [policy(lowest).delay_seconds(attempt, None) for attempt in (1, 5, 100)] == [0.0, 0.0, 0.0]


@given(base=SECONDS, cap=SECONDS, attempt=st.integers(1, 100), seed=st.integers())
@example(base=86_400, cap=86_400, attempt=100, seed=0)
def test_a_delay_is_never_outside_the_documented_bounds(
    base: float, cap: float, attempt: int, seed: int
) -> None:
    delay = policy(random.Random(seed).uniform, base, cap).delay_seconds(attempt, None)
    assert 0 <= delay <= min(cap, base * 2.0 ** (attempt - 1))


@given(retry_after=st.floats(0, 1e300), attempt=st.integers(1, 100))
def test_retry_after_is_a_lower_bound_up_to_its_cap(retry_after: float, attempt: int) -> None:
    low, high = policy(lowest, base=1.0, cap=10.0), policy(highest, base=1.0, cap=10.0)
    assert low.delay_seconds(attempt, retry_after) == min(retry_after, 60.0)
    assert high.delay_seconds(attempt, retry_after) >= min(retry_after, 60.0)


def test_retry_after_does_not_shorten_the_wait() -> None:
    assert policy(highest).delay_seconds(3, 1.0) == 20.0
