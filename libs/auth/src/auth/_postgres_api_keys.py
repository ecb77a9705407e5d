"""API keys in PostgreSQL, in the caller's transaction. PostgreSQL's clock decides."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth._api_keys import ApiKey, NewApiKey
from auth._postgres_tables import API_KEYS

NOW = func.clock_timestamp()
COLUMNS = [column for column in API_KEYS.c if column.name != "digest"]


class PostgresApiKeyStore:
    """A store for one transaction. Who calls commits; what the driver raises is the caller's to translate."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewApiKey) -> ApiKey:
        added = await self._connection.execute(
            API_KEYS.insert()
            .values(
                id=new.id,
                digest=new.digest,
                subject=new.subject,
                name=new.name,
                hint=new.hint,
                scopes=sorted(new.scopes),
                created_at=NOW,
                expires_at=None if new.lifetime is None else NOW + new.lifetime,
            )
            .returning(*COLUMNS)
        )
        return _key(added.mappings().one())

    async def use(self, digest: str, interval: timedelta) -> ApiKey | None:
        keys = API_KEYS.c
        is_live = keys.revoked_at.is_(None) & (keys.expires_at.is_(None) | (keys.expires_at > NOW))
        is_due = keys.last_used_at.is_(None) | (keys.last_used_at <= NOW - interval)
        found = await self._connection.execute(
            select(*COLUMNS, is_due.label("is_due")).where(keys.digest == digest, is_live)
        )
        row = found.mappings().one_or_none()
        if row is None or not row["is_due"]:
            return None if row is None else _key(row)
        # Of twenty at once one writes: the others wait for it, and see that it is not due any more.
        used = await self._connection.execute(
            API_KEYS.update()
            .where(keys.digest == digest, is_live, is_due)
            .values(last_used_at=NOW)
            .returning(*COLUMNS)
        )
        return _key(used.mappings().one_or_none() or row)

    async def revoke(self, subject: str, id: str) -> bool:  # noqa: A002
        keys = API_KEYS.c
        revoked = await self._connection.execute(
            API_KEYS.update()
            .where(keys.subject == subject, keys.id == id, keys.revoked_at.is_(None))
            .values(revoked_at=NOW)
        )
        return revoked.rowcount > 0

    async def revoke_all(self, subject: str) -> int:
        keys = API_KEYS.c
        revoked = await self._connection.execute(
            API_KEYS.update().where(keys.subject == subject, keys.revoked_at.is_(None)).values(revoked_at=NOW)
        )
        return revoked.rowcount

    async def list(self, subject: str) -> Sequence[ApiKey]:
        keys = API_KEYS.c
        found = await self._connection.execute(
            select(*COLUMNS)
            .where(keys.subject == subject, keys.revoked_at.is_(None))
            .order_by(keys.created_at.desc(), keys.id)
        )
        return [_key(row) for row in found.mappings()]


def _key(row: RowMapping) -> ApiKey:
    fields = {column.name: row[column.name] for column in COLUMNS}
    return ApiKey(**fields | {"scopes": frozenset(row["scopes"])})
