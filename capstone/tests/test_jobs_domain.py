import pytest

from core.jobs.domain import Backoff


@pytest.mark.parametrize(("attempt", "span"), [(1, 2.0), (2, 4.0), (5, 32.0), (12, 60.0)])
def test_a_wait_is_between_half_and_all_of_a_span_that_doubles_up_to_a_longest_one(
    attempt: int, span: float
) -> None:
    backoff = Backoff(2.0, longest_seconds=60.0)
    assert backoff.after(attempt, 0.0).total_seconds() == span / 2
    assert backoff.after(attempt, 1.0).total_seconds() == span
    drawn = {backoff.after(attempt).total_seconds() for _ in range(50)}
    assert len(drawn) > 1
    assert all(span / 2 <= one <= span for one in drawn)
