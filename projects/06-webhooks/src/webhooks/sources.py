"""Sources and their secrets in PostgreSQL. Rows stay in here; what comes out is frozen."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from service_kit import json_text
from service_kit.database import Database, expect_written
from webhooks import direct
from webhooks.direct import DirectConnection
from webhooks.domain import SOURCE_NAME, KnownSource, Secret, Source, SourceState
from webhooks.errors import SecretNotFoundError, SourceExistsError, SourceNotFoundError
from webhooks.statements import run

SOURCE: Final = TypeAdapter(Source)
SECRET: Final = TypeAdapter(Secret)
SECRET_ROWS: Final = TypeAdapter(list[dict[str, str | None]])
NAME_CONSTRAINT: Final = "sources_name_key"

ADD: Final = text(
    "INSERT INTO sources (id, name, scheme, destination, signing_secret, hmac, key_header, key_pointers,"
    " ordering_pointer, limit_per_minute) VALUES (:id, :name, :scheme, :destination, :signing_secret,"
    " CAST(:hmac AS jsonb), :key_header, CAST(:key_pointers AS jsonb), :ordering_pointer, :limit_per_minute)"
)
ADD_SECRET: Final = text(
    "INSERT INTO secrets (id, source_id, kind, key, text, not_after)"
    " VALUES (:id, :source_id, :kind, :key, :text, :not_after)"
)
CHANGE: Final = text(
    "UPDATE sources SET state = coalesce(:state, state), destination = coalesce(:destination, destination)"
    " WHERE id = :id"
)
EXPIRE: Final = text(
    "UPDATE secrets SET not_after = :not_after WHERE source_id = :source_id AND id = :id RETURNING id"
)


class Sources:
    """All raise StoreUnavailableError, in bounded time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[KnownSource]:
        async with self._database.autocommit() as connection:
            return [_known(dict(row)) for row in await run(connection, "find_sources", names=None)]

    async def get(self, name: str) -> KnownSource:
        """Raises: SourceNotFoundError."""
        async with self._database.autocommit() as connection:
            rows = await run(connection, "find_sources", names=possible([name]))
        if not rows:
            raise SourceNotFoundError(f"there is no source {name}")
        return _known(dict(rows[0]))

    async def add(self, source: Source, signing_secret: str, secret: Secret) -> None:
        """Raises: SourceExistsError."""
        row = asdict(source)
        row |= {name: json_text.render(row[name]).decode() for name in ("hmac", "key_pointers")}
        try:
            async with self._database.transaction() as connection:
                expect_written(await connection.execute(ADD, {**row, "signing_secret": signing_secret}))
                added = await connection.execute(ADD_SECRET, {**_row(secret), "source_id": source.id})
                expect_written(added)
                await connection.commit()
        except IntegrityError as error:
            raise SourceExistsError(f"there is a source {source.name} already") from error

    async def add_secret(self, source_id: UUID, secret: Secret) -> None:
        async with self._database.autocommit() as connection:
            added = await connection.execute(ADD_SECRET, {**_row(secret), "source_id": source_id})
            expect_written(added)

    async def change(self, source_id: UUID, state: SourceState | None, destination: str | None) -> None:
        async with self._database.autocommit() as connection:
            values = {"id": source_id, "state": state, "destination": destination}
            expect_written(await connection.execute(CHANGE, values))

    async def expire_secret(self, source_id: UUID, secret_id: UUID, not_after: datetime | None) -> None:
        """Raises: SecretNotFoundError."""
        async with self._database.autocommit() as connection:
            changed = await connection.execute(
                EXPIRE, {"source_id": source_id, "id": secret_id, "not_after": not_after}
            )
        if changed.one_or_none() is None:
            raise SecretNotFoundError(f"the source has no secret {secret_id}")


class SourceFinder:
    """Finds the sources of deliveries. It raises StoreUnavailableError, in bounded time."""

    def __init__(self, direct: DirectConnection) -> None:
        self._direct = direct

    async def find_each(self, names: list[str]) -> list[KnownSource | None]:
        """Return the source of each name, as it is now: what one process has changed all know at once."""
        async with self._direct.lent() as connection:
            rows = await direct.run(connection, "find_sources", names=possible(names))
        known = {row["name"]: _known(row) for row in rows}
        return [known.get(name) for name in names]


def possible(names: Iterable[str]) -> list[str]:
    """Return those that a source may have: PostgreSQL could not even be asked for some others."""
    return list({name for name in names if SOURCE_NAME.fullmatch(name)})


def _known(row: Mapping[str, object]) -> KnownSource:
    secrets = SECRET_ROWS.validate_python(row["secrets"])
    return KnownSource(
        SOURCE.validate_python(row),
        [SECRET.validate_python({**one, "key": base64.b64decode(one["key"] or "")}) for one in secrets],
    )


def _row(secret: Secret) -> dict[str, object]:
    return asdict(secret)
