"""What happens to a delivery: verified over its bytes, kept, and only then acknowledged.

Whoever fails here sends again, so what is not committed gets no success. And what is sent again is known, so
a success that was lost on its way does no harm.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final
from uuid import UUID

from webhooks.batching import Batcher
from webhooks.domain import Delivery, Kept, KnownSource, Receipt, SourceState
from webhooks.errors import (
    LimitedError,
    RejectedError,
    SourceNotFoundError,
    SourceRetiredError,
    StoreUnavailableError,
)
from webhooks.event_keys import event_key, ordering_key
from webhooks.inbox import Inbox
from webhooks.numbers import Numbers
from webhooks.quarantine import Quarantine
from webhooks.signatures import Headers, verify
from webhooks.sources import SourceFinder

ANSWER_SECONDS: Final = 4.0
"""For all that is asked of PostgreSQL for one delivery: some senders wait for five."""
RECENT: Final = timedelta(seconds=1)
"""So right is when a secret was used last: to write it down at each use would cost as much as an event."""


def is_recent(last_used_at: datetime | None, now: datetime) -> bool:
    return last_used_at is not None and now - last_used_at < RECENT


class Receiver:
    """Takes deliveries in."""

    def __init__(
        self,
        finder: SourceFinder,
        inbox: Inbox,
        quarantine: Quarantine,
        numbers: Numbers,
        tolerance_seconds: float,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._find_source: Batcher[str, KnownSource | None] = Batcher(finder.find_each)
        self._keep: Batcher[Delivery, Receipt] = Batcher(inbox.keep)
        self._quarantine = quarantine
        self._numbers = numbers
        self._tolerance_seconds = tolerance_seconds
        self._now = now
        self._new_id = new_id

    async def receive(self, name: str, headers: Headers, body: bytes) -> Receipt:
        """Keep a delivery, and say whether it is a new event.

        Raises: SourceNotFoundError, SourceRetiredError, MalformedHeadersError, BadSignatureError,
        LimitedError, StoreUnavailableError.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._receive(name, headers, body)
        except TimeoutError as error:
            raise StoreUnavailableError("PostgreSQL: no answer in time") from error

    async def _receive(self, name: str, headers: Headers, body: bytes) -> Receipt:
        began, received_at = perf_counter(), self._now()
        known = await self._find_source(name)
        if known is None:
            raise SourceNotFoundError("There is no source of this name.")
        if known.source.state is SourceState.RETIRED:
            raise SourceRetiredError("This source takes no more deliveries.")
        try:
            delivery = self.verified(known, headers, body, received_at)
        except RejectedError as error:
            self._numbers.rejected(error.reason)
            with suppress(StoreUnavailableError):  # it is rejected all the same
                await self._quarantine.keep(known, headers, body, received_at, error.reason)
            raise
        receipt = await self._keep(delivery)
        self._numbers.received(receipt, delivery.key, perf_counter() - began)
        if receipt.kept is Kept.LIMITED:
            raise LimitedError(receipt.retry_after_seconds)
        return receipt

    def verified(self, known: KnownSource, headers: Headers, body: bytes, received_at: datetime) -> Delivery:
        """Verify a delivery as of the time of its receipt, and only then look what is in it.

        Raises: MalformedHeadersError, BadSignatureError.
        """
        source = known.source
        secret, presented = verify(source, known.secrets, headers, body, received_at, self._tolerance_seconds)
        event_id = self._new_id()
        content_types = headers.get("content-type", ())
        return Delivery(
            event_id=event_id,
            source_id=source.id,
            secret_id=None if is_recent(secret.last_used_at, received_at) else secret.id,
            key=event_key(source, presented.message_id, headers, body),
            message_id=presented.message_id or str(event_id),
            ordering_key=ordering_key(source, body),
            limit_per_minute=source.limit_per_minute,
            content_type=content_types[0].decode("latin-1") if content_types else None,
            body=body,
            body_sha256=hashlib.sha256(body).digest(),
            received_at=received_at,
        )

    async def reverify(self, known: KnownSource) -> dict[Kept, int]:
        """Admit from the quarantine of a source what verifies by now, as of the time of its receipt."""
        admitted: list[Delivery] = []
        ids: list[UUID] = []
        for rejected in await self._quarantine.all(known.source.id):
            headers: dict[str, list[bytes]] = {}
            for name, value in rejected.headers:
                headers.setdefault(name, []).append(value.encode("latin-1"))
            with suppress(RejectedError):
                delivery = self.verified(known, headers, rejected.body, rejected.received_at)
                admitted.append(replace(delivery, limit_per_minute=None))
                ids.append(rejected.id)
        receipts = await asyncio.gather(*map(self._keep, admitted))
        await self._quarantine.remove(ids)
        return {kept: sum(receipt.kept is kept for receipt in receipts) for kept in Kept}
