"""The right to make an attempt: claimed, renewed, completed or given back, and never held by two workers.

Whoever claims a reminder gets a fencing token, and whatever it does later is done only where the token is
still the newest. The statements are in sql/, each atomic by itself; a worker needs no transaction beyond one.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from reminders.domain import Claim, Completion, Due, Lease, State
from reminders.errors import DatabaseUnavailableError
from reminders.tables import reminder_of
from service_kit.database import Database

TRY_AGAIN_SECONDS: Final = 0.2


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


@cache
def statement(name: str) -> TextClause:
    """Read sql/NAME.sql."""
    return text((files("reminders") / "sql" / f"{name}.sql").read_text())


class Leases:
    """The leases of one worker.

    All raise DatabaseUnavailableError, in bounded time, but for the two that concern a single attempt:
    `complete` and `roll_forward` ask until PostgreSQL answers.
    """

    def __init__(self, database: Database, worker: str, lease_seconds: float, max_attempts: int) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts

    async def claim(self, batch: int) -> Claimed:
        """Claim up to `batch` reminders that are due by PostgreSQL's clock, oldest first."""
        rows = await self._run(
            "claim",
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
        return set(
            map(lease_of, await self._run("renew", **arrays(leases), lease_seconds=self._lease_seconds))
        )

    async def complete(self, completions: Sequence[Completion]) -> dict[Lease, datetime | None]:
        """Write down how attempts ended; return when those accepted are due again.

        Those that are missing were refused, for their lease is over: the reminder was claimed again
        since, or it was given back, or an earlier try was committed and only its answer was lost.
        """
        results = [completion.result for completion in completions]
        rows = await self._run_until_answered(
            "complete",
            **arrays([completion.claim.lease for completion in completions]),
            outcomes=[result.outcome for result in results],
            status_codes=[result.status_code for result in results],
            errors=[result.error for result in results],
            states=[completion.state for completion in completions],
            delays=[completion.retry_delay_seconds for completion in completions],
            next_remind_ats=[completion.next_remind_at for completion in completions],
        )
        return {lease_of(row): row["due_at"] for row in rows}

    async def release(self, leases: Sequence[Lease]) -> set[UUID]:
        """Give claims back unfinished: due at once, and the attempt is not counted."""
        return {row["id"] for row in await self._run("release", **arrays(leases))}

    async def roll_forward(self, lease: Lease, remind_at: datetime) -> bool:
        """Move a claimed reminder on to a later occurrence; False if the lease is lost."""
        return bool(
            await self._run_until_answered(
                "roll_forward", id=lease.reminder_id, token=lease.token, remind_at=remind_at
            )
        )

    async def due_soon(self, horizon: timedelta, batch: int) -> DueSoon:
        """Tell PostgreSQL's time, and what is due within the horizon, soonest first."""
        rows = await self._run("due_soon", horizon_seconds=horizon.total_seconds(), batch=batch)
        return DueSoon(rows[0]["now"], [Due(row["id"], row["due_at"]) for row in rows if row["id"]])

    async def purge_idempotency_keys(self, older_than: timedelta) -> None:
        """Forget keys whose time is over."""
        await self._run("purge_idempotency_keys", seconds=older_than.total_seconds())

    async def _run(self, name: str, **parameters: object) -> Sequence[RowMapping]:
        async with self._database.autocommit() as connection:
            result = await connection.execute(statement(name), parameters)
            return result.mappings().all() if result.returns_rows else []

    async def _run_until_answered(self, name: str, **parameters: object) -> Sequence[RowMapping]:
        """Late is better than not: until somebody else has claimed the reminder, the token is still good."""
        while True:
            with suppress(DatabaseUnavailableError):
                return await self._run(name, **parameters)
            await asyncio.sleep(TRY_AGAIN_SECONDS)


def arrays(leases: Sequence[Lease]) -> dict[str, object]:
    return {"ids": [lease.reminder_id for lease in leases], "tokens": [lease.token for lease in leases]}


def lease_of(row: RowMapping) -> Lease:
    return Lease(row["id"], row["lease_token"])
