"""Invitations in PostgreSQL, as far as the transaction's scope shows them. What has expired is not shown."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.identity.tables import USERS
from core.invitations.domain import Invitation
from core.invitations.tables import INVITATIONS
from core.tenancy.domain import Access, Organisation, Role
from core.tenancy.tables import ORGANISATIONS

_SHOWN: Final = (
    INVITATIONS.c.id,
    INVITATIONS.c.email,
    INVITATIONS.c.role,
    INVITATIONS.c.invited_by,
    INVITATIONS.c.created_at,
    INVITATIONS.c.expires_at,
)
_IS_OPEN: Final = INVITATIONS.c.expires_at > func.now()


class Invitations:
    """Who may become a member."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self, access: Access, invitation_id: UUID, email: str, role: Role, lifetime: timedelta
    ) -> Invitation:
        """Add an invitation, in place of the one that its address has."""
        values = {
            "id": invitation_id,
            "role": role,
            "invited_by": access.user_id,
            "created_at": func.now(),
            "expires_at": func.now() + lifetime,
        }
        statement = insert(INVITATIONS).values(values | {"tenant_id": access.tenant_id, "email": email})
        added = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[INVITATIONS.c.tenant_id, INVITATIONS.c.email], set_=values
            ).returning(*_SHOWN)
        )
        return _invitation(added.mappings().one())

    async def of_tenant(
        self, tenant_id: UUID, before: UUID | None = None, limit: int | None = None
    ) -> Sequence[Invitation]:
        """List invitations, the newest first."""
        query = select(*_SHOWN).where(INVITATIONS.c.tenant_id == tenant_id, _IS_OPEN)
        if before is not None:
            query = query.where(INVITATIONS.c.id < before)
        found = await self._connection.execute(query.order_by(INVITATIONS.c.id.desc()).limit(limit))
        return [_invitation(row) for row in found.mappings()]

    async def of_user(
        self, user_id: UUID, before: UUID | None = None, limit: int | None = None
    ) -> Sequence[tuple[Invitation, Organisation]]:
        """List the invitations to a user's address, the newest first."""
        query = (
            select(*_SHOWN, ORGANISATIONS.c.id.label("organisation_id"), ORGANISATIONS.c.name)
            .join_from(INVITATIONS, ORGANISATIONS, ORGANISATIONS.c.id == INVITATIONS.c.tenant_id)
            .join(USERS, USERS.c.email == INVITATIONS.c.email)
            .where(USERS.c.id == user_id, _IS_OPEN)
        )
        if before is not None:
            query = query.where(INVITATIONS.c.id < before)
        found = await self._connection.execute(query.order_by(INVITATIONS.c.id.desc()).limit(limit))
        return [
            (_invitation(row), Organisation(row["organisation_id"], row["name"])) for row in found.mappings()
        ]

    async def remove(self, tenant_id: UUID, invitation_id: UUID) -> bool:
        removed = await self._connection.execute(
            INVITATIONS.delete().where(
                INVITATIONS.c.tenant_id == tenant_id, INVITATIONS.c.id == invitation_id, _IS_OPEN
            )
        )
        return removed.rowcount > 0


def _invitation(row: RowMapping) -> Invitation:
    fields = {column.name: row[column.name] for column in _SHOWN}
    return Invitation(**fields | {"role": Role(row["role"])})
