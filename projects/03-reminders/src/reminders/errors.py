"""What can go wrong in this service, in its own terms; app.py gives each a status."""

from collections.abc import Sequence
from uuid import UUID


class RemindersError(Exception):
    """Base of every error that this service raises on purpose."""


class InvalidFieldError(RemindersError):
    """A field of a reminder is well-formed but not acceptable; `path` leads to it in the body."""

    def __init__(self, path: tuple[str, ...], code: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.code = code
        self.reason = reason


class InvalidReminderError(RemindersError):
    """A reminder cannot be made as it was asked for: here is all that is wrong with it."""

    def __init__(self, flaws: Sequence[InvalidFieldError]) -> None:
        super().__init__("; ".join(flaw.reason for flaw in flaws))
        self.flaws = flaws


class ReminderNotFoundError(RemindersError):
    """There is no reminder with this id."""

    def __init__(self, reminder_id: UUID) -> None:
        super().__init__(f"there is no reminder {reminder_id}")


class UnknownCursorError(RemindersError):
    """A cursor leads to no place in the list."""


class StaleVersionError(RemindersError):
    """The reminder has changed since the caller read it."""

    def __init__(self) -> None:
        super().__init__("the reminder has changed since you read it: read it again")


class ReminderFinishedError(RemindersError):
    """The reminder is delivered, cancelled or dead, and what was asked needs one that is not."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the reminder is {state}")


class DeliveryInProgressError(RemindersError):
    """A worker holds the reminder at this moment; it can be changed again once the attempt is over."""

    def __init__(self) -> None:
        super().__init__("an attempt to deliver the reminder is under way")


class ReminderNotDeadError(RemindersError):
    """Only a dead reminder can be replayed."""

    def __init__(self, state: str) -> None:
        super().__init__(f"only a dead reminder can be replayed, and this one is {state}")


class IdempotencyKeyReusedError(RemindersError):
    """The key was used before, for another body."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used before with another body")


class DatabaseUnavailableError(RemindersError):
    """PostgreSQL did not answer, or not in time. Whether a commit under way took effect is not known."""
