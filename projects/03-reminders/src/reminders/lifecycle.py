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

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from reminders.backoff import Backoff, Uniform
from reminders.domain import Changes, Claim, Completion, Draft, Outcome, Reminder, Result, State
from reminders.errors import DeliveryInProgressError, ReminderFinishedError, ReminderNotDeadError
from reminders.recurrence import Schedule


def begun(reminder_id: UUID, draft: Draft, now: datetime) -> Reminder:
    """Return a reminder as it begins."""
    return Reminder(
        id=reminder_id,
        message=draft.message,
        remind_at=draft.remind_at,
        channel=draft.channel,
        callback_url=draft.callback_url,
        recurrence=draft.recurrence,
        next_attempt_at=draft.remind_at,
        created_at=now,
        updated_at=now,
    )


def revised(old: Reminder, changes: Changes, now: datetime) -> Reminder:
    """Apply changes. A new time is also the one from which a recurrence counts.

    If attempts have been made, this begins a new occurrence: the receiver may have seen the old message under
    the old key, and a key must not stand for two messages.

    Raises: DeliveryInProgressError, ReminderFinishedError.
    """
    _require_scheduled(old)
    new = replace(
        old,
        message=old.message if changes.message is None else changes.message,
        callback_url=old.callback_url if changes.callback_url is None else changes.callback_url,
    )
    if changes.remind_at is not None:
        recurrence = old.recurrence and replace(old.recurrence, anchor=changes.remind_at)
        new = replace(
            new, remind_at=changes.remind_at, next_attempt_at=changes.remind_at, recurrence=recurrence
        )
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


def completed(claim: Claim, result: Result, backoff: Backoff, uniform: Uniform) -> Completion:
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
    if result.outcome is Outcome.GONE or reminder.attempt_count >= backoff.max_attempts:
        return Completion(claim, result, State.DEAD)
    delay_seconds = backoff.delay_seconds(reminder.attempt_count, result.retry_after_seconds, uniform)
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
