"""Who may do what: each route of an organisation names its permission, and one dependency asks for it."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import FromPath

from auth.litestar import AuthRequest
from core.tenancy.domain import Access, Permission
from core.tenancy.service import TenancyService

PERMISSION: Final = "permission"

Tenancy = NamedDependency[TenancyService]
Allowed = NamedDependency[Access]


def needs(permission: Permission) -> Mapping[str, object]:
    """Return the `opt` of a route of an organisation."""
    return {PERMISSION: permission}


async def allowed(request: AuthRequest, organisation_id: FromPath[UUID], tenancy: Tenancy) -> Access:
    """Look up what the caller is in this organisation, now.

    Raises: NotFoundError, ForbiddenError; NotSignedInError of libs/auth.
    """
    identity = await request.auth.signed_in()
    permission: str = request.route_handler.opt[PERMISSION]  # a route without it is a mistake, and fails
    return await tenancy.access(UUID(identity.subject), organisation_id, permission)
