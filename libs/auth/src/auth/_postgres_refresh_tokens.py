"""Refresh tokens in PostgreSQL, in the caller's transaction. PostgreSQL's clock decides."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth._postgres_tables import REFRESH_TOKENS, TOKEN_FAMILIES
from auth._refresh_tokens import StoredRefreshToken, TokenFamily

# Not now(), which is when the transaction began: it may have waited for a lock since.
NOW = func.clock_timestamp()


class PostgresRefreshTokenStore:
    """A store for one transaction. Who calls commits; what the driver raises is the caller's to translate."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_family(self, id: str, subject: str, lifetime: timedelta, digest: str) -> TokenFamily:  # noqa: A002
        added = await self._connection.execute(
            TOKEN_FAMILIES.insert()
            .values(id=id, subject=subject, created_at=NOW, expires_at=NOW + lifetime)
            .returning(*TOKEN_FAMILIES.c)
        )
        family = _family(added.mappings().one())
        await self._connection.execute(REFRESH_TOKENS.insert().values(digest=digest, family_id=id))
        return family

    async def lock(self, digest: str) -> StoredRefreshToken | None:
        tokens = REFRESH_TOKENS.c
        found = await self._connection.execute(
            select(*TOKEN_FAMILIES.c, tokens.used_at, tokens.successor, NOW.label("read_at"))
            .join_from(REFRESH_TOKENS, TOKEN_FAMILIES)
            .where(tokens.digest == digest)
            .with_for_update()
        )
        row = found.mappings().one_or_none()
        if row is None:
            return None
        return StoredRefreshToken(_family(row), row["used_at"], row["successor"], row["read_at"])

    async def replace(self, digest: str, successor: str) -> None:
        tokens = REFRESH_TOKENS.c
        family_id = await self._connection.scalar(
            REFRESH_TOKENS.update()
            .where(tokens.digest == digest)
            .values(used_at=NOW, successor=successor)
            .returning(tokens.family_id)
        )
        await self._connection.execute(REFRESH_TOKENS.insert().values(digest=successor, family_id=family_id))

    async def find_family(self, id: str) -> TokenFamily | None:  # noqa: A002
        found = await self._connection.execute(select(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id == id))
        row = found.mappings().one_or_none()
        return None if row is None else _family(row)

    async def end_family(self, id: str) -> bool:  # noqa: A002
        families = TOKEN_FAMILIES.c
        ended = await self._connection.execute(
            TOKEN_FAMILIES.update()
            .where(families.id == id, families.ended_at.is_(None), families.expires_at > NOW)
            .values(ended_at=NOW)
        )
        return ended.rowcount > 0

    async def end_subject(self, subject: str, but: str | None = None) -> int:
        ended = await self._connection.execute(
            TOKEN_FAMILIES.update()
            .where(*_live(subject), TOKEN_FAMILIES.c.id.is_distinct_from(but))
            .values(ended_at=NOW)
        )
        return ended.rowcount

    async def families_of(
        self, subject: str, before: str | None = None, limit: int | None = None
    ) -> Sequence[TokenFamily]:
        query = select(TOKEN_FAMILIES).where(*_live(subject))
        if before is not None:
            query = query.where(TOKEN_FAMILIES.c.id < before)
        found = await self._connection.execute(query.order_by(TOKEN_FAMILIES.c.id.desc()).limit(limit))
        return [_family(row) for row in found.mappings()]

    async def purge(self) -> int:
        gone = await self._connection.execute(
            TOKEN_FAMILIES.delete().where(TOKEN_FAMILIES.c.expires_at <= NOW)
        )
        return gone.rowcount


def _live(subject: str) -> tuple[ColumnElement[bool], ...]:
    families = TOKEN_FAMILIES.c
    return families.subject == subject, families.ended_at.is_(None), families.expires_at > NOW


def _family(row: RowMapping) -> TokenFamily:
    return TokenFamily(**{column.name: row[column.name] for column in TOKEN_FAMILIES.c})
