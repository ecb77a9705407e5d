"""Files in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.files.domain import Content, File, FileState, NewFile
from core.files.tables import FILES
from core.tenancy.domain import Access

SWEPT_AT_ONCE = 100
_SHOWN = (
    FILES.c.id,
    FILES.c.name,
    FILES.c.size_bytes,
    FILES.c.state,
    FILES.c.type,
    FILES.c.sha256,
    FILES.c.created_by,
    FILES.c.key_id,
    FILES.c.created_at,
    FILES.c.stored_at,
)


class Files:
    """The files of a tenant, and for who sweeps what is left of all."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def used_bytes(self, tenant_id: UUID) -> int:
        """Return how much is stored, or may still come."""
        may_come = and_(FILES.c.state == FileState.WAITING, FILES.c.expires_at > func.now())
        used = await self._connection.scalar(
            select(func.coalesce(func.sum(FILES.c.size_bytes), 0)).where(
                FILES.c.tenant_id == tenant_id, or_(FILES.c.state == FileState.STORED, may_come)
            )
        )
        return int(used or 0)

    async def add(self, access: Access, new: NewFile) -> File:
        added = await self._connection.execute(
            FILES.insert()
            .values(
                id=new.id,
                tenant_id=access.tenant_id,
                name=new.name,
                size_bytes=new.size_bytes,
                created_by=access.user_id,
                key_id=access.key_id,
                expires_at=new.expires_at,
            )
            .returning(*_SHOWN)
        )
        return _file(added.mappings().one())

    async def awaited(self, tenant_id: UUID, file_id: UUID, *, lock: bool = False) -> File | None:
        """Return what may be uploaded, or was; with a lock nobody sweeps it until this transaction ends."""
        query = _of(tenant_id).where(FILES.c.id == file_id, FILES.c.state != FileState.DELETED)
        found = await self._connection.execute(query.with_for_update() if lock else query)
        row = found.mappings().one_or_none()
        return None if row is None else _file(row)

    async def store(self, tenant_id: UUID, file_id: UUID, content: Content) -> File:
        stored = await self._connection.execute(
            FILES.update()
            .where(FILES.c.tenant_id == tenant_id, FILES.c.id == file_id)
            .values(state=FileState.STORED, type=content.type, sha256=content.sha256, stored_at=func.now())
            .returning(*_SHOWN)
        )
        return _file(stored.mappings().one())

    async def find(self, tenant_id: UUID, file_id: UUID) -> File | None:
        query = _of(tenant_id).where(FILES.c.id == file_id, FILES.c.state == FileState.STORED)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _file(row)

    async def page(self, tenant_id: UUID, before: UUID | None, limit: int) -> Sequence[File]:
        """List what is stored, the newest first."""
        query = _of(tenant_id).where(FILES.c.state == FileState.STORED)
        if before is not None:
            query = query.where(FILES.c.id < before)
        found = await self._connection.execute(query.order_by(FILES.c.id.desc()).limit(limit))
        return [_file(row) for row in found.mappings()]

    async def delete(self, tenant_id: UUID, file_id: UUID) -> bool:
        deleted = await self._connection.execute(
            FILES.update()
            .where(FILES.c.tenant_id == tenant_id, FILES.c.id == file_id, FILES.c.state == FileState.STORED)
            .values(state=FileState.DELETED)
        )
        return deleted.rowcount > 0

    async def leftovers(self) -> Sequence[UUID]:
        """List what is deleted, or did not come in time, of all tenants, and lock it."""
        did_not_come = and_(FILES.c.state == FileState.WAITING, FILES.c.expires_at < func.now())
        found = await self._connection.scalars(
            select(FILES.c.id)
            .where(or_(FILES.c.state == FileState.DELETED, did_not_come))
            .limit(SWEPT_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        return found.all()

    async def forget(self, file_ids: Sequence[UUID]) -> None:
        await self._connection.execute(FILES.delete().where(FILES.c.id.in_(file_ids)))


def _of(tenant_id: UUID) -> Select[tuple[object, ...]]:
    return select(*_SHOWN).where(FILES.c.tenant_id == tenant_id)


def _file(row: RowMapping) -> File:
    values = {column.name: row[column] for column in _SHOWN}
    return File(**{**values, "state": FileState(values["state"])})
