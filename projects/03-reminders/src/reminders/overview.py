"""What the page shows, read in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reminders.domain import Reminder, State
from reminders.tables import REMINDERS, reminder_of
from service_kit.database import Database

MOST_COUNTED: Final = 1000
"""Counting a million rows takes PostgreSQL a tenth of a second, and the page asks every second."""
MOST_READ: Final = 50
COLUMNS: Final = REMINDERS.c
SCHEDULED: Final = COLUMNS.state == State.SCHEDULED
RETRYING: Final = SCHEDULED & (COLUMNS.attempt_count > 0)


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts, which end at MOST_COUNTED, and the first few of each kind."""

    now: datetime
    counts: dict[str, int]
    due: list[Reminder]
    delivering: list[Reminder]
    retrying: list[Reminder]
    dead: list[Reminder]


async def read_overview(database: Database) -> Overview:
    """Raises: DatabaseUnavailableError, in bounded time."""
    by_due_time = select(REMINDERS).order_by(COLUMNS.due_at).limit(MOST_READ)
    by_age = select(REMINDERS).order_by(COLUMNS.id.desc()).limit(MOST_READ)
    async with database.transaction() as connection:
        counts: dict[str, int] = {state: await _count(connection, COLUMNS.state == state) for state in State}
        return Overview(
            now=(await connection.execute(select(func.now()))).scalar_one(),
            counts={**counts, "retrying": await _count(connection, RETRYING)},
            due=await _read(
                connection,
                by_due_time.where(COLUMNS.due_at.is_not(None), SCHEDULED, COLUMNS.attempt_count == 0),
            ),
            delivering=await _read(connection, by_age.where(COLUMNS.state == State.DELIVERING)),
            retrying=await _read(connection, by_due_time.where(RETRYING)),
            dead=await _read(connection, by_age.where(COLUMNS.state == State.DEAD)),
        )


async def _count(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    some = select(COLUMNS.id).where(condition).limit(MOST_COUNTED).subquery()
    return (await connection.execute(select(func.count()).select_from(some))).scalar_one()


async def _read(connection: AsyncConnection, query: Select[*tuple[object, ...]]) -> list[Reminder]:
    return list(map(reminder_of, (await connection.execute(query)).mappings()))
