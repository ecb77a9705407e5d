"""What the API reads of events, and replays."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from service_kit import json_text
from service_kit.database import Database, expect_written
from webhooks.domain import Attempt, Conflict, Event, EventState
from webhooks.errors import (
    EventInProgressError,
    EventNotFoundError,
    IdempotencyKeyReusedError,
    PayloadGoneError,
    UnknownCursorError,
)
from webhooks.statements import run

EVENT: Final = TypeAdapter(Event)
ATTEMPT: Final = TypeAdapter(Attempt)
CONFLICT: Final = TypeAdapter(Conflict)

ATTEMPTS: Final = text("SELECT * FROM attempts WHERE event_id = :id ORDER BY round, number")
CONFLICTS: Final = text("SELECT * FROM conflicts WHERE event_id = :id ORDER BY received_at")
BODY: Final = text("SELECT content_type, body FROM events WHERE id = :id")
TAKE_KEY: Final = text(
    "INSERT INTO idempotency_keys (key, fingerprint) VALUES (:key, :fingerprint)"
    " ON CONFLICT DO NOTHING RETURNING key"
)
FIND_KEY: Final = text("SELECT fingerprint, answer FROM idempotency_keys WHERE key = :key")
ANSWER_KEY: Final = text("UPDATE idempotency_keys SET answer = CAST(:answer AS jsonb) WHERE key = :key")
DEPTH: Final = text(
    "SELECT count(*) AS depth, coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest"
    " FROM events WHERE due_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events to replay; None: any."""

    id: UUID | None = None
    source: str | None = None
    state: EventState | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How many events are not over, and how long the oldest of them has been here."""

    events: int
    oldest_age_seconds: float


class Events:
    """All raise StoreUnavailableError, in bounded time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(
        self, source: str | None, state: EventState | None, limit: int, before: UUID | None
    ) -> list[Event]:
        """Return up to `limit` events, newest first, that come after the one with the id `before`.

        Raises: UnknownCursorError.
        """
        if before is not None:
            try:
                await self.get(before)
            except EventNotFoundError as error:
                raise UnknownCursorError("the cursor is not one that this list gave out") from error
        return await self._find(None, source, state, before, limit)

    async def get(self, event_id: UUID) -> Event:
        """Raises: EventNotFoundError."""
        found = await self._find(event_id, None, None, None, 1)
        if not found:
            raise EventNotFoundError(f"there is no event {event_id}")
        return found[0]

    async def attempts(self, event_id: UUID) -> list[Attempt]:
        """Return all attempts of all rounds, oldest first."""
        async with self._database.autocommit() as connection:
            rows = (await connection.execute(ATTEMPTS, {"id": event_id})).mappings()
            return [ATTEMPT.validate_python(dict(row)) for row in rows]

    async def conflicts(self, event_id: UUID) -> list[Conflict]:
        await self.get(event_id)
        async with self._database.autocommit() as connection:
            rows = (await connection.execute(CONFLICTS, {"id": event_id})).mappings()
            return [CONFLICT.validate_python(dict(row)) for row in rows]

    async def payload(self, event_id: UUID) -> tuple[str | None, bytes]:
        """Return the media type and the body. Raises: EventNotFoundError, PayloadGoneError."""
        async with self._database.autocommit() as connection:
            row = (await connection.execute(BODY, {"id": event_id})).one_or_none()
        if row is None:
            raise EventNotFoundError(f"there is no event {event_id}")
        if row.body is None:
            raise PayloadGoneError("its payload was kept no longer")
        return row.content_type, row.body

    async def replay(self, chosen: Selection, key: str | None) -> list[UUID]:
        """Forward events again that are over; with a key that was used before, tell which those were.

        Of two who come with one key at once the second waits, until the first has committed or given up.

        Raises: IdempotencyKeyReusedError; and for a single event EventNotFoundError, EventInProgressError,
        PayloadGoneError.
        """
        fingerprint = json_text.render(asdict(chosen))
        async with self._database.transaction() as connection:
            if key is not None:
                taken = await connection.execute(TAKE_KEY, {"key": key, "fingerprint": fingerprint})
                if taken.one_or_none() is None:
                    row = (await connection.execute(FIND_KEY, {"key": key})).one()
                    if bytes(row.fingerprint) != fingerprint:
                        raise IdempotencyKeyReusedError("this Idempotency-Key was used for another replay")
                    return [UUID(known) for known in row.answer]
            ids = [row["id"] for row in await run(connection, "replay", **asdict(chosen))]
            is_done = bool(ids) or chosen.id is None
            if is_done and key is not None:
                answer = json_text.render(ids).decode()
                expect_written(await connection.execute(ANSWER_KEY, {"key": key, "answer": answer}))
            if is_done:
                await connection.commit()
        if not is_done and chosen.id is not None:
            await self._explain(chosen.id)
        return ids

    async def _explain(self, event_id: UUID) -> None:
        event = await self.get(event_id)
        if event.state in {EventState.PENDING, EventState.FORWARDING}:
            raise EventInProgressError(f"the event is {event.state}")
        raise PayloadGoneError("its payload was kept no longer")

    async def depth(self) -> Depth:
        async with self._database.autocommit() as connection:
            row = (await connection.execute(DEPTH)).one()
        return Depth(row.depth, row.oldest)

    async def purge(self, payloads_kept: timedelta, keys_kept: timedelta) -> None:
        """Forget payloads, and later the events that they were of."""
        async with self._database.autocommit() as connection:
            await run(
                connection,
                "purge",
                payload_seconds=payloads_kept.total_seconds(),
                key_seconds=keys_kept.total_seconds(),
            )

    async def _find(
        self,
        event_id: UUID | None,
        source: str | None,
        state: EventState | None,
        before: UUID | None,
        limit: int,
    ) -> list[Event]:
        async with self._database.autocommit() as connection:
            rows = await run(
                connection, "events", id=event_id, source=source, state=state, before=before, limit=limit
            )
        return [EVENT.validate_python(dict(row)) for row in rows]
