"""Endpoints, events and deliveries in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import RowMapping, Select, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.jobs.domain import State
from core.jobs.tables import JOBS
from core.webhooks.domain import (
    EVENTS_KEPT,
    TEST,
    Delivery,
    DisabledReason,
    Endpoint,
    EndpointState,
    Event,
    Failing,
    Parcel,
    Wanted,
)
from core.webhooks.tables import DELIVERIES, ENDPOINTS, EVENTS

_SHOWN = [
    ENDPOINTS.c[name]
    for name in (
        "id", "url", "event_types", "is_ordered", "state", "disabled_reason", "failing_since", "slow_until",
        "created_at",
    )
]  # fmt: skip
_DELIVERY = [
    DELIVERIES.c.id, DELIVERIES.c.endpoint_id, DELIVERIES.c.event_id, EVENTS.c.type, DELIVERIES.c.job_id,
    JOBS.c.state, JOBS.c.attempt, JOBS.c.max_attempts, JOBS.c.run_at, EVENTS.c.created_at, JOBS.c.finished_at,
]  # fmt: skip
_EVENT = (EVENTS.c.id, EVENTS.c.type, EVENTS.c.position, EVENTS.c.body)


class Endpoints:
    """Whom an organisation tells."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, tenant_id: UUID, endpoint_id: UUID, wanted: Wanted, secret: bytes) -> Endpoint:
        values = {**_values(wanted), "id": endpoint_id, "tenant_id": tenant_id, "secret": secret}
        added = await self._connection.execute(ENDPOINTS.insert().values(values).returning(*_SHOWN))
        return _endpoint(added.mappings().one())

    async def of_tenant(self, tenant_id: UUID) -> Sequence[Endpoint]:
        """List endpoints, the newest first."""
        found = await self._connection.execute(
            select(*_SHOWN).where(ENDPOINTS.c.tenant_id == tenant_id).order_by(ENDPOINTS.c.id.desc())
        )
        return [_endpoint(row) for row in found.mappings()]

    async def find(self, tenant_id: UUID, endpoint_id: UUID) -> Endpoint | None:
        found = await self._connection.execute(
            select(*_SHOWN).where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id)
        )
        row = found.mappings().one_or_none()
        return None if row is None else _endpoint(row)

    async def change(self, tenant_id: UUID, endpoint_id: UUID, wanted: Wanted) -> Endpoint | None:
        return await self._update(tenant_id, endpoint_id, _values(wanted))

    async def enable(self, tenant_id: UUID, endpoint_id: UUID) -> Endpoint | None:
        """Tell an endpoint again what happens, as if it had never failed."""
        cleared = dict.fromkeys(("disabled_reason", "failing_since", "slow_until"))
        return await self._update(
            tenant_id, endpoint_id, {**cleared, "state": EndpointState.ENABLED, "failures": 0}
        )

    async def rotate(self, tenant_id: UUID, endpoint_id: UUID, secret: bytes, both_for: timedelta) -> bool:
        """Replace the secret; the one before signs, too, for a while."""
        values = {
            "previous_secret": ENDPOINTS.c.secret,
            "previous_until": func.now() + both_for,
            "secret": secret,
        }
        return await self._update(tenant_id, endpoint_id, values) is not None

    async def remove(self, tenant_id: UUID, endpoint_id: UUID) -> bool:
        removed = await self._connection.execute(
            ENDPOINTS.delete().where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id)
        )
        return removed.rowcount > 0

    # What workers do

    async def succeeded(self, tenant_id: UUID, endpoint_id: UUID) -> None:
        await self._connection.execute(
            ENDPOINTS.update()
            .where(
                ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id, ENDPOINTS.c.failures > 0
            )
            .values(failures=0, failing_since=None)
        )

    async def failed(self, tenant_id: UUID, endpoint_id: UUID) -> Failing:
        """Count a failure; return how many there are in a row."""
        changed = await self._connection.execute(
            ENDPOINTS.update()
            .where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id)
            .values(
                failures=ENDPOINTS.c.failures + 1,
                failing_since=func.coalesce(ENDPOINTS.c.failing_since, func.now()),
            )
            .returning(
                ENDPOINTS.c.failures,
                (func.now() - ENDPOINTS.c.failing_since).label("span"),
                ENDPOINTS.c.state,
            )
        )
        row = changed.one_or_none()
        if row is None:
            return Failing(0, timedelta(), EndpointState.DISABLED)
        return Failing(row.failures, row.span, EndpointState(row.state))

    async def disable(self, tenant_id: UUID, endpoint: Endpoint, reason: DisabledReason) -> None:
        """Tell it nothing more, and nothing of what waits."""
        values = {"state": EndpointState.DISABLED, "disabled_reason": reason}
        await self._update(tenant_id, endpoint.id, values)
        await self._connection.execute(
            JOBS.update()
            .where(JOBS.c.line == endpoint.line, JOBS.c.state == State.QUEUED)
            .values(state=State.DISCARDED, finished_at=func.now())
        )

    async def slow(self, tenant_id: UUID, endpoint: Endpoint, wait: timedelta) -> None:
        """Let all that is on its way to an endpoint, and what comes, wait for so long at least."""
        until = func.now() + wait
        await self._connection.execute(
            ENDPOINTS.update()
            .where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint.id)
            .values(slow_until=func.greatest(ENDPOINTS.c.slow_until, until))
        )
        await self._connection.execute(
            JOBS.update()
            .where(JOBS.c.line == endpoint.line, JOBS.c.state == State.QUEUED, JOBS.c.run_at < until)
            .values(run_at=until)
        )

    async def _update(
        self, tenant_id: UUID, endpoint_id: UUID, values: Mapping[str, object]
    ) -> Endpoint | None:
        changed = await self._connection.execute(
            ENDPOINTS.update()
            .where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id)
            .values(values)
            .returning(*_SHOWN)
        )
        row = changed.mappings().one_or_none()
        return None if row is None else _endpoint(row)


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
                *_SHOWN,
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
        return Parcel(_endpoint(row), event, tuple(one for one in secrets if one is not None))

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


def _values(wanted: Wanted) -> dict[str, object]:
    return {
        "url": wanted.url,
        "event_types": list(wanted.event_types),
        "is_ordered": wanted.is_ordered,
    }


def _deliveries(tenant_id: UUID) -> Select[tuple[object, ...]]:
    return (
        select(*_DELIVERY)
        .select_from(DELIVERIES)
        .join(EVENTS, EVENTS.c.id == DELIVERIES.c.event_id)
        .join(JOBS, JOBS.c.id == DELIVERIES.c.job_id)
        .where(DELIVERIES.c.tenant_id == tenant_id)
    )


def _endpoint(row: RowMapping) -> Endpoint:
    values = {column.name: row[column.name] for column in _SHOWN}
    return Endpoint(
        **{
            **values,
            "event_types": tuple(values["event_types"]),
            "state": EndpointState(values["state"]),
        }
    )


def _delivery(row: RowMapping) -> Delivery:
    values = {column.name: row[column] for column in _DELIVERY}
    return Delivery(**{**values, "state": State(values["state"])})
