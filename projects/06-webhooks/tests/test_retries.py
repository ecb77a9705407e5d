from uuid import UUID

import pytest

from webhooks.domain import Claim, EventState, Outcome, Result
from webhooks.retries import RetryPolicy

POLICY = RetryPolicy(3, 5.0, 60.0, 3600.0, lambda _, high: high)


def claim(attempt: int) -> Claim:
    return Claim(UUID(int=1), 1, attempt, "https://example.com/", "whsec_x", "msg_1", None, b"")


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (2000, 60)])
def test_the_bound_of_the_wait_doubles_up_to_the_cap(attempt: int, seconds: float) -> None:
    assert POLICY.delay_seconds(min(attempt, 1000), None) == seconds


@pytest.mark.parametrize(("asked", "seconds"), [(0.0, 5.0), (4.9, 5.0), (7.0, 7.0), (9e9, 3600.0)])
def test_retry_after_is_a_lower_bound_with_a_cap(asked: float, seconds: float) -> None:
    assert POLICY.delay_seconds(1, asked) == seconds


@pytest.mark.parametrize(
    ("attempt", "outcome", "state"),
    [
        (1, Outcome.FORWARDED, EventState.FORWARDED),
        (1, Outcome.GONE, EventState.DEAD),
        (2, Outcome.FAILED, EventState.PENDING),
        (3, Outcome.FAILED, EventState.DEAD),
        (3, Outcome.FORWARDED, EventState.FORWARDED),
    ],
)
def test_what_comes_after_an_attempt(attempt: int, outcome: Outcome, state: EventState) -> None:
    completion = POLICY.completed(claim(attempt), Result(outcome))
    assert completion.state is state
    assert (completion.retry_delay_seconds is not None) == (state is EventState.PENDING)
