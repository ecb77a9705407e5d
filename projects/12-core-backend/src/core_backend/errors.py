"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class CoreBackendError(Exception):
    """Base of every error that this service raises on purpose."""


class NotFoundError(CoreBackendError):
    """There is no such thing, or none that this user may know of."""

    def __init__(self) -> None:
        super().__init__("There is nothing of yours with this id.")


class EmailTakenError(CoreBackendError):
    """Somebody has registered with this address."""

    def __init__(self) -> None:
        super().__init__("This address is registered already.")


class WrongCredentialsError(CoreBackendError):
    """The address or the password is wrong: which of them is not told."""

    def __init__(self) -> None:
        super().__init__("The address or the password is wrong.")


class UnauthenticatedError(CoreBackendError):
    """Nobody, or somebody with a token that is not good."""

    def __init__(self) -> None:
        super().__init__("Send an access token that is good: Authorization: Bearer ….")


class ForbiddenError(CoreBackendError):
    """It takes another role."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


class JobNotDeadError(CoreBackendError):
    """Only what is dead can be tried again by hand."""

    def __init__(self) -> None:
        super().__init__("The job is not dead.")


class TooManyRequestsError(CoreBackendError):
    """The address has had its share of this window."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Too many requests: come back in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class DatabaseUnavailableError(CoreBackendError):
    """PostgreSQL does not answer in time."""
