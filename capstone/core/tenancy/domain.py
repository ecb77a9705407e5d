"""Organisations, which are the tenants, and what their members may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from auth import Role as Grant
from auth import Roles
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


_MEMBER: Final = frozenset(
    {
        Permission.READ_ORGANISATION,
        Permission.READ_MEMBERS,
        Permission.READ_PROJECTS,
        Permission.CHANGE_PROJECTS,
        Permission.READ_JOBS,
        Permission.READ_FLAGS,
    }
)
_ADMIN: Final = _MEMBER | {Permission.CHANGE_MEMBERS, Permission.CHANGE_ORGANISATION, Permission.CHANGE_JOBS}
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
    """Who asks, for which tenant, as what. It was looked up for this request, and is of no other."""

    tenant_id: UUID
    user_id: UUID
    role: Role

    def require(self, permission: str) -> None:
        """Raises: ForbiddenError."""
        if permission not in ROLES.permissions_of([self.role]):
            raise ForbiddenError(f"A {self.role} may not do this.")
