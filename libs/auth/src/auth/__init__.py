"""Who is asking, and what they may do. All that is public is listed here, and in `auth.litestar`."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from auth._api_keys import ApiKey, ApiKeyFormat, ApiKeys, ApiKeyStore, IssuedApiKey, NewApiKey
from auth._auth_config import AccessTokenAuth, ApiKeyAuth, AuthConfig, RequestHead
from auth._cookies import CLEAR, COOKIE, session_tokens, set_cookie
from auth._csrf import CsrfGuard
from auth._errors import (
    AuthError,
    CrossSiteError,
    ForbiddenError,
    HasherBusyError,
    InsufficientScopeError,
    InvalidApiKeyError,
    InvalidRefreshTokenError,
    InvalidTokenError,
    LoginVoidedError,
    NotSignedInError,
    PasswordRefusedError,
    ReauthenticationRequiredError,
    SessionEndedError,
    SettingError,
    StoreUnavailableError,
    TokenExpiredError,
    TokenReusedError,
    UnknownHashError,
)
from auth._memory_api_keys import MemoryApiKeyStore
from auth._memory_refresh_tokens import MemoryRefreshTokenStore
from auth._memory_sessions import MemorySessionStore
from auth._password_policy import PasswordPolicy
from auth._passwords import Parameters, PasswordHasher, Verification
from auth._refresh_tokens import (
    IssuedRefreshToken,
    RefreshPolicy,
    RefreshTokens,
    RefreshTokenStore,
    Rotation,
    StoredRefreshToken,
    TokenFamily,
)
from auth._request_auth import RequestAuth
from auth._roles import Identity, Kind, Role, Roles
from auth._session import IssuedSession, NewSession, Session, SessionPolicy, SessionStore
from auth._sessions import Sessions

if TYPE_CHECKING:
    from auth._access_tokens import AccessClaims, AccessTokens
    from auth._postgres_api_keys import PostgresApiKeyStore
    from auth._postgres_refresh_tokens import PostgresRefreshTokenStore
    from auth._postgres_tables import metadata
    from auth._redis_sessions import RedisSessionStore

__all__ = [
    "CLEAR",
    "COOKIE",
    "AccessClaims",
    "AccessTokenAuth",
    "AccessTokens",
    "ApiKey",
    "ApiKeyAuth",
    "ApiKeyFormat",
    "ApiKeyStore",
    "ApiKeys",
    "AuthConfig",
    "AuthError",
    "CrossSiteError",
    "CsrfGuard",
    "ForbiddenError",
    "HasherBusyError",
    "Identity",
    "InsufficientScopeError",
    "InvalidApiKeyError",
    "InvalidRefreshTokenError",
    "InvalidTokenError",
    "IssuedApiKey",
    "IssuedRefreshToken",
    "IssuedSession",
    "Kind",
    "LoginVoidedError",
    "MemoryApiKeyStore",
    "MemoryRefreshTokenStore",
    "MemorySessionStore",
    "NewApiKey",
    "NewSession",
    "NotSignedInError",
    "Parameters",
    "PasswordHasher",
    "PasswordPolicy",
    "PasswordRefusedError",
    "PostgresApiKeyStore",
    "PostgresRefreshTokenStore",
    "ReauthenticationRequiredError",
    "RedisSessionStore",
    "RefreshPolicy",
    "RefreshTokenStore",
    "RefreshTokens",
    "RequestAuth",
    "RequestHead",
    "Role",
    "Roles",
    "Rotation",
    "Session",
    "SessionEndedError",
    "SessionPolicy",
    "SessionStore",
    "Sessions",
    "SettingError",
    "StoreUnavailableError",
    "StoredRefreshToken",
    "TokenExpiredError",
    "TokenFamily",
    "TokenReusedError",
    "UnknownHashError",
    "Verification",
    "metadata",
    "session_tokens",
    "set_cookie",
]

NEEDS_EXTRA: Final = {
    "AccessClaims": "_access_tokens",
    "AccessTokens": "_access_tokens",
    "PostgresApiKeyStore": "_postgres_api_keys",
    "PostgresRefreshTokenStore": "_postgres_refresh_tokens",
    "RedisSessionStore": "_redis_sessions",
    "metadata": "_postgres_tables",
}


def __getattr__(name: str) -> object:
    """Import what needs an extra when it is asked for: without the extra, the rest works."""
    if name in NEEDS_EXTRA:
        found: object = getattr(import_module(f"auth.{NEEDS_EXTRA[name]}"), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
