"""Who is asking, and what they may do."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from auth._errors import ForbiddenError, InsufficientScopeError, SettingError
from auth._session import Session


@dataclass(frozen=True, slots=True)
class Role:
    """A name for permissions. Who has the higher rank may give the lower ones, not the other way round."""

    name: str
    rank: int
    permissions: frozenset[str] = frozenset()


class Roles:
    """All roles of a service. One that it does not know any more gives nothing, and nobody may grant it."""

    def __init__(self, roles: Iterable[Role]) -> None:
        listed = list(roles)
        self._roles = {role.name: role for role in listed}
        if len(self._roles) < len(listed):
            raise SettingError("two roles have one name")

    def permissions_of(self, names: Iterable[str]) -> frozenset[str]:
        known = [self._roles[name].permissions for name in names if name in self._roles]
        return frozenset().union(*known)

    def may_grant(self, granter: Iterable[str], roles: Iterable[str]) -> bool:
        """Tell whether the granter's rank reaches that of all these roles.

        For a change ask for the roles before and after it: who may not make an owner may not unmake one.
        """
        ranks = [self._roles[name].rank for name in granter if name in self._roles]
        return bool(ranks) and all(
            name in self._roles and self._roles[name].rank <= max(ranks) for name in roles
        )


class Kind(StrEnum):
    """By what a request is authenticated."""

    SESSION = "session"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a name
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking. `scopes` narrow what the roles allow; None does not. `session` is that of a cookie.

    `credential` is the public id of what authenticated: a session, an access token's session, or a key.
    """

    subject: str
    kind: Kind
    credential: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = field(default=frozenset(), repr=False)
    scopes: frozenset[str] | None = None
    session: Session | None = field(default=None, repr=False)

    def may(self, permission: str) -> bool:
        return permission in self.permissions and covers(self.scopes, permission)

    def require(self, permission: str) -> None:
        """Raises: InsufficientScopeError where only the key's scopes stand in the way, ForbiddenError."""
        if permission not in self.permissions:
            raise ForbiddenError("your roles do not allow this")
        if not covers(self.scopes, permission):
            raise InsufficientScopeError(f"the key has no scope for {permission}")


def covers(scopes: Collection[str] | None, permission: str) -> bool:
    """Tell whether a scope names the permission, or its family: `projects` is all of `projects:…`."""
    return scopes is None or any(
        permission == scope or permission.startswith(f"{scope}:") for scope in scopes
    )
