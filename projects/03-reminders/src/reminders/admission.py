"""Which reminders are accepted: the rules that need the settings, the time, or several fields at once.

What can be said of one field by itself is in schemas.py.
"""

from datetime import datetime, timedelta
from typing import Final

from reminders.callbacks import CallbackGuard
from reminders.domain import Channel, Draft
from reminders.errors import CallbackRefusedError, Flaw, InvalidReminderError, RecurrenceError
from reminders.recurrence import Schedule

PAST_TOLERANCE: Final = timedelta(seconds=5)
"""For one that is meant for now, when its request took a while or the client's clock is a little slow."""


class Admission:
    """Accepts a reminder, or says all that is wrong with it."""

    def __init__(self, guard: CallbackGuard, message_limit: int) -> None:
        self._guard = guard
        self._message_limit = message_limit

    def check(self, draft: Draft) -> None:
        """Check what does not depend on the time.

        Raises: InvalidReminderError.
        """
        flaws = [
            self._flaw_of_message(draft.message),
            self._flaw_of_target(draft.channel, draft.callback_url),
        ]
        _refuse([*flaws, flaw_of_rule(draft)])

    def check_time(self, remind_at: datetime, now: datetime) -> None:
        """Check that a reminder is not for the past.

        Raises: InvalidReminderError.
        """
        _refuse([flaw_of_time(remind_at, now)])

    def _flaw_of_message(self, message: str) -> Flaw | None:
        if len(message) <= self._message_limit:
            return None
        return Flaw(("message",), "message_too_long", f"is longer than {self._message_limit} characters")

    def _flaw_of_target(self, channel: Channel, url: str | None) -> Flaw | None:
        field = ("callback_url",)
        if channel is Channel.LOG:
            return Flaw(field, "not_allowed", "the log has no address") if url is not None else None
        if url is None:
            return Flaw(field, "missing", "is needed for this channel")
        try:
            self._guard.check(url)
        except CallbackRefusedError as error:
            return Flaw(field, error.code, error.reason)
        return None


def flaw_of_time(remind_at: datetime, now: datetime) -> Flaw | None:
    if remind_at >= now - PAST_TOLERANCE:
        return None
    return Flaw(("remind_at",), "past_date", f"is past: it is {now:%Y-%m-%dT%H:%M:%SZ}")


def flaw_of_rule(draft: Draft) -> Flaw | None:
    if draft.recurrence is None:
        return None
    try:
        schedule = Schedule(draft.recurrence)
    except RecurrenceError as error:
        return Flaw(("recurrence", error.field), error.code, error.reason)
    if schedule.begins_at_anchor():
        return None
    return Flaw(("remind_at",), "not_in_recurrence", "is not itself a time of the recurrence")


def _refuse(flaws: list[Flaw | None]) -> None:
    found = [flaw for flaw in flaws if flaw is not None]
    if found:
        raise InvalidReminderError(found)
