from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from reminders.domain import Channel, Claim, Draft, Outcome, Recurrence, Result, State
from reminders.lifecycle import RetryPolicy, begun, completed

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
POLICY = RetryPolicy(
    max_attempts=3,
    base_seconds=2.0,
    cap_seconds=60.0,
    retry_after_cap_seconds=30.0,
    uniform=lambda _low, high: high,
)
DELIVERED = Result(Outcome.DELIVERED, 204)
FAILED = Result(Outcome.FAILED, 500)
GONE = Result(Outcome.GONE, 410)


def claim(attempt: int = 1, rrule: str | None = None) -> Claim:
    recurrence = Recurrence(rrule, "UTC", NINE) if rrule else None
    reminder = begun(UUID(int=1), Draft("hello", NINE, Channel.LOG, None, recurrence), NINE)
    return Claim(replace(reminder, state=State.DELIVERING, attempt_count=attempt), token=7)


def test_a_success_is_the_end_of_a_reminder_that_does_not_recur() -> None:
    completion = completed(claim(), DELIVERED, POLICY)
    assert completion.state is State.DELIVERED
    assert completion.retry_delay_seconds is None
    assert completion.next_remind_at is None


@pytest.mark.parametrize(("attempt", "delay"), [(1, 2.0), (2, 4.0)])
def test_a_failure_is_tried_again_after_the_backoff(attempt: int, delay: float) -> None:
    completion = completed(claim(attempt), FAILED, POLICY)
    assert completion.state is State.SCHEDULED
    assert completion.retry_delay_seconds == delay


def test_the_last_failure_is_death() -> None:
    assert completed(claim(attempt=3), FAILED, POLICY).state is State.DEAD


def test_410_is_death_at_the_first_attempt() -> None:
    assert completed(claim(), GONE, POLICY).state is State.DEAD


def test_retry_after_puts_the_next_attempt_off() -> None:
    result = Result(Outcome.FAILED, 503, retry_after_seconds=20.0)
    assert completed(claim(), result, POLICY).retry_delay_seconds == 20.0


def test_a_recurring_reminder_goes_on_with_its_next_occurrence() -> None:
    completion = completed(claim(rrule="FREQ=DAILY"), DELIVERED, POLICY)
    assert completion.state is State.SCHEDULED
    assert completion.next_remind_at == NINE + timedelta(days=1)


def test_a_recurring_reminder_ends_with_its_rule() -> None:
    assert completed(claim(rrule="FREQ=DAILY;COUNT=1"), DELIVERED, POLICY).state is State.DELIVERED


def test_a_recurring_reminder_dies_like_any_other() -> None:
    assert completed(claim(3, "FREQ=DAILY"), FAILED, POLICY).state is State.DEAD
    assert completed(claim(1, "FREQ=DAILY"), GONE, POLICY).state is State.DEAD
