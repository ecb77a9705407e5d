"""Events and deliveries in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, Select, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.jobs.domain import State
from core.jobs.tables import JOBS
from core.webhooks.domain import EVENTS_KEPT, TEST, Delivery, Endpoint, Event, Parcel
from core.webhooks.repository import SHOWN, as_endpoint
from core.webhooks.tables import DELIVERIES, ENDPOINTS, EVENTS

_DELIVERY = [
    DELIVERIES.c.id, DELIVERIES.c.endpoint_id, DELIVERIES.c.event_id, EVENTS.c.type, DELIVERIES.c.job_id,
    JOBS.c.state, JOBS.c.attempt, JOBS.c.max_attempts, JOBS.c.run_at, EVENTS.c.created_at, JOBS.c.finished_at,
]  # fmt: skip
_EVENT = (EVENTS.c.id, EVENTS.c.type, EVENTS.c.position, EVENTS.c.body)


class Deliveries:
    """Events, and their way to each endpoint."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_event(self, tenant_id: UUID, event: Event) -> None:
        await self._connection.execute(
            EVENTS.insert().values(
                id=event.id, tenant_id=tenant_id, type=event.type, position=event.position, body=event.body
            )
        )

    async def put(
        self, tenant_id: UUID, delivery_id: UUID, endpoint_id: UUID, event_id: UUID, job_id: UUID
    ) -> UUID:
        """Say by which job an endpoint is told of an event; return the delivery's id."""
        statement = insert(DELIVERIES).values(
            id=delivery_id, tenant_id=tenant_id, endpoint_id=endpoint_id, event_id=event_id, job_id=job_id
        )
        put = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[DELIVERIES.c.endpoint_id, DELIVERIES.c.event_id], set_={"job_id": job_id}
            ).returning(DELIVERIES.c.id)
        )
        return UUID(str(put.scalar_one()))

    async def parcel(self, tenant_id: UUID, job_id: UUID) -> Parcel | None:
        """Return what the job of a delivery needs; None if its endpoint or its event is gone."""
        previous = case(
            (ENDPOINTS.c.previous_until > func.now(), ENDPOINTS.c.previous_secret), else_=None
        ).label("previous")
        found = await self._connection.execute(
            select(
                *SHOWN,
                ENDPOINTS.c.secret,
                previous,
                *(column.label(f"event_{column.name}") for column in _EVENT),
            )
            .select_from(DELIVERIES)
            .join(ENDPOINTS, ENDPOINTS.c.id == DELIVERIES.c.endpoint_id)
            .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)
            .where(DELIVERIES.c.tenant_id == tenant_id, DELIVERIES.c.job_id == job_id)
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        event = Event(*(row[f"event_{column.name}"] for column in _EVENT))
        secrets = (row["secret"], row["previous"])
        return Parcel(as_endpoint(row), event, tuple(one for one in secrets if one is not None))

    async def find(self, tenant_id: UUID, delivery_id: UUID) -> Delivery | None:
        found = await self._connection.execute(_deliveries(tenant_id).where(DELIVERIES.c.id == delivery_id))
        row = found.mappings().one_or_none()
        return None if row is None else _delivery(row)

    async def page(
        self,
        tenant_id: UUID,
        endpoint_id: UUID | None,
        state: State | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """List deliveries, the newest first."""
        query = _deliveries(tenant_id)
        if endpoint_id is not None:
            query = query.where(DELIVERIES.c.endpoint_id == endpoint_id)
        if state is not None:
            query = query.where(JOBS.c.state == state)
        if before is not None:
            query = query.where(DELIVERIES.c.id < before)
        found = await self._connection.execute(query.order_by(DELIVERIES.c.id.desc()).limit(limit))
        return [_delivery(row) for row in found.mappings()]

    async def missed(
        self, tenant_id: UUID, endpoint: Endpoint, since: datetime, limit: int
    ) -> Sequence[Event]:
        """List events that an endpoint wants, has not taken and is not being told of, the oldest first."""
        settled = (
            select(DELIVERIES.c.id)
            .join(JOBS, JOBS.c.id == DELIVERIES.c.job_id)
            .where(
                DELIVERIES.c.endpoint_id == endpoint.id,
                DELIVERIES.c.event_id == EVENTS.c.id,
                JOBS.c.state.in_([State.QUEUED, State.RUNNING, State.SUCCEEDED]),
            )
        )
        query = select(*_EVENT).where(
            EVENTS.c.tenant_id == tenant_id,
            EVENTS.c.created_at >= since,
            EVENTS.c.type != TEST,
            ~settled.exists(),
        )
        if endpoint.event_types:
            query = query.where(EVENTS.c.type.in_(endpoint.event_types))
        found = await self._connection.execute(
            query.order_by(EVENTS.c.created_at, EVENTS.c.position, EVENTS.c.id).limit(limit)
        )
        return [Event(row.id, row.type, row.position, row.body) for row in found]

    async def event(self, tenant_id: UUID, event_id: UUID) -> Event | None:
        found = await self._connection.execute(
            select(*_EVENT).where(EVENTS.c.tenant_id == tenant_id, EVENTS.c.id == event_id)
        )
        row = found.one_or_none()
        return None if row is None else Event(row.id, row.type, row.position, row.body)

    async def purge(self) -> None:
        """Forget events that are too old to be recovered, with their deliveries."""
        await self._connection.execute(EVENTS.delete().where(EVENTS.c.created_at < func.now() - EVENTS_KEPT))


def _deliveries(tenant_id: UUID) -> Select[tuple[object, ...]]:
    return (
        select(*_DELIVERY)
        .select_from(DELIVERIES)
        .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)
        .join(JOBS, JOBS.c.id == DELIVERIES.c.job_id)
        .where(DELIVERIES.c.tenant_id == tenant_id)
    )


def _delivery(row: RowMapping) -> Delivery:
    values = {column.name: row[column] for column in _DELIVERY}
    return Delivery(**{**values, "state": State(values["state"])})
