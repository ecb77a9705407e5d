"""Which reminders are accepted: the rules that need the settings, the time, or several fields at once.

What can be said of one field by itself is in schemas.py.
"""

from datetime import datetime, timedelta
from typing import Final

from reminders.domain import Channel, Draft
from reminders.errors import InvalidFieldError, InvalidReminderError
from reminders.recurrence import Schedule
from service_kit.egress import EgressGuard, RefusedDestinationError

PAST_TOLERANCE: Final = timedelta(seconds=5)
"""For one that is meant for now, when its request took a while or the client's clock is a little slow."""


class Admission:
    """Accepts a reminder, or says all that is wrong with it."""

    def __init__(self, guard: EgressGuard, message_limit: int) -> None:
        self._guard = guard
        self._message_limit = message_limit

    def check(self, draft: Draft) -> None:
        """Check what does not depend on the time.

        Raises: InvalidReminderError.
        """
        flaws = []
        for check_one in (self._check_message, self._check_target, check_recurrence):
            try:
                check_one(draft)
            except InvalidFieldError as flaw:
                flaws.append(flaw)
        if flaws:
            raise InvalidReminderError(flaws)

    def _check_message(self, draft: Draft) -> None:
        if len(draft.message) > self._message_limit:
            reason = f"is longer than {self._message_limit} characters"
            raise InvalidFieldError(("message",), "message_too_long", reason)

    def _check_target(self, draft: Draft) -> None:
        url = draft.callback_url
        if draft.channel is Channel.LOG and url is not None:
            raise InvalidFieldError(("callback_url",), "not_allowed", "the log has no address")
        if draft.channel is Channel.WEBHOOK:
            if url is None:
                raise InvalidFieldError(("callback_url",), "missing", "is needed for this channel")
            try:
                self._guard.check(url)
            except RefusedDestinationError as refused:
                raise InvalidFieldError(("callback_url",), refused.code, str(refused)) from refused


def check_recurrence(draft: Draft) -> None:
    if draft.recurrence is not None:
        Schedule(draft.recurrence).check()


def check_time(remind_at: datetime, now: datetime) -> None:
    """Check that a reminder is not for the past.

    Raises: InvalidReminderError.
    """
    if remind_at < now - PAST_TOLERANCE:
        reason = f"is past: it is {now:%Y-%m-%dT%H:%M:%SZ}"
        raise InvalidReminderError([InvalidFieldError(("remind_at",), "past_date", reason)])
