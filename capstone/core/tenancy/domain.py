"""Organisations, which are the tenants, and what their members may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from auth import Role as Grant
from auth import Roles
from core.audit.domain import Actor, ActorType
from core.errors import ForbiddenError


class Role(StrEnum):
    """What somebody is in an organisation."""

    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """What a route asks for. An API key's scope is the part before the colon, or the whole."""

    READ_ORGANISATION = "organisation:read"
    CHANGE_ORGANISATION = "organisation:write"
    READ_MEMBERS = "members:read"
    CHANGE_MEMBERS = "members:write"
    READ_PROJECTS = "projects:read"
    CHANGE_PROJECTS = "projects:write"
    READ_JOBS = "jobs:read"
    CHANGE_JOBS = "jobs:write"
    READ_FLAGS = "flags:read"
    READ_KEYS = "keys:read"
    CHANGE_KEYS = "keys:write"
    READ_AUDIT = "audit:read"
    READ_WEBHOOKS = "webhooks:read"
    CHANGE_WEBHOOKS = "webhooks:write"
    READ_FILES = "files:read"
    CHANGE_FILES = "files:write"


_MEMBER: Final = frozenset(
    {
        Permission.READ_ORGANISATION,
        Permission.READ_MEMBERS,
        Permission.READ_PROJECTS,
        Permission.CHANGE_PROJECTS,
        Permission.READ_JOBS,
        Permission.READ_FLAGS,
        Permission.READ_FILES,
        Permission.CHANGE_FILES,
    }
)
_ADMIN: Final = _MEMBER | {
    Permission.CHANGE_MEMBERS,
    Permission.CHANGE_ORGANISATION,
    Permission.CHANGE_JOBS,
    Permission.READ_KEYS,
    Permission.CHANGE_KEYS,
    Permission.READ_AUDIT,
    Permission.READ_WEBHOOKS,
    Permission.CHANGE_WEBHOOKS,
}
ROLES: Final = Roles(
    [
        Grant(Role.MEMBER, 1, frozenset(map(str, _MEMBER))),
        Grant(Role.ADMIN, 2, frozenset(map(str, _ADMIN))),
        Grant(Role.OWNER, 3, frozenset(map(str, _ADMIN))),
    ]
)
"""Who has the higher rank may give and take the lower roles, and its own."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's part in an organisation."""

    user_id: UUID
    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, for which tenant, as what, by which key: looked up for this request, and for no other.

    `changes` is how many changes the tenant has seen by then: what is read afterwards is of these at least.
    """

    tenant_id: UUID
    user_id: UUID
    role: Role
    key_id: UUID | None = None
    changes: int = 0

    @property
    def actor(self) -> Actor:
        return Actor(ActorType.USER, self.user_id, self.key_id)

    def may(self, permission: str) -> bool:
        return permission in ROLES.permissions_of([self.role])

    def may_give(self, *roles: Role) -> bool:
        return ROLES.may_grant([self.role], roles)

    def require(self, permission: str) -> None:
        """Raises: ForbiddenError."""
        if not self.may(permission):
            raise ForbiddenError(f"A {self.role} may not do this.")

    def require_rank(self, *roles: Role) -> None:
        """Raises: ForbiddenError."""
        if not self.may_give(*roles):
            raise ForbiddenError("Nobody gives or takes a role above their own.")

    def require_scope(self, scope: str) -> None:
        """Ask for all permissions that a scope stands for. Raises: ForbiddenError."""
        for permission in Permission:
            if permission == scope or permission.startswith(f"{scope}:"):
                self.require(permission)
