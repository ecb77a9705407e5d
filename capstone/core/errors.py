"""What can go wrong, whatever has asked."""


class PlatformError(Exception):
    """The root of all errors of this platform."""


class StoreUnavailableError(PlatformError):
    """PostgreSQL does not answer, or not as it has to."""


class NotFoundError(PlatformError):
    """There is no such thing, or the caller may not know of it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class ForbiddenError(PlatformError):
    """The caller's role does not allow it."""


class InvalidValueError(PlatformError):
    """A value of the request is none that can be taken."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code


class EmailTakenError(PlatformError):
    """There is an account of this e-mail already."""


class WrongCredentialsError(PlatformError):
    """No account has this e-mail and this password."""


class LastOwnerError(PlatformError):
    """An organisation has an owner at every moment."""


class FlagOffError(PlatformError):
    """The feature is not switched on for this organisation."""


class TooManyRequestsError(PlatformError):
    """A limit is used up."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("The limit is used up.")
        self.retry_after_seconds = retry_after_seconds


class VersionError(PlatformError):
    """Somebody else has changed it meanwhile."""
