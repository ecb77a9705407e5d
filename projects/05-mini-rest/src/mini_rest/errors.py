"""What can go wrong in this service, in its own terms; app.py gives each a status."""

from collections.abc import Sequence


class MiniRestError(Exception):
    """Base of every error that this service raises on purpose."""


class InvalidFieldError(MiniRestError):
    """A field is well-formed JSON and not acceptable."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code
        self.reason = reason


class FlawedError(MiniRestError):
    """Base of errors that tell of all mistakes at once."""

    def __init__(self, flaws: Sequence[InvalidFieldError]) -> None:
        super().__init__("; ".join(flaw.reason for flaw in flaws))
        self.flaws = flaws


class InvalidInputError(FlawedError):
    """Fields of the body are not acceptable."""


class InvalidQueryError(FlawedError):
    """The query has parameters that this route does not know, or values that they cannot have."""


class UnauthenticatedError(MiniRestError):
    """There is no token, or nobody has it."""

    def __init__(self, *, was_sent: bool) -> None:
        super().__init__("The token is not valid." if was_sent else "Send a token: Authorization: Bearer ….")
        self.was_sent = was_sent


class ForbiddenError(MiniRestError):
    """The caller is known, and may not do this."""

    def __init__(self) -> None:
        super().__init__("You may not do this.")


class NotFoundError(MiniRestError):
    """There is no such thing, or none that this caller may know of: the two look the same."""

    def __init__(self) -> None:
        super().__init__("There is nothing here.")


class EmailTakenError(MiniRestError):
    """Another user has this address."""

    def __init__(self) -> None:
        super().__init__("Another user has this e-mail address.")


class NotDeletedError(MiniRestError):
    """Only a deleted task can be restored."""

    def __init__(self) -> None:
        super().__init__("The task is not deleted.")


class PreconditionRequiredError(MiniRestError):
    """A change has to say which version it is meant for."""

    def __init__(self) -> None:
        super().__init__("Send the ETag of the task, as you last read it, in If-Match.")


class StaleVersionError(MiniRestError):
    """The task has changed since the caller read it."""

    def __init__(self) -> None:
        super().__init__("The task has changed since you read it: read it again.")


class InvalidKeyError(MiniRestError):
    """The Idempotency-Key is none."""

    def __init__(self) -> None:
        super().__init__('An Idempotency-Key is one string of 1 to 255 characters, such as "8e03978e".')


class KeyInUseError(MiniRestError):
    """A request with this Idempotency-Key is being worked on."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is under way: come again.")


class KeyReusedError(MiniRestError):
    """The Idempotency-Key was used before, for another body."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used before with another body.")


class DatabaseUnavailableError(MiniRestError):
    """PostgreSQL did not answer, or not in time. Whether a commit under way took effect is not known."""
