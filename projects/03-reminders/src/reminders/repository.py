"""What the API reads and writes, one transaction at a time. Rows stay in here; what comes out is frozen."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from reminders.domain import Attempt, Reminder, State
from reminders.errors import IdempotencyKeyReusedError
from reminders.tables import ATTEMPT, ATTEMPTS, IDEMPOTENCY_KEYS, REMINDER, REMINDERS, reminder_of, row_of
from service_kit.database import Database, expect_written

COLUMNS = REMINDERS.c
RETRYING = (COLUMNS.state == State.SCHEDULED) & (COLUMNS.attempt_count > 0)

type BeginUnitOfWork = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


@asynccontextmanager
async def unit_of_work(database: Database) -> AsyncIterator["UnitOfWork"]:
    """Begin a transaction.

    Raises: DatabaseUnavailableError, in bounded time.
    """
    async with database.transaction() as connection:
        yield UnitOfWork(connection)


class UnitOfWork:
    """One transaction. What is not committed is rolled back."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def commit(self) -> None:
        await self._connection.commit()

    async def now(self) -> datetime:
        """Return when the transaction began, by PostgreSQL's clock: the only one that decides here."""
        return (await self._connection.execute(select(func.now()))).scalar_one()

    async def add(self, reminder: Reminder) -> None:
        expect_written(await self._connection.execute(insert(REMINDERS).values(row_of(reminder))))

    async def replace(self, reminder: Reminder) -> None:
        """Write a reminder that was locked, and now is another."""
        query = update(REMINDERS).where(COLUMNS.id == reminder.id)
        expect_written(await self._connection.execute(query.values(row_of(reminder))))

    async def find(self, reminder_id: UUID) -> Reminder | None:
        return await self._one(select(REMINDERS).where(COLUMNS.id == reminder_id))

    async def lock(self, reminder_id: UUID) -> Reminder | None:
        """Find a reminder, and keep other writers off it to the transaction's end; claims pass it by."""
        return await self._one(select(REMINDERS).where(COLUMNS.id == reminder_id).with_for_update())

    async def attempts(self, reminder_id: UUID) -> list[Attempt]:
        """Return the attempts to deliver a reminder, in their order."""
        query = (
            select(ATTEMPTS)
            .where(ATTEMPTS.c.reminder_id == reminder_id)
            .order_by(ATTEMPTS.c.occurrence, ATTEMPTS.c.number)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [ATTEMPT.validate_python(dict(row)) for row in rows]

    async def newest(self, state: State | None, limit: int, after: UUID | None = None) -> list[Reminder]:
        """Return up to `limit` reminders, newest first, that come after the one with that id."""
        query = select(REMINDERS).order_by(COLUMNS.id.desc()).limit(limit)
        if state is not None:
            query = query.where(COLUMNS.state == state)
        if after is not None:
            query = query.where(COLUMNS.id < after)
        return await self._all(query)

    async def soonest(self, limit: int, *, retrying: bool) -> list[Reminder]:
        """Return up to `limit` reminders that wait for their first attempt, or for another one."""
        first = (
            (COLUMNS.state == State.SCHEDULED) & (COLUMNS.attempt_count == 0) & COLUMNS.due_at.is_not(None)
        )
        condition = RETRYING if retrying else first
        return await self._all(select(REMINDERS).where(condition).order_by(COLUMNS.due_at).limit(limit))

    async def count(self, state: State | None, most: int) -> int:
        """Count the reminders in a state, or without one those that are tried again, up to `most`."""
        condition = RETRYING if state is None else COLUMNS.state == state
        some = select(COLUMNS.id).where(condition).limit(most).subquery()
        return (await self._connection.execute(select(func.count()).select_from(some))).scalar_one()

    async def take_key(self, key: str, fingerprint: bytes, answer: Reminder) -> Reminder | None:
        """Use an Idempotency-Key for the first time, or return the answer that it got then.

        Of two who come at once the second waits here, until the first has committed or given up.

        Raises: IdempotencyKeyReusedError if it came with another fingerprint then.
        """
        taken = await self._connection.execute(
            upsert(IDEMPOTENCY_KEYS)
            .values(
                key=key,
                fingerprint=fingerprint,
                answer=REMINDER.dump_python(answer, mode="json"),
                created_at=answer.created_at,
            )
            .on_conflict_do_nothing()
            .returning(IDEMPOTENCY_KEYS.c.key)
        )
        if taken.one_or_none() is not None:
            return None
        query = select(IDEMPOTENCY_KEYS).where(IDEMPOTENCY_KEYS.c.key == key)
        row = (await self._connection.execute(query)).one()
        if row.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError
        return REMINDER.validate_python(row.answer)

    async def _one(self, query: Select[*tuple[object, ...]]) -> Reminder | None:
        return next(iter(await self._all(query)), None)

    async def _all(self, query: Select[*tuple[object, ...]]) -> list[Reminder]:
        return list(map(reminder_of, (await self._connection.execute(query)).mappings()))
