"""Sources and the inbox in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, Select, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.inbox.domain import Arrival, NamedSource, Received, Source, WantedSource
from core.inbox.tables import INBOX_EVENTS, SOURCES
from core.jobs.domain import State
from core.jobs.tables import JOBS

_SOURCE = (
    SOURCES.c.id,
    SOURCES.c.name,
    SOURCES.c.key_pointer,
    SOURCES.c.secret.is_not(None).label("has_secret"),
    SOURCES.c.created_at,
)
_RECEIVED = [
    INBOX_EVENTS.c.id, INBOX_EVENTS.c.source_id, INBOX_EVENTS.c.event_id, INBOX_EVENTS.c.business_key,
    INBOX_EVENTS.c.received_at, INBOX_EVENTS.c.job_id, JOBS.c.state, INBOX_EVENTS.c.body,
]  # fmt: skip


class Sources:
    """Whom an organisation believes, and the one that a request names."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def named(self, source_id: UUID) -> NamedSource | None:
        found = await self._connection.execute(
            select(SOURCES.c.id, SOURCES.c.tenant_id, SOURCES.c.key_pointer, SOURCES.c.secret).where(
                SOURCES.c.id == source_id
            )
        )
        row = found.one_or_none()
        return None if row is None else NamedSource(row.id, row.tenant_id, row.key_pointer, row.secret)

    async def add(
        self, tenant_id: UUID, source_id: UUID, wanted: WantedSource, secret: bytes | None
    ) -> Source:
        added = await self._connection.execute(
            SOURCES.insert()
            .values(
                id=source_id,
                tenant_id=tenant_id,
                name=wanted.name,
                key_pointer=wanted.key_pointer,
                secret=secret,
            )
            .returning(*_SOURCE)
        )
        return Source(**added.mappings().one())

    async def of_tenant(self, tenant_id: UUID) -> Sequence[Source]:
        """List sources, the newest first."""
        found = await self._connection.execute(
            select(*_SOURCE).where(SOURCES.c.tenant_id == tenant_id).order_by(SOURCES.c.id.desc())
        )
        return [Source(**row) for row in found.mappings()]

    async def change(
        self, tenant_id: UUID, source_id: UUID, wanted: WantedSource, secret: bytes | None
    ) -> Source | None:
        """Change a source; its secret stays if there is no other."""
        changed = await self._connection.execute(
            SOURCES.update()
            .where(SOURCES.c.tenant_id == tenant_id, SOURCES.c.id == source_id)
            .values(
                name=wanted.name,
                key_pointer=wanted.key_pointer,
                secret=SOURCES.c.secret if secret is None else secret,
            )
            .returning(*_SOURCE)
        )
        row = changed.mappings().one_or_none()
        return None if row is None else Source(**row)

    async def remove(self, tenant_id: UUID, source_id: UUID) -> bool:
        removed = await self._connection.execute(
            SOURCES.delete().where(SOURCES.c.tenant_id == tenant_id, SOURCES.c.id == source_id)
        )
        return removed.rowcount > 0


class Inbox:
    """What has come in. The database says what is there already, so two at one instant are one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(self, source: NamedSource, arrival: Arrival) -> UUID | None:
        """Return what is there of this id, or else of this business key."""
        same_id = INBOX_EVENTS.c.event_id == arrival.event_id
        same_key = INBOX_EVENTS.c.business_key == arrival.business_key
        found = await self._connection.execute(
            select(INBOX_EVENTS.c.id)
            .where(
                INBOX_EVENTS.c.tenant_id == source.tenant_id,
                INBOX_EVENTS.c.source_id == source.id,
                same_id if arrival.business_key is None else or_(same_id, same_key),
            )
            .order_by(same_id.desc())
            .limit(1)
        )
        known: UUID | None = found.scalar_one_or_none()
        return known

    async def add(self, source: NamedSource, inbox_id: UUID, arrival: Arrival, job_id: UUID) -> bool:
        """Keep an event; False if its id, or its business key, is there by now."""
        added = await self._connection.execute(
            insert(INBOX_EVENTS)
            .values(
                id=inbox_id,
                tenant_id=source.tenant_id,
                source_id=source.id,
                event_id=arrival.event_id,
                business_key=arrival.business_key,
                body=arrival.body,
                job_id=job_id,
            )
            .on_conflict_do_nothing()
            .returning(INBOX_EVENTS.c.id)
        )
        return added.scalar() is not None

    async def find(self, tenant_id: UUID, inbox_id: UUID) -> Received | None:
        found = await self._connection.execute(_received(tenant_id).where(INBOX_EVENTS.c.id == inbox_id))
        row = found.mappings().one_or_none()
        return None if row is None else _as_received(row)

    async def page(
        self, tenant_id: UUID, source_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[Received]:
        """List events, the newest first."""
        query = _received(tenant_id)
        if source_id is not None:
            query = query.where(INBOX_EVENTS.c.source_id == source_id)
        if before is not None:
            query = query.where(INBOX_EVENTS.c.id < before)
        found = await self._connection.execute(query.order_by(INBOX_EVENTS.c.id.desc()).limit(limit))
        return [_as_received(row) for row in found.mappings()]

    async def handle(self, tenant_id: UUID, job_id: UUID) -> UUID | None:
        """Say that the event of a job is handled, by this transaction; None if it was before, or is gone."""
        handled = await self._connection.execute(
            INBOX_EVENTS.update()
            .where(
                INBOX_EVENTS.c.tenant_id == tenant_id,
                INBOX_EVENTS.c.job_id == job_id,
                INBOX_EVENTS.c.handled_at.is_(None),
            )
            .values(handled_at=func.now())
            .returning(INBOX_EVENTS.c.id)
        )
        inbox_id: UUID | None = handled.scalar_one_or_none()
        return inbox_id

    async def again(self, tenant_id: UUID, inbox_id: UUID, job_id: UUID) -> None:
        """Have another job handle an event."""
        await self._connection.execute(
            INBOX_EVENTS.update()
            .where(INBOX_EVENTS.c.tenant_id == tenant_id, INBOX_EVENTS.c.id == inbox_id)
            .values(job_id=job_id, handled_at=None)
        )


def _received(tenant_id: UUID) -> Select[tuple[object, ...]]:
    return (
        select(*_RECEIVED)
        .select_from(INBOX_EVENTS)
        .join(JOBS, JOBS.c.id == INBOX_EVENTS.c.job_id)
        .where(INBOX_EVENTS.c.tenant_id == tenant_id)
    )


def _as_received(row: RowMapping) -> Received:
    values = {column.name: row[column] for column in _RECEIVED}
    return Received(**{**values, "state": State(values["state"])})
