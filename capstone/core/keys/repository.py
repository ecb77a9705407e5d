"""API keys in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.keys.domain import USE_INTERVAL, Key, NewKey
from core.keys.tables import API_KEYS

_SHOWN = [column for column in API_KEYS.c if column.name != "digest"]


class Keys:
    """The keys of a tenant, and the one that a request shows."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewKey) -> Key:
        added = await self._connection.execute(
            API_KEYS.insert()
            .values(
                id=new.id,
                tenant_id=new.tenant_id,
                user_id=new.user_id,
                digest=new.digest,
                name=new.name,
                hint=new.hint,
                scopes=sorted(new.scopes),
                expires_at=None if new.lifetime is None else func.now() + new.lifetime,
            )
            .returning(*_SHOWN)
        )
        return _key(added.mappings().one())

    async def shown(self, digest: str) -> tuple[Key, bool] | None:
        """Return a key that counts, and whether its use is to be written down."""
        is_due = or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at <= func.now() - USE_INTERVAL)
        found = await self._connection.execute(
            select(*_SHOWN, is_due.label("is_due")).where(
                API_KEYS.c.digest == digest,
                or_(API_KEYS.c.expires_at.is_(None), API_KEYS.c.expires_at > func.now()),
            )
        )
        row = found.mappings().one_or_none()
        return None if row is None else (_key(row), bool(row["is_due"]))

    async def used(self, tenant_id: UUID, key_id: UUID) -> None:
        await self._connection.execute(
            API_KEYS.update()
            .where(API_KEYS.c.tenant_id == tenant_id, API_KEYS.c.id == key_id)
            .values(last_used_at=func.now())
        )

    async def belongs(self, tenant_id: UUID, key_id: UUID) -> bool:
        """Tell whether it is a key of this tenant."""
        its = exists().where(API_KEYS.c.tenant_id == tenant_id, API_KEYS.c.id == key_id)
        return bool(await self._connection.scalar(select(its)))

    async def of_tenant(
        self, tenant_id: UUID, before: UUID | None = None, limit: int | None = None
    ) -> Sequence[Key]:
        """List keys, the newest first."""
        query = select(*_SHOWN).where(API_KEYS.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(API_KEYS.c.id < before)
        found = await self._connection.execute(query.order_by(API_KEYS.c.id.desc()).limit(limit))
        return [_key(row) for row in found.mappings()]

    async def revoke(self, tenant_id: UUID, key_id: UUID) -> bool:
        revoked = await self._connection.execute(
            API_KEYS.delete().where(API_KEYS.c.tenant_id == tenant_id, API_KEYS.c.id == key_id)
        )
        return revoked.rowcount > 0


def _key(row: RowMapping) -> Key:
    fields = {column.name: row[column.name] for column in _SHOWN}
    return Key(**fields | {"scopes": frozenset(row["scopes"])})
