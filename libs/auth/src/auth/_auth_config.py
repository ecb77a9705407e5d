"""Which credentials count, and what a request brings. No framework is known here."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth._api_keys import ApiKey, ApiKeyFormat
from auth._csrf import CsrfGuard
from auth._errors import SettingError
from auth._roles import Roles
from auth._sessions import Sessions

if TYPE_CHECKING:
    from auth._access_tokens import AccessClaims, AccessTokens

type RolesOf = Callable[[str], Awaitable[Collection[str] | None]]


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The method and the header lines of a request, names in small letters. A web socket's is WEBSOCKET."""

    method: str
    headers: Sequence[tuple[str, str]]

    def values(self, name: str) -> Sequence[str]:
        return [value for header, value in self.headers if header == name]


@dataclass(frozen=True, slots=True)
class AccessTokenAuth:
    """How access tokens are taken, and how to ask whether the session that they name still lives."""

    tokens: "AccessTokens"
    is_live: Callable[["AccessClaims"], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ApiKeyAuth:
    """How API keys look, and how to look one up, in a transaction of the application."""

    key_format: ApiKeyFormat
    authenticate: Callable[[str], Awaitable[ApiKey]]


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Which credentials count. `roles_of` is asked at every request; None is for who may not come in."""

    roles: Roles
    roles_of: RolesOf
    sessions: Sessions
    csrf: CsrfGuard
    access_tokens: AccessTokenAuth | None = None
    api_keys: ApiKeyAuth | None = None
    realm: str = "api"

    def __post_init__(self) -> None:
        if '"' in self.realm or "\\" in self.realm or not self.realm.isprintable():
            raise SettingError("the realm stands in quotes, and has none itself")

    @property
    def takes_bearer(self) -> bool:
        return self.access_tokens is not None or self.api_keys is not None
