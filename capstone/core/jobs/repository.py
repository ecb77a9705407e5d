"""Jobs in PostgreSQL. A tenant's requests see the tenant's; a worker sees all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, RowMapping, Text, TextClause, Uuid, bindparam, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.jobs.domain import Attempt, Claim, Job, NewJob, Outcome, Result, State
from core.jobs.tables import JOB_ATTEMPTS, JOBS
from service_kit import tracing

_TYPES: Final = {
    "run_token": Uuid, "job_id": Uuid, "lease": Interval, "wait": Interval,
    "worker": Text, "state": Text, "outcome": Text, "error": Text,
}  # fmt: skip
_SHOWN: Final = (
    JOBS.c.id, JOBS.c.type, JOBS.c.state, JOBS.c.attempt, JOBS.c.max_attempts, JOBS.c.run_at,
    JOBS.c.created_at, JOBS.c.finished_at,
)  # fmt: skip
_ATTEMPT: Final = (
    JOB_ATTEMPTS.c.number, JOB_ATTEMPTS.c.started_at, JOB_ATTEMPTS.c.finished_at, JOB_ATTEMPTS.c.outcome,
    JOB_ATTEMPTS.c.worker, JOB_ATTEMPTS.c.error,
)  # fmt: skip


def _named(name: str, *parameters: str) -> TextClause:
    statement = files("core.jobs").joinpath("sql", f"{name}.sql").read_text()
    return text(statement).bindparams(*(bindparam(it, type_=_TYPES[it]()) for it in parameters))


_CLAIM: Final = _named("claim", "run_token", "lease", "worker")
_SWEEP: Final = _named("sweep")
_FINISH: Final = _named("finish", "state", "wait", "job_id", "run_token", "outcome", "error")


class Jobs:
    """The rows of jobs and of their attempts."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # What requests do

    async def add(self, tenant_id: UUID, job_id: UUID, new: NewJob, requested_by: UUID | None) -> Job:
        added = await self._connection.execute(
            JOBS.insert()
            .values(
                id=job_id,
                tenant_id=tenant_id,
                type=new.type,
                args=dict(new.args),
                max_attempts=new.max_attempts,
                requested_by=requested_by,
                line=new.line,
                position=new.position,
                run_at=func.greatest(func.now(), new.run_at),
                traceparent=tracing.current() or None,
            )
            .returning(*_SHOWN)
        )
        return _job(added.mappings().one())

    async def find(self, tenant_id: UUID, job_id: UUID) -> Job | None:
        """Return a job with its attempts."""
        # One statement: in two, a worker could take the job in between.
        found = await self._connection.execute(
            select(*_SHOWN, *_ATTEMPT)
            .select_from(JOBS.outerjoin(JOB_ATTEMPTS))
            .where(JOBS.c.tenant_id == tenant_id, JOBS.c.id == job_id)
            .order_by(JOB_ATTEMPTS.c.number)
        )
        rows = found.mappings().all()
        if not rows:
            return None
        return _job(rows[0], tuple(_attempt(row) for row in rows if row[JOB_ATTEMPTS.c.number] is not None))

    async def page(
        self, tenant_id: UUID, state: State | None, before: UUID | None, limit: int
    ) -> Sequence[Job]:
        """List jobs, the newest first."""
        query = select(*_SHOWN).where(JOBS.c.tenant_id == tenant_id)
        if state is not None:
            query = query.where(JOBS.c.state == state)
        if before is not None:
            query = query.where(JOBS.c.id < before)
        found = await self._connection.execute(query.order_by(JOBS.c.id.desc()).limit(limit))
        return [_job(row) for row in found.mappings()]

    async def revive(self, tenant_id: UUID, job_id: UUID) -> bool:
        """Queue a dead job again, with all its attempts before it; False if it is not dead."""
        changed = await self._connection.execute(
            JOBS.update()
            .where(JOBS.c.tenant_id == tenant_id, JOBS.c.id == job_id, JOBS.c.state == State.DEAD)
            .values(
                state=State.QUEUED,
                max_attempts=JOBS.c.max_attempts + JOBS.c.attempt,
                run_at=func.now(),
                finished_at=None,
            )
        )
        return changed.rowcount > 0

    async def cancel(self, tenant_id: UUID, job_id: UUID) -> bool:
        """End a job that waits; False if it does not."""
        changed = await self._connection.execute(
            JOBS.update()
            .where(JOBS.c.tenant_id == tenant_id, JOBS.c.id == job_id, JOBS.c.state == State.QUEUED)
            .values(state=State.CANCELLED, finished_at=func.now())
        )
        return changed.rowcount > 0

    # What workers do

    async def claim(self, run_token: UUID, lease: timedelta, worker: str) -> Claim | None:
        """Take the next job that is due; None if there is none."""
        found = await self._connection.execute(
            _CLAIM, {"run_token": run_token, "lease": lease, "worker": worker}
        )
        row = found.mappings().one_or_none()
        return None if row is None else Claim(**row)

    async def renew(self, run_tokens: Sequence[UUID], lease: timedelta) -> set[UUID]:
        """Lengthen leases, and return the tokens that still stand."""
        renewed = await self._connection.execute(
            JOBS.update()
            .where(JOBS.c.run_token.in_(run_tokens))
            .values(lease_until=func.now() + lease)
            .returning(JOBS.c.run_token)
        )
        return set(renewed.scalars())

    async def finish(self, claim: Claim, result: Result) -> datetime | None:
        """Write down what became of an attempt; return when the next is due, None if this one was late."""
        state = _state_after(claim, result)
        ended = await self._connection.execute(
            _FINISH,
            {
                "state": state,
                "wait": result.retry_after or timedelta(),
                "job_id": claim.job_id,
                "run_token": claim.run_token,
                "outcome": result.outcome,
                "error": result.error,
            },
        )
        run_at: datetime | None = ended.scalar()
        return run_at

    async def sweep(self) -> Mapping[UUID, State]:
        """Take lapsed jobs from their workers; return what has become of them."""
        swept = await self._connection.execute(_SWEEP)
        return {row.id: State(row.state) for row in swept}

    async def overdue(self, since: timedelta) -> int:
        """Count up to a hundred jobs that were due so long ago, and that nobody has been woken for.

        Of a line it is one: the others wait for it.
        """
        due = (
            select(func.coalesce(JOBS.c.line, cast(JOBS.c.id, Text)))
            .where(JOBS.c.state == State.QUEUED, JOBS.c.run_at < func.now() - since)
            .distinct()
            .limit(100)
            .subquery()
        )
        return int(await self._connection.scalar(select(func.count()).select_from(due)) or 0)


def _state_after(claim: Claim, result: Result) -> State:
    match result.outcome:
        case Outcome.SUCCEEDED:
            return State.SUCCEEDED
        case Outcome.DISCARDED:
            return State.DISCARDED
        case _:
            return State.QUEUED if claim.attempt < claim.max_attempts else State.DEAD


def _job(row: RowMapping, attempts: tuple[Attempt, ...] = ()) -> Job:
    values = {column.name: row[column] for column in _SHOWN}
    return Job(**{**values, "state": State(values["state"])}, attempts=attempts)


def _attempt(row: RowMapping) -> Attempt:
    values = {column.name: row[column] for column in _ATTEMPT}
    outcome = values["outcome"]
    return Attempt(**{**values, "outcome": None if outcome is None else Outcome(outcome)})
