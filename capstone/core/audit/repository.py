"""Audit trails in PostgreSQL: entries are added in the transaction of what they tell of."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from core.audit.domain import START, Actor, Deed, Entry, Tail, next_entry
from core.audit.tables import AUDIT_ENTRIES
from service_kit.database import expect_written

_COLUMNS = AUDIT_ENTRIES.c


class AuditTrail:
    """The trail of a tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, tenant_id: UUID) -> None:
        """Have the trail to oneself until this transaction ends.

        To lock the last row instead would not do: who has waited for it does not see the row behind it.
        """
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"audit/{tenant_id}", 0))
        await self._connection.execute(select(lock))

    async def append(self, tenant_id: UUID, actor: Actor, deed: Deed) -> Entry:
        """Add what this transaction does, as the last thing before its commit."""
        await self.lock(tenant_id)
        tail, now = await self.tail(tenant_id)
        entry = next_entry(tenant_id, tail, now, actor, deed)
        added = await self._connection.execute(
            AUDIT_ENTRIES.insert().values(
                tenant_id=tenant_id, seq=entry.seq, bytes=entry.text, prev=entry.prev, hash=entry.hash
            )
        )
        expect_written(added)
        return entry

    async def tail(self, tenant_id: UUID) -> tuple[Tail, datetime]:
        """Return where the trail ends, and the time."""
        last = (
            select(_COLUMNS.seq, _COLUMNS.hash)
            .where(_COLUMNS.tenant_id == tenant_id)
            .order_by(_COLUMNS.seq.desc())
            .limit(1)
            .subquery()
        )
        now = select(func.clock_timestamp().label("now")).subquery()
        found = await self._connection.execute(
            select(last.c.seq, last.c.hash, now.c.now).select_from(now.outerjoin(last, onclause=true()))
        )
        row = found.one()
        return (START if row.seq is None else Tail(row.seq, row.hash)), row.now

    async def behind(self, tenant_id: UUID, after: int, limit: int) -> Sequence[Entry]:
        """List entries behind a number, in their order."""
        query = _of(tenant_id).where(_COLUMNS.seq > after).order_by(_COLUMNS.seq)
        return await self._listed(query.limit(limit))

    async def before(self, tenant_id: UUID, seq: int | None, limit: int) -> Sequence[Entry]:
        """List entries before a number, or the last, the newest first."""
        query = _of(tenant_id) if seq is None else _of(tenant_id).where(_COLUMNS.seq < seq)
        return await self._listed(query.order_by(_COLUMNS.seq.desc()).limit(limit))

    async def _listed(self, query: Select[tuple[int, bytes, bytes, bytes]]) -> Sequence[Entry]:
        found = await self._connection.execute(query)
        return [Entry(row.seq, row.bytes, row.prev, row.hash) for row in found]


def _of(tenant_id: UUID) -> Select[tuple[int, bytes, bytes, bytes]]:
    query: Select[tuple[int, bytes, bytes, bytes]] = select(
        _COLUMNS.seq, _COLUMNS.bytes, _COLUMNS.prev, _COLUMNS.hash
    ).where(_COLUMNS.tenant_id == tenant_id)
    return query
