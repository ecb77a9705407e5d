"""The counts, in PostgreSQL. Each method is one statement, and each statement a transaction."""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from service_kit.database import Database
from webhooks.domain import Count
from webhooks.tables import COUNTS


class Counts:
    """A number for each name. All of it raises StoreUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, increment: int) -> Count:
        """Add to a count; the row's lock has those wait who add at once."""
        new = insert(COUNTS).values(name=name, value=increment)
        statement = new.on_conflict_do_update(
            index_elements=[COUNTS.c.name], set_={"value": COUNTS.c.value + new.excluded.value}
        ).returning(COUNTS.c.value)
        async with self._database.autocommit() as connection:
            return Count(name, (await connection.execute(statement)).scalar_one())

    async def find(self, name: str) -> Count | None:
        statement = select(COUNTS.c.value).where(COUNTS.c.name == name)
        async with self._database.autocommit() as connection:
            value = (await connection.execute(statement)).scalar()
        return None if value is None else Count(name, value)

    async def total(self) -> int:
        """Add up all counts. O(n) in the number of names."""
        async with self._database.autocommit() as connection:
            return int((await connection.execute(select(func.sum(COUNTS.c.value)))).scalar() or 0)
