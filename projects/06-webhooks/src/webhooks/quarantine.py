"""Rejected deliveries, kept in case the mistake was ours: some senders never send again."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text

from service_kit import json_text
from service_kit.database import Database, expect_written
from webhooks.batching import Batcher
from webhooks.diagnosis import UNKNOWN, diagnose
from webhooks.domain import KnownSource, Rejected, RejectedEntry
from webhooks.signatures import Headers
from webhooks.sources import Sources

REJECTED: Final = TypeAdapter(Rejected)
ENTRY: Final = TypeAdapter(RejectedEntry)
HEADERS_KEPT: Final = ("signature", "webhook-", "svix-", "content-type", "x-github-", "timestamp", "-id")
"""In whose names one of these stands: never a cookie, nor an Authorization."""

ADD: Final = text(
    "INSERT INTO rejected (id, source_id, headers, body, received_at, reason, cause, detail)"
    " VALUES (:id, :source_id, CAST(:headers AS jsonb), :body, :received_at, :reason, :cause, :detail)"
)
# What was understood stays longest: else a flood of forgeries would wash it out.
TRIM: Final = text(
    "DELETE FROM rejected WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
    " (PARTITION BY source_id ORDER BY cause <> :unknown DESC, id DESC) AS place FROM rejected"
    " WHERE source_id = ANY (CAST(:source_ids AS uuid[]))) AS ranked WHERE place > :most)"
)
ALL: Final = text("SELECT * FROM rejected WHERE source_id = :source_id ORDER BY id")
LIST: Final = text(
    "SELECT r.id, s.name AS source, r.received_at, r.reason, r.cause, r.detail, length(r.body) AS size_bytes"
    " FROM rejected AS r JOIN sources AS s ON s.id = r.source_id"
    " WHERE CAST(:source AS text) IS NULL OR s.name = :source ORDER BY r.id"
)
REMOVE: Final = text("DELETE FROM rejected WHERE id = ANY (CAST(:ids AS uuid[]))")


@dataclass(frozen=True, slots=True)
class _Asked:
    known: KnownSource
    headers: Headers
    body: bytes
    received_at: datetime
    reason: str
    id: UUID


class Quarantine:
    """All raise StoreUnavailableError, in bounded time."""

    def __init__(self, database: Database, sources: Sources, most: int, new_id: Callable[[], UUID]) -> None:
        self._database = database
        self._sources = sources
        self._most = most
        self._new_id = new_id
        self._keep: Batcher[_Asked, None] = Batcher(self._keep_all)

    async def keep(
        self, known: KnownSource, headers: Headers, body: bytes, received_at: datetime, reason: str
    ) -> None:
        """Keep a rejected delivery with its cause; of each source the last ones are kept."""
        await self._keep(_Asked(known, headers, body, received_at, reason, self._new_id()))

    async def all(self, source_id: UUID) -> list[Rejected]:
        """Return what is kept of a source, oldest first."""
        async with self._database.autocommit() as connection:
            rows = (await connection.execute(ALL, {"source_id": source_id})).mappings()
            return [REJECTED.validate_python(dict(row)) for row in rows]

    async def listed(self, source: str | None) -> list[RejectedEntry]:
        """Return what a list tells of what is kept, oldest first; of all sources without a name."""
        async with self._database.autocommit() as connection:
            rows = (await connection.execute(LIST, {"source": source})).mappings()
            return [ENTRY.validate_python(dict(row)) for row in rows]

    async def remove(self, ids: Sequence[UUID]) -> None:
        async with self._database.autocommit() as connection:
            await connection.execute(REMOVE, {"ids": list(ids)})

    async def _keep_all(self, batch: list[_Asked]) -> list[None]:
        everybody = await self._sources.all()
        rows = [asdict(_examined(one, everybody)) for one in batch]
        for row in rows:
            row["headers"] = json_text.render(row["headers"]).decode()
        async with self._database.transaction() as connection:
            expect_written(await connection.execute(ADD, rows), len(rows))
            ids = list({one.known.source.id for one in batch})
            await connection.execute(TRIM, {"source_ids": ids, "most": self._most, "unknown": UNKNOWN})
            await connection.commit()
        return [None] * len(batch)


def _examined(one: _Asked, everybody: Sequence[KnownSource]) -> Rejected:
    cause, detail = diagnose(one.known, everybody, one.headers, one.body, one.received_at, one.reason)
    lines = [
        (name, value.decode("latin-1"))
        for name, values in one.headers.items()
        for value in values
        if is_kept(name, one.known)
    ]
    return Rejected(one.id, one.known.source.id, lines, one.body, one.received_at, one.reason, cause, detail)


def is_kept(name: str, known: KnownSource) -> bool:
    source = known.source
    own = {source.key_header}
    if source.hmac is not None:
        own |= {source.hmac.signature_header, source.hmac.id_header, source.hmac.timestamp_header}
    return name in own or any(part in name for part in HEADERS_KEPT)
