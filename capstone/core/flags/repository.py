"""Flags in PostgreSQL."""

from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.flags.tables import FLAG_OVERRIDES, FLAGS


class Flags:
    """Switches for features."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_tenant(self, tenant_id: UUID) -> dict[str, bool]:
        """Return all flags as they are for a tenant."""
        found = await self._connection.execute(
            select(FLAGS.c.key, func.coalesce(FLAG_OVERRIDES.c.is_on, FLAGS.c.is_on).label("is_on"))
            .outerjoin(
                FLAG_OVERRIDES,
                and_(FLAG_OVERRIDES.c.flag_key == FLAGS.c.key, FLAG_OVERRIDES.c.tenant_id == tenant_id),
            )
            .order_by(FLAGS.c.key)
        )
        return {row.key: row.is_on for row in found}

    async def set(self, key: str, *, is_on: bool) -> None:
        """Switch a flag for all whom no override is about."""
        await self._connection.execute(
            insert(FLAGS)
            .values(key=key, is_on=is_on)
            .on_conflict_do_update(index_elements=[FLAGS.c.key], set_={"is_on": is_on})
        )

    async def override(self, tenant_id: UUID, key: str, *, is_on: bool) -> None:
        """Switch a flag for one tenant; for all others it is off, if it is a new one."""
        await self._connection.execute(insert(FLAGS).values(key=key, is_on=False).on_conflict_do_nothing())
        await self._connection.execute(
            insert(FLAG_OVERRIDES)
            .values(tenant_id=tenant_id, flag_key=key, is_on=is_on)
            .on_conflict_do_update(
                index_elements=[FLAG_OVERRIDES.c.tenant_id, FLAG_OVERRIDES.c.flag_key], set_={"is_on": is_on}
            )
        )
