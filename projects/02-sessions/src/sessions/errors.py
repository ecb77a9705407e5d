"""What can go wrong in this service, in its own terms; app.py gives each a status."""


class SessionsError(Exception):
    """Base of every error that this service raises on purpose."""


class InvalidEmailError(SessionsError):
    """This is no e-mail address."""

    def __init__(self) -> None:
        super().__init__("This is no e-mail address.")


class UnacceptablePasswordError(SessionsError):
    """A password may not be used."""

    def __init__(self, field: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.code = code


class InvalidTokenError(SessionsError):
    """A token of a mail is unknown, used, too old, or of no use any more."""

    def __init__(self) -> None:
        super().__init__("The token is not valid, or not any more.")


class NotSignedInError(SessionsError):
    """No live session came with the request."""

    def __init__(self, *, had_cookie: bool) -> None:
        super().__init__("Sign in first.")
        self.had_cookie = had_cookie


class WrongCredentialsError(SessionsError):
    """There is no such account, or this is not its password: which of them, nobody is told."""

    def __init__(self) -> None:
        super().__init__("The e-mail or the password is wrong.")


class WrongPasswordError(SessionsError):
    """Who is signed in has given a current password that is wrong."""

    def __init__(self) -> None:
        super().__init__("The current password is wrong.")


class ReauthenticationRequiredError(SessionsError):
    """The login is too long ago for this, and no current password came along."""

    def __init__(self) -> None:
        super().__init__("Send the current password, or sign in again.")


class LockedError(SessionsError):
    """Too many guesses have failed."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__("Too many attempts have failed.")
        self.wait_seconds = wait_seconds


class TooManyLoginsError(SessionsError):
    """As many passwords as this process takes are being hashed or wait for it."""


class ForeignRequestError(SessionsError):
    """A page of another site has sent the request, or may have."""

    def __init__(self) -> None:
        super().__init__("The request does not come from a page of this service.")


class ForbiddenError(SessionsError):
    """Only an administrator may do this."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


class NotFoundError(SessionsError):
    """There is no such thing, or it is somebody else's."""


class StoreUnavailableError(SessionsError):
    """PostgreSQL or Redis does not answer in time."""
