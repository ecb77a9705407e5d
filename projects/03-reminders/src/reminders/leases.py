"""The right to make an attempt: claimed, renewed, completed or given back, and never held by two workers.

Whoever claims a reminder gets a fencing token, and whatever it does later is done only where the token is
still the newest. The statements are in sql/, each atomic by itself; a worker needs no transaction beyond one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from reminders.domain import Claim, Completion, Due, Lease, State
from reminders.tables import reminder_of
from service_kit.database import Database

type Scalar = str | int | float | UUID | datetime | None
type Array = Sequence[UUID] | Sequence[str | None] | Sequence[float | None] | Sequence[datetime | None]


@dataclass(frozen=True, slots=True)
class Claimed:
    """Attempts to make, and reminders that are dead now: their last attempt was lost with its worker."""

    claims: list[Claim]
    dead: list[UUID]


@dataclass(frozen=True, slots=True)
class DueSoon:
    """PostgreSQL's time, and what is due next by it."""

    now: datetime
    due: list[Due]


def statement(name: str) -> TextClause:
    """Read sql/NAME.sql."""
    return text((files("reminders") / "sql" / f"{name}.sql").read_text())


class Leases:
    """The leases of one worker. All raise DatabaseUnavailableError, in bounded time."""

    _CLAIM = statement("claim")
    _RENEW = statement("renew")
    _COMPLETE = statement("complete")
    _RELEASE = statement("release")
    _ROLL_FORWARD = statement("roll_forward")
    _DUE_SOON = statement("due_soon")
    _PURGE = text("DELETE FROM idempotency_keys WHERE created_at < now() - :seconds * interval '1 second'")

    def __init__(self, database: Database, worker: str, lease_seconds: float, max_attempts: int) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts

    async def claim(self, batch: int) -> Claimed:
        """Claim up to `batch` reminders that are due by PostgreSQL's clock, oldest first."""
        rows = await self._run(
            self._CLAIM,
            batch=batch,
            lease_seconds=self._lease_seconds,
            max_attempts=self._max_attempts,
            worker=self._worker,
        )
        return Claimed(
            [Claim(reminder_of(row), row["lease_token"]) for row in rows if row["state"] == State.DELIVERING],
            [row["id"] for row in rows if row["state"] == State.DEAD],
        )

    async def renew(self, leases: Sequence[Lease]) -> set[Lease]:
        """Put off the end of these leases; return those that are still held."""
        rows = await self._run(self._RENEW, **_arrays(leases), lease_seconds=self._lease_seconds)
        return set(map(_lease_of, rows))

    async def complete(self, completions: Sequence[Completion]) -> dict[Lease, datetime | None]:
        """Write down how attempts ended; return when those accepted are due again.

        Those that are missing were refused, for their lease is over: the reminder was claimed again
        since, or it was given back, or an earlier try was committed and only its answer was lost.
        """
        results = [completion.result for completion in completions]
        rows = await self._run(
            self._COMPLETE,
            **_arrays([completion.claim.lease for completion in completions]),
            outcomes=[result.outcome for result in results],
            status_codes=[result.status_code for result in results],
            errors=[result.error for result in results],
            states=[completion.state for completion in completions],
            delays=[completion.retry_delay_seconds for completion in completions],
            next_remind_ats=[completion.next_remind_at for completion in completions],
        )
        return {_lease_of(row): row["due_at"] for row in rows}

    async def release(self, leases: Sequence[Lease]) -> set[UUID]:
        """Give claims back unfinished: due at once, and the attempt is not counted."""
        return {row["id"] for row in await self._run(self._RELEASE, **_arrays(leases))}

    async def roll_forward(self, lease: Lease, remind_at: datetime) -> bool:
        """Move a claimed reminder on to a later occurrence; False if the lease is lost."""
        rows = await self._run(
            self._ROLL_FORWARD, id=lease.reminder_id, token=lease.token, remind_at=remind_at
        )
        return bool(rows)

    async def due_soon(self, horizon: timedelta, batch: int) -> DueSoon:
        """Tell PostgreSQL's time, and what is due within the horizon, soonest first."""
        rows = await self._run(self._DUE_SOON, horizon_seconds=horizon.total_seconds(), batch=batch)
        return DueSoon(rows[0]["now"], [Due(row["id"], row["due_at"]) for row in rows if row["id"]])

    async def purge_idempotency_keys(self, older_than: timedelta) -> None:
        """Forget keys whose time is over."""
        await self._run(self._PURGE, seconds=older_than.total_seconds())

    async def _run(self, query: TextClause, **parameters: Scalar | Array) -> Sequence[RowMapping]:
        async with self._database.autocommit() as connection:
            result = await connection.execute(query, parameters)
            return result.mappings().all() if result.returns_rows else []


def _arrays(leases: Sequence[Lease]) -> dict[str, Array]:
    return {"ids": [lease.reminder_id for lease in leases], "tokens": [lease.token for lease in leases]}


def _lease_of(row: RowMapping) -> Lease:
    return Lease(row["id"], row["lease_token"])
