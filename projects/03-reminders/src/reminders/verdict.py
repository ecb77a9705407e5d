"""What becomes of a reminder once an attempt has ended."""

from reminders.backoff import Backoff, Uniform
from reminders.domain import Claim, Completion, Outcome, Result, State
from reminders.recurrence import Schedule


def judge(claim: Claim, result: Result, backoff: Backoff, uniform: Uniform) -> Completion:
    """Decide: delivered, once more, or dead. What recurs goes on with its next occurrence.

    One that is dead, recurring or not, stays so until somebody replays it: a receiver that has failed each
    attempt, or answered 410, is not called again by itself.
    """
    if result.outcome is Outcome.DELIVERED:
        following = Schedule(claim.recurrence).first_after(claim.remind_at) if claim.recurrence else None
        state = State.DELIVERED if following is None else State.SCHEDULED
        return Completion(claim, result, state, next_remind_at=following)
    if result.outcome is Outcome.GONE or claim.attempt >= backoff.max_attempts:
        return Completion(claim, result, State.DEAD)
    delay_seconds = backoff.delay_seconds(claim.attempt, result.retry_after_seconds, uniform)
    return Completion(claim, result, State.SCHEDULED, retry_delay_seconds=delay_seconds)
