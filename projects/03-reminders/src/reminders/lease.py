"""The right to make an attempt: claimed, renewed, completed or given back, and never held by two workers.

Whoever claims a reminder gets a fencing token, and whatever it does later is done only where the token is
still the newest. The statements are in sql/, each atomic by itself; a worker needs no transaction beyond one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from reminders.domain import Channel, Claim, Completion, Due, Recurrence, State
from reminders.unit_of_work import bounded

type Scalar = str | int | float | UUID | datetime | None
type Value = (
    Scalar | Sequence[UUID] | Sequence[str | None] | Sequence[float | None] | Sequence[datetime | None]
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Attempts to make, and reminders buried because their last attempt was lost with its worker."""

    claims: list[Claim]
    buried: list[UUID]


@dataclass(frozen=True, slots=True)
class Upcoming:
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
    _UPCOMING = statement("upcoming")
    _PURGE = text("DELETE FROM idempotency_keys WHERE created_at < now() - :seconds * interval '1 second'")

    def __init__(self, engine: AsyncEngine, worker: str, lease_seconds: float, max_attempts: int) -> None:
        # Each statement is a transaction: no BEGIN and COMMIT around it, two round trips less.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
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
            [as_claim(row) for row in rows if row["state"] == State.DELIVERING],
            [row["id"] for row in rows if row["state"] == State.DEAD],
        )

    async def renew(self, claims: Sequence[Claim]) -> set[tuple[UUID, int]]:
        """Put off the end of these leases; return the ids and tokens of those that are still held."""
        rows = await self._run(self._RENEW, **_names(claims), lease_seconds=self._lease_seconds)
        return {(row["id"], row["lease_token"]) for row in rows}

    async def complete(self, completions: Sequence[Completion]) -> dict[tuple[UUID, int], datetime | None]:
        """Write down how attempts ended; return when those accepted are due again.

        Those that are missing came too late: somebody else has claimed the reminder since.
        """
        results = [completion.result for completion in completions]
        rows = await self._run(
            self._COMPLETE,
            **_names([completion.claim for completion in completions]),
            outcomes=[result.outcome for result in results],
            status_codes=[result.status_code for result in results],
            errors=[result.error for result in results],
            states=[completion.state for completion in completions],
            delays=[completion.retry_delay_seconds for completion in completions],
            next_remind_ats=[completion.next_remind_at for completion in completions],
        )
        return {(row["id"], row["lease_token"]): row["due_at"] for row in rows}

    async def release(self, claims: Sequence[Claim]) -> set[UUID]:
        """Give claims back unfinished: due at once, and the attempt is not counted."""
        return {row["id"] for row in await self._run(self._RELEASE, **_names(claims))}

    async def roll_forward(self, claim: Claim, remind_at: datetime) -> bool:
        """Move a claimed reminder on to a later occurrence; False if the lease is lost."""
        rows = await self._run(self._ROLL_FORWARD, id=claim.id, token=claim.token, remind_at=remind_at)
        return bool(rows)

    async def upcoming(self, horizon: timedelta, batch: int) -> Upcoming:
        """Tell PostgreSQL's time, and what is due within the horizon, soonest first."""
        rows = await self._run(self._UPCOMING, horizon_seconds=horizon.total_seconds(), batch=batch)
        return Upcoming(rows[0]["now"], [Due(row["id"], row["due_at"]) for row in rows if row["id"]])

    async def purge_idempotency_keys(self, older_than: timedelta) -> None:
        """Forget keys whose time is over."""
        await self._run(self._PURGE, seconds=older_than.total_seconds())

    async def _run(self, query: TextClause, **parameters: Value) -> Sequence[RowMapping]:
        async with bounded(), self._engine.connect() as connection:
            result = await connection.execute(query, parameters)
            return result.mappings().all() if result.returns_rows else []


def as_claim(row: RowMapping) -> Claim:
    """Make the frozen form of a row."""
    recurrence = Recurrence(row["rrule"], row["zone"], row["anchor"]) if row["rrule"] is not None else None
    return Claim(
        id=row["id"],
        token=row["lease_token"],
        occurrence=row["occurrence"],
        attempt=row["attempt_count"],
        message=row["message"],
        channel=Channel(row["channel"]),
        callback_url=row["callback_url"],
        remind_at=row["remind_at"],
        recurrence=recurrence,
        claimed_at=row["claimed_at"],
    )


def _names(claims: Sequence[Claim]) -> dict[str, Value]:
    return {"ids": [claim.id for claim in claims], "tokens": [claim.token for claim in claims]}
