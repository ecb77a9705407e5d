"""How a reminder goes from one state to the next, and when it may not.

    scheduled -> delivering             claimed by a worker: sql/claim.sql, by its due time alone
    delivering -> delivering            its lease ended, and it is claimed again: sql/claim.sql
    delivering -> dead                  the lease of its last attempt ended: sql/claim.sql
    scheduled -> scheduled, cancelled   changed, cancelled
    delivering -> delivered, dead       the attempt succeeded; failed for the last time
    delivering -> scheduled             failed, and is tried again; succeeded, and recurs
    delivering -> scheduled             given back unfinished: sql/release.sql
    dead -> scheduled                   replayed

Where no file is named, the decision is made here. One change leaves the state as it is: sql/roll_forward.sql
moves a claimed reminder on to a later time of its recurrence. No function here touches the database.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from reminders.domain import Changes, Claim, Completion, Draft, Outcome, Reminder, Result, State
from reminders.errors import DeliveryInProgressError, ReminderFinishedError, ReminderNotDeadError
from reminders.recurrence import Schedule


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and when again after a failure: exponential backoff with full jitter."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    retry_after_cap_seconds: float
    uniform: Callable[[float, float], float]

    def delay_seconds(self, attempt: int, retry_after_seconds: float | None) -> float:
        """Draw the wait after attempt 1, 2, ...: uniform(0, min(cap, base * 2 ** (attempt - 1))).

        With base 5 and cap 3600: up to 5, 10, 20, 40, ... 3600 s. The whole span is drawn from, not only its
        upper part: that spreads those who failed together over all of it, and ends sooner in sum than any
        smaller jitter. A receiver's Retry-After is a lower bound, up to its own cap, lest a receiver park a
        reminder for ever.
        Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
        """
        drawn = self.uniform(0.0, min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1)))
        return max(drawn, min(retry_after_seconds or 0.0, self.retry_after_cap_seconds))


def begun(reminder_id: UUID, draft: Draft, now: datetime) -> Reminder:
    """Return a reminder as it begins."""
    asked_for = (getattr(draft, field.name) for field in fields(Draft))
    return Reminder(
        *asked_for, id=reminder_id, next_attempt_at=draft.remind_at, created_at=now, updated_at=now
    )


def revised(old: Reminder, changes: Changes, now: datetime) -> Reminder:
    """Apply changes. A new time is also the one from which a recurrence counts.

    If attempts have been made, this begins a new occurrence: the receiver may have seen the old message under
    the old key, and a key must not stand for two messages.

    Raises: DeliveryInProgressError, ReminderFinishedError.
    """
    _require_scheduled(old)
    new = replace(old, **changes)
    if "remind_at" in changes:
        recurrence = old.recurrence and replace(old.recurrence, anchor=new.remind_at)
        new = replace(new, next_attempt_at=new.remind_at, recurrence=recurrence)
    return _new_version(_next_occurrence(new) if old.attempt_count else new, now)


def cancelled(old: Reminder, now: datetime) -> Reminder:
    """Cancel; a second time changes nothing.

    Raises: DeliveryInProgressError, ReminderFinishedError.
    """
    if old.state is State.CANCELLED:
        return old
    _require_scheduled(old)
    return _new_version(replace(old, state=State.CANCELLED, next_attempt_at=None), now)


def replayed(old: Reminder, now: datetime) -> Reminder:
    """Have a dead reminder delivered after all: now, as a new occurrence with all its attempts.

    Raises: ReminderNotDeadError.
    """
    if old.state is not State.DEAD:
        raise ReminderNotDeadError(old.state)
    revived = replace(old, state=State.SCHEDULED, next_attempt_at=now)
    return _new_version(_next_occurrence(revived), now)


def completed(claim: Claim, result: Result, policy: RetryPolicy) -> Completion:
    """Decide what comes after an attempt: nothing more, another one, or death.

    What recurs goes on with its next occurrence. But one that is dead stays so until somebody replays it: a
    receiver that has failed each attempt, or answered 410, is not called again by itself.
    """
    reminder = claim.reminder
    if result.outcome is Outcome.DELIVERED:
        recurrence = reminder.recurrence
        following = Schedule(recurrence).first_after(reminder.remind_at) if recurrence else None
        state = State.DELIVERED if following is None else State.SCHEDULED
        return Completion(claim, result, state, next_remind_at=following)
    if result.outcome is Outcome.GONE or reminder.attempt_count >= policy.max_attempts:
        return Completion(claim, result, State.DEAD)
    delay_seconds = policy.delay_seconds(reminder.attempt_count, result.retry_after_seconds)
    return Completion(claim, result, State.SCHEDULED, retry_delay_seconds=delay_seconds)


def _require_scheduled(reminder: Reminder) -> None:
    if reminder.state is State.DELIVERING:
        raise DeliveryInProgressError
    if reminder.state is not State.SCHEDULED:
        raise ReminderFinishedError(reminder.state)


def _next_occurrence(reminder: Reminder) -> Reminder:
    return replace(reminder, occurrence=reminder.occurrence + 1, attempt_count=0)


def _new_version(reminder: Reminder, now: datetime) -> Reminder:
    return replace(reminder, version=reminder.version + 1, updated_at=now)
