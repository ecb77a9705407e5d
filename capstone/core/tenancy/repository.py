"""Organisations and memberships in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

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

    async def of_user(self, user_id: UUID) -> Sequence[tuple[Organisation, Role]]:
        """List those that a user is in, the oldest first: ids sort by time."""
        found = await self._connection.execute(
            select(ORGANISATIONS.c.id, ORGANISATIONS.c.name, MEMBERSHIPS.c.role)
            .join_from(MEMBERSHIPS, ORGANISATIONS, ORGANISATIONS.c.id == MEMBERSHIPS.c.tenant_id)
            .where(MEMBERSHIPS.c.user_id == user_id)
            .order_by(ORGANISATIONS.c.id)
        )
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

    async def role_of(self, tenant_id: UUID, user_id: UUID) -> Role | None:
        found = await self._connection.scalar(
            select(MEMBERSHIPS.c.role)
            .join_from(MEMBERSHIPS, ORGANISATIONS, ORGANISATIONS.c.id == MEMBERSHIPS.c.tenant_id)
            .where(
                MEMBERSHIPS.c.tenant_id == tenant_id,
                MEMBERSHIPS.c.user_id == user_id,
                ORGANISATIONS.c.suspended_at.is_(None),
            )
        )
        return None if found is None else Role(found)

    async def members(self, tenant_id: UUID) -> Sequence[Member]:
        """List the members in the order in which they came."""
        found = await self._connection.execute(
            select(USERS.c.id, USERS.c.email, MEMBERSHIPS.c.role)
            .join_from(MEMBERSHIPS, USERS)
            .where(MEMBERSHIPS.c.tenant_id == tenant_id)
            .order_by(MEMBERSHIPS.c.created_at, USERS.c.id)
        )
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
