"""The right to judge a run: claimed, renewed, used to tell what has happened, ended or given back.

Whoever claims a run gets a fencing token, and whatever it says later counts only where the token is still the
newest.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy import RowMapping

from levels.domain import Claim, Lease, Link, News, Trust
from levels.errors import DatabaseUnavailableError
from levels.receipts import digest_of
from levels.statements import Statements, run_of
from levels.verdicts import Outcome
from service_kit.database import Database

TRY_AGAIN_SECONDS: Final = 0.2
MOST_CLAIMS: Final = 3
"""A run whose workers die each time may be what kills them."""


class LeaseLostError(Exception):
    """Somebody else has the run by now, or nobody."""


class Leases:
    """The leases of one worker."""

    def __init__(self, database: Database, worker: str, lease_seconds: float) -> None:
        self._statements = Statements(database)
        self._worker = worker
        self.lease_seconds = lease_seconds

    async def claim(self) -> Claim | None:
        """Claim the run that has waited longest. Raises: DatabaseUnavailableError."""
        rows = await self._statements.rows(
            "claim", lease_seconds=self.lease_seconds, most_claims=MOST_CLAIMS, worker=self._worker
        )
        return Claim(run_of(rows[0]), rows[0]["lease_token"]) if rows else None

    async def renew(self, lease: Lease) -> bool:
        """Put off the lease's end; True: the run is to be cancelled.

        Raises: LeaseLostError, DatabaseUnavailableError.
        """
        rows = await self._statements.rows(
            "renew", id=lease.run_id, token=lease.token, lease_seconds=self.lease_seconds
        )
        if not rows:
            raise LeaseLostError
        return bool(rows[0]["cancel_requested"])

    async def tell(self, lease: Lease, number: int, news: News) -> None:
        """Keep an event, however long PostgreSQL takes, and once, however often it is asked.

        It gets this number, which is to be one more than that of the last. Raises: LeaseLostError.
        """
        rows = await self._until_answered(
            "tell",
            id=lease.run_id,
            token=lease.token,
            number=number,
            kind=news.kind,
            data=json.dumps(news.data),
        )
        if not rows:
            raise LeaseLostError

    async def finish(self, lease: Lease, outcome: Outcome, trust: Trust, receipt: Link | None = None) -> bool:
        """End the run, however long PostgreSQL takes.

        False: the lease is lost, it was done before, or the receipt's place in the chain is taken.
        """
        rows = await self._until_answered(
            "finish",
            id=lease.run_id,
            token=lease.token,
            state=outcome.state,
            reason=outcome.reason,
            trust=trust,
            number=receipt and receipt.number,
            text=receipt and receipt.text,
            signature=receipt and receipt.signature,
            digest=receipt and digest_of(receipt.text),
        )
        return bool(rows)

    async def release(self, lease: Lease) -> None:
        """Give the run back: it is due at once. Raises: DatabaseUnavailableError."""
        await self._statements.rows("release", id=lease.run_id, token=lease.token)

    async def _until_answered(self, name: str, /, **parameters: object) -> Sequence[RowMapping]:
        """Late is better than not: until somebody else has claimed the run, the token is still good."""
        while True:
            with suppress(DatabaseUnavailableError):
                return await self._statements.rows(name, **parameters)
            await asyncio.sleep(TRY_AGAIN_SECONDS)
