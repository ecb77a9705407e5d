"""Organisations and memberships in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.audit.tables import AUDIT_ENTRIES
from core.identity.tables import USERS
from core.tenancy.domain import Member, Organisation, Role
from core.tenancy.tables import MEMBERSHIPS, ORGANISATIONS


class Organisations:
    """Tenants and their members."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, organisation: Organisation) -> None:
        await self._connection.execute(
            ORGANISATIONS.insert().values(id=organisation.id, name=organisation.name)
        )

    async def of_user(
        self, user_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[tuple[Organisation, Role]]:
        """List those that a user is in, the oldest first: ids sort by time."""
        query = (
            select(ORGANISATIONS.c.id, ORGANISATIONS.c.name, MEMBERSHIPS.c.role)
            .join_from(MEMBERSHIPS, ORGANISATIONS, ORGANISATIONS.c.id == MEMBERSHIPS.c.tenant_id)
            .where(MEMBERSHIPS.c.user_id == user_id)
        )
        if after is not None:
            query = query.where(ORGANISATIONS.c.id > after)
        found = await self._connection.execute(query.order_by(ORGANISATIONS.c.id).limit(limit))
        return [(Organisation(row.id, row.name), Role(row.role)) for row in found]

    async def find(self, tenant_id: UUID) -> Organisation | None:
        found = await self._connection.execute(
            select(ORGANISATIONS.c.id, ORGANISATIONS.c.name).where(ORGANISATIONS.c.id == tenant_id)
        )
        row = found.one_or_none()
        return None if row is None else Organisation(row.id, row.name)

    async def rename(self, tenant_id: UUID, name: str) -> None:
        await self._connection.execute(
            ORGANISATIONS.update().where(ORGANISATIONS.c.id == tenant_id).values(name=name)
        )

    async def standing_of(self, tenant_id: UUID, user_id: UUID) -> tuple[Role, int] | None:
        """Return the role of a user, and how many changes there were."""
        changes = select(func.max(AUDIT_ENTRIES.c.seq)).where(AUDIT_ENTRIES.c.tenant_id == tenant_id)
        found = await self._connection.execute(
            select(MEMBERSHIPS.c.role, func.coalesce(changes.scalar_subquery(), 0).label("changes"))
            .join_from(MEMBERSHIPS, ORGANISATIONS, ORGANISATIONS.c.id == MEMBERSHIPS.c.tenant_id)
            .where(
                MEMBERSHIPS.c.tenant_id == tenant_id,
                MEMBERSHIPS.c.user_id == user_id,
                ORGANISATIONS.c.suspended_at.is_(None),
            )
        )
        row = found.one_or_none()
        return None if row is None else (Role(row.role), row.changes)

    async def members(
        self, tenant_id: UUID, after: UUID | None = None, limit: int | None = None
    ) -> Sequence[Member]:
        """List the members, whose accounts are the oldest first."""
        query = (
            select(USERS.c.id, USERS.c.email, MEMBERSHIPS.c.role)
            .join_from(MEMBERSHIPS, USERS)
            .where(MEMBERSHIPS.c.tenant_id == tenant_id)
        )
        if after is not None:
            query = query.where(MEMBERSHIPS.c.user_id > after)
        found = await self._connection.execute(query.order_by(MEMBERSHIPS.c.user_id).limit(limit))
        return [Member(row.id, row.email, Role(row.role)) for row in found]

    async def add_member(self, tenant_id: UUID, user_id: UUID, role: Role) -> bool:
        """Add a member; False if the user is one already."""
        statement = insert(MEMBERSHIPS).values(tenant_id=tenant_id, user_id=user_id, role=role)
        added = await self._connection.execute(
            statement.on_conflict_do_nothing().returning(MEMBERSHIPS.c.user_id)
        )
        return added.scalar() is not None

    async def lock_members(self, tenant_id: UUID) -> dict[UUID, Role]:
        """Return the role of each member, and let nobody else change one until this transaction ends."""
        await self._connection.execute(
            select(ORGANISATIONS.c.id).where(ORGANISATIONS.c.id == tenant_id).with_for_update(key_share=True)
        )
        found = await self._connection.execute(
            select(MEMBERSHIPS.c.user_id, MEMBERSHIPS.c.role).where(MEMBERSHIPS.c.tenant_id == tenant_id)
        )
        return {row.user_id: Role(row.role) for row in found}

    async def set_role(self, tenant_id: UUID, user_id: UUID, role: Role) -> None:
        await self._connection.execute(
            MEMBERSHIPS.update()
            .where(MEMBERSHIPS.c.tenant_id == tenant_id, MEMBERSHIPS.c.user_id == user_id)
            .values(role=role)
        )

    async def remove_member(self, tenant_id: UUID, user_id: UUID) -> None:
        await self._connection.execute(
            MEMBERSHIPS.delete().where(MEMBERSHIPS.c.tenant_id == tenant_id, MEMBERSHIPS.c.user_id == user_id)
        )
