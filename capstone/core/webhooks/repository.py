"""Endpoints in PostgreSQL, as far as the transaction's scope shows them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.jobs.domain import State
from core.jobs.tables import JOBS
from core.webhooks.domain import DisabledReason, Endpoint, EndpointState, Failing, Wanted
from core.webhooks.tables import ENDPOINTS

SHOWN = [
    ENDPOINTS.c[name]
    for name in (
        "id", "url", "event_types", "is_ordered", "state", "disabled_reason", "failing_since", "slow_until",
        "created_at",
    )
]  # fmt: skip


class Endpoints:
    """Whom an organisation tells."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, tenant_id: UUID, endpoint_id: UUID, wanted: Wanted, secret: bytes) -> Endpoint:
        values = {**_values(wanted), "id": endpoint_id, "tenant_id": tenant_id, "secret": secret}
        added = await self._connection.execute(ENDPOINTS.insert().values(values).returning(*SHOWN))
        return as_endpoint(added.mappings().one())

    async def of_tenant(self, tenant_id: UUID) -> Sequence[Endpoint]:
        """List endpoints, the newest first."""
        found = await self._connection.execute(
            select(*SHOWN).where(ENDPOINTS.c.tenant_id == tenant_id).order_by(ENDPOINTS.c.id.desc())
        )
        return [as_endpoint(row) for row in found.mappings()]

    async def find(self, tenant_id: UUID, endpoint_id: UUID) -> Endpoint | None:
        found = await self._connection.execute(
            select(*SHOWN).where(ENDPOINTS.c.tenant_id == tenant_id, ENDPOINTS.c.id == endpoint_id)
        )
        row = found.mappings().one_or_none()
        return None if row is None else as_endpoint(row)

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
            .returning(*SHOWN)
        )
        row = changed.mappings().one_or_none()
        return None if row is None else as_endpoint(row)


def _values(wanted: Wanted) -> dict[str, object]:
    return {
        "url": wanted.url,
        "event_types": list(wanted.event_types),
        "is_ordered": wanted.is_ordered,
    }


def as_endpoint(row: RowMapping) -> Endpoint:
    values = {column.name: row[column.name] for column in SHOWN}
    return Endpoint(
        **{
            **values,
            "event_types": tuple(values["event_types"]),
            "state": EndpointState(values["state"]),
        }
    )
