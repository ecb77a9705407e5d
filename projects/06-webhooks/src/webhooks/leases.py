"""The right to make an attempt: claimed, completed or given back, and never held by two workers.

Whoever claims an event gets a fencing token, and whatever it does later is done only where the token is still
the newest. A lease outlasts the longest attempt, which the settings see to, so none has to be renewed.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from service_kit.database import Database
from webhooks.domain import Claim, Completion, EventState
from webhooks.errors import StoreUnavailableError
from webhooks.statements import run

CLAIM: Final = TypeAdapter(Claim)
TRY_AGAIN_SECONDS: Final = 0.2

log = structlog.get_logger()


def read(row: Mapping[str, object]) -> Claim | None:
    """Return the claim, or None for what the service has not written: its leases end, until it is dead."""
    try:
        return CLAIM.validate_python(row)
    except ValidationError as error:
        log.error("not readable", event_id=row["id"], fields=[one["loc"] for one in error.errors()])  # noqa: TRY400 - its values would be told
        return None


class Leases:
    """The leases of one worker."""

    def __init__(self, database: Database, worker: str, lease_seconds: float, max_attempts: int) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._max_attempts = max_attempts

    async def claim(self, batch: int) -> tuple[list[Claim], list[UUID]]:
        """Claim up to `batch` events that are due; return the claims, and what is dead: no attempt was left.

        Raises: StoreUnavailableError.
        """
        async with self._database.autocommit() as connection:
            rows = await run(
                connection,
                "claim",
                batch=batch,
                lease_seconds=self._lease_seconds,
                max_attempts=self._max_attempts,
                worker=self._worker,
            )
        claims = [
            found for row in rows if row["state"] == EventState.FORWARDING and (found := read(dict(row)))
        ]
        return claims, [row["id"] for row in rows if row["state"] == EventState.DEAD]

    async def complete(self, completions: list[Completion]) -> list[bool]:
        """Write down how attempts ended; False for one whose lease is over, or that is written down already.

        Late is better than not: PostgreSQL is asked until it answers. Until somebody else has claimed the
        event, the token is still good.
        """
        while True:
            with suppress(StoreUnavailableError):
                return await self._complete(completions)
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _complete(self, completions: list[Completion]) -> list[bool]:
        async with self._database.autocommit() as connection:
            rows = await run(
                connection,
                "complete",
                ids=[one.claim.id for one in completions],
                tokens=[one.claim.lease_token for one in completions],
                outcomes=[one.result.outcome for one in completions],
                status_codes=[one.result.status_code for one in completions],
                errors=[one.result.error for one in completions],
                states=[one.state for one in completions],
                delays=[one.retry_delay_seconds for one in completions],
            )
        done = {row["id"] for row in rows}
        return [one.claim.id in done for one in completions]

    async def release(self, claims: list[Claim]) -> None:
        """Give claims back unfinished: due at once, and the attempt is not counted.

        Raises: StoreUnavailableError.
        """
        async with self._database.autocommit() as connection:
            await run(
                connection,
                "release",
                ids=[claim.id for claim in claims],
                tokens=[claim.lease_token for claim in claims],
            )
