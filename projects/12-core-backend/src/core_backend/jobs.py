"""The queue: rows that are due, held by a lease. A worker that dies holds its job for no longer than that.

A claim counts as an attempt, and its number is the fencing token: who comes back after their lease, when
somebody else has claimed the job, ends nothing.
"""

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import text

from core_backend.domain import Claim
from service_kit.database import Database

# A job that has lost its last worker is dead, too. SKIP LOCKED: of two workers neither waits for the other.
BURY: Final = text(
    "UPDATE jobs SET state = 'dead', last_error = 'its worker was lost' WHERE id IN (SELECT id FROM jobs"
    " WHERE state = 'running' AND due_at <= now() AND attempts >= :max_attempts FOR UPDATE SKIP LOCKED)"
)
CLAIM: Final = text(
    "UPDATE jobs SET state = 'running', attempts = attempts + 1,"
    " due_at = now() + make_interval(secs => :lease_seconds)"
    " FROM users WHERE users.id = jobs.user_id AND jobs.id = (SELECT id FROM jobs"
    " WHERE state IN ('queued', 'running') AND due_at <= now()"
    " ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING jobs.id, jobs.user_id, users.email, jobs.attempts"
)
HELD: Final = "WHERE id = :id AND state = 'running' AND attempts = :attempts"
FINISH: Final = text(f"UPDATE jobs SET state = 'done', last_error = NULL {HELD}")  # noqa: S608 - a constant
FAIL: Final = text(
    "UPDATE jobs SET state = :state, last_error = :error,"  # noqa: S608 - a constant
    f" due_at = now() + make_interval(secs => :seconds) {HELD}"
)
CLAIMED: Final = TypeAdapter(Claim)
LONGEST_RETRY_SECONDS: Final = 86_400.0


class Jobs:
    """The queue as a worker sees it. Each method raises DatabaseUnavailableError."""

    def __init__(
        self, database: Database, max_attempts: int, retry_seconds: float, lease_seconds: float
    ) -> None:
        self._database = database
        self._max_attempts = max_attempts
        self._retry_seconds = retry_seconds
        self._lease_seconds = lease_seconds

    async def claim(self) -> Claim | None:
        """Take the job that is due first; None: nothing is due."""
        async with self._database.transaction() as connection:
            await connection.execute(BURY, {"max_attempts": self._max_attempts})
            row = (
                (await connection.execute(CLAIM, {"lease_seconds": self._lease_seconds}))
                .mappings()
                .one_or_none()
            )
            await connection.commit()
        return None if row is None else CLAIMED.validate_python(dict(row))

    async def finish(self, claim: Claim) -> None:
        async with self._database.autocommit() as connection:
            await connection.execute(FINISH, {"id": claim.id, "attempts": claim.attempts})

    async def fail(self, claim: Claim, error: str) -> None:
        """Have it tried again after retry_seconds * 2 ** (attempts - 1), a day at most, or call it dead."""
        values = {
            "id": claim.id,
            "attempts": claim.attempts,
            "state": "dead" if claim.attempts >= self._max_attempts else "queued",
            "error": error,
            "seconds": min(self._retry_seconds * 2 ** (claim.attempts - 1), LONGEST_RETRY_SECONDS),
        }
        async with self._database.autocommit() as connection:
            await connection.execute(FAIL, values)
