"""What can go wrong, in the library's own terms. No message holds a secret, and no error knows HTTP."""

from typing import ClassVar


class AuthError(Exception):
    """Base of every error that this library raises on purpose; `code` is the name that programs branch on."""

    code: ClassVar[str] = "auth_error"


class SettingError(AuthError, ValueError):
    """A setting that cannot be; the message says which."""

    code = "invalid_setting"


class StoreUnavailableError(AuthError):
    """The store is away, silent or confused: nobody can tell who is asking, so nobody is let in."""

    code = "store_unavailable"


class HasherBusyError(AuthError):
    """As many passwords wait to be hashed as may wait."""

    code = "hasher_busy"


class UnknownHashError(AuthError):
    """What is stored as a password's hash is none that this library reads."""

    code = "unknown_hash"


class PasswordRefusedError(AuthError):
    """A password that the policy does not take; `reason` is too_short, too_long, common or contains_word."""

    code = "password_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class LoginVoidedError(AuthError):
    """All sessions of the subject were ended after this login began."""

    code = "login_voided"


class InvalidTokenError(AuthError):
    """An access token that was not issued here, or not for this use. It does not say why."""

    code = "invalid_token"


class TokenExpiredError(InvalidTokenError):
    """An access token that is right in everything but its time."""

    code = "token_expired"


class InvalidRefreshTokenError(AuthError):
    """A refresh token that is unknown, or of a family that has ended or expired."""

    code = "invalid_refresh_token"


class TokenReusedError(InvalidRefreshTokenError):
    """A refresh token that was exchanged longer ago than the grace: its whole family has ended."""

    code = "token_reused"


class InvalidApiKeyError(AuthError):
    """An API key that is malformed, unknown, expired or revoked. It does not say which."""

    code = "invalid_api_key"


class NotSignedInError(AuthError):
    """The request has no credentials, or none that are live."""

    code = "not_signed_in"


class SessionEndedError(NotSignedInError):
    """The session ended while the request ran."""

    code = "session_ended"


class ForbiddenError(AuthError):
    """The caller is known and may not do this."""

    code = "forbidden"


class InsufficientScopeError(ForbiddenError):
    """The caller's roles allow it, and the scopes of the API key do not."""

    code = "insufficient_scope"


class ReauthenticationRequiredError(ForbiddenError):
    """This needs the password again, or a login that is younger."""

    code = "reauthentication_required"


class CrossSiteError(ForbiddenError):
    """A request that another site may have made the browser send."""

    code = "cross_site"
