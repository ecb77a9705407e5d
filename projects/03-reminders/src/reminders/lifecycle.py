"""How a reminder becomes the next version of itself, apart from what workers do to it (sql/)."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from reminders.domain import Changes, Draft, Reminder, State


def first_occurrence(reminder_id: UUID, draft: Draft, now: datetime) -> Reminder:
    """Return a reminder as it begins."""
    return Reminder(
        id=reminder_id,
        message=draft.message,
        remind_at=draft.remind_at,
        channel=draft.channel,
        callback_url=draft.callback_url,
        recurrence=draft.recurrence,
        state=State.SCHEDULED,
        occurrence=1,
        attempt_count=0,
        next_attempt_at=draft.remind_at,
        version=1,
        created_at=now,
        updated_at=now,
    )


def revised(old: Reminder, changes: Changes, now: datetime) -> Reminder:
    """Apply changes. A new time is also the one from which a recurrence counts.

    If attempts have been made, the rest is a new occurrence: the key that a receiver has seen stands for what
    it has seen, and nothing else.
    """
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
    return touched(next_occurrence(new) if old.attempt_count else new, now)


def next_occurrence(reminder: Reminder) -> Reminder:
    """Begin anew, with all attempts and a key of its own."""
    return replace(reminder, occurrence=reminder.occurrence + 1, attempt_count=0)


def touched(reminder: Reminder, now: datetime) -> Reminder:
    """Make it a new version."""
    return replace(reminder, version=reminder.version + 1, updated_at=now)
