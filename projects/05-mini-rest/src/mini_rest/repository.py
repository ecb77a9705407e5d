"""Tasks and idempotency keys, a transaction at a time. The ORM's rows stay in here; frozen tasks come out."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from mini_rest.domain import Actor, Changes, Draft, KeyUse, Listing, Owner, Status, Task
from mini_rest.errors import KeyInUseError, KeyReusedError
from mini_rest.keyset import filtered, paged
from mini_rest.tables import IdempotencyKeyRow, TaskRow, UserRow
from service_kit.database import Database, expect_written

type BeginUnitOfWork = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
type Answer = dict[str, object]


def with_owner() -> Select[TaskRow]:
    """Select tasks and, in the same query, their owners: one query for a page, however long it is."""
    return select(TaskRow).options(joinedload(TaskRow.owner))


# Written once: to compose it at each request is a quarter of the cost.
ONE_TASK: Final = with_owner().where(
    TaskRow.organisation_id == bindparam("organisation_id"), TaskRow.id == bindparam("task_id")
)


@asynccontextmanager
async def unit_of_work(database: Database, *, autocommit: bool = False) -> AsyncIterator["UnitOfWork"]:
    """Begin a transaction; with `autocommit` each statement is one, which saves a read two round trips.

    Raises: DatabaseUnavailableError, in bounded time.
    """
    begin = database.autocommit if autocommit else database.transaction
    async with begin() as connection, AsyncSession(connection, expire_on_commit=False) as session:
        yield UnitOfWork(session)


class UnitOfWork:
    """One transaction. What is not committed is rolled back."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        # The session forgets rows that nobody holds, and would ask for them again.
        self._locked: dict[UUID, TaskRow] = {}

    async def commit(self) -> None:
        await self._session.commit()

    async def add(self, actor: Actor, task_id: UUID, draft: Draft) -> Task:
        row = TaskRow(
            id=task_id,
            organisation_id=actor.organisation_id,
            owner=await self._session.get_one(UserRow, actor.user_id),
            title=draft.title,
            notes=draft.notes,
            status=draft.status,
            due_at=draft.due_at,
        )
        self._session.add(row)
        await self._session.flush()
        return task_of(row)

    async def page(self, organisation_id: UUID, listing: Listing) -> Sequence[Task]:
        """Return the tasks from the listing's place on, in its order, and one more than its limit."""
        query = paged(filtered(with_owner(), organisation_id, listing), listing)
        rows = (await self._session.scalars(query)).all()
        tasks = [task_of(row) for row in rows]
        return tasks[::-1] if listing.place is not None and listing.place.is_backward else tasks

    async def find(self, organisation_id: UUID, task_id: UUID, *, lock: bool = False) -> Task | None:
        """Return a task of this organisation, also one that is deleted.

        With `lock` other writers wait until this transaction ends, and then see what it has made of the task.
        """
        query = ONE_TASK.with_for_update(of=TaskRow) if lock else ONE_TASK
        values = {"organisation_id": organisation_id, "task_id": task_id}
        row = (await self._session.scalars(query, values)).one_or_none()
        if row is None:
            return None
        if lock:
            self._locked[row.id] = row
        return task_of(row)

    async def change(self, task: Task, changes: Changes) -> Task:
        """Write new values of a task that was locked; where none is new, nothing is written."""
        return await self._write(task, changes)

    async def delete(self, task: Task) -> Task:
        """Mark a task that was locked as deleted."""
        return await self._write(task, {"is_deleted": True})

    async def restore(self, task: Task) -> Task:
        """Undo `delete`."""
        return await self._write(task, {"is_deleted": False})

    async def take_key(self, use: KeyUse, fingerprint: bytes) -> Answer | None:
        """Return the answer that a key got before, or keep others from using it until the transaction's end.

        The lock is PostgreSQL's own and is gone with its session, so a process that dies leaves none behind.

        Raises: KeyInUseError, at once; KeyReusedError if the key came with another fingerprint before.
        """
        name = f"{use.user_id} {use.target} {use.key}"
        free = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))
        if not await self._session.scalar(free):
            raise KeyInUseError
        row = await self._session.scalar(
            select(IdempotencyKeyRow).where(*key_is(use), IdempotencyKeyRow.expires_at > func.now())
        )
        if row is None:
            return None
        if row.fingerprint != fingerprint:
            raise KeyReusedError
        return row.answer

    async def keep_answer(self, use: KeyUse, fingerprint: bytes, answer: Answer, ttl: timedelta) -> None:
        """Remember the answer under a key that was taken; one that has expired is written over."""
        values = {"fingerprint": fingerprint, "answer": answer, "expires_at": func.now() + ttl}
        kept = insert(IdempotencyKeyRow).values(user_id=use.user_id, target=use.target, key=use.key, **values)
        statement = kept.on_conflict_do_update(constraint="idempotency_keys_pkey", set_=values)
        # Not by the session, which has no count of rows.
        expect_written(await (await self._session.connection()).execute(statement))

    async def _write(self, task: Task, values: Mapping[str, object]) -> Task:
        row = self._locked[task.id]
        for name, value in values.items():
            setattr(row, name, value)
        await self._session.flush()
        return task_of(row)


def key_is(use: KeyUse) -> tuple[ColumnElement[bool], ...]:
    return (
        IdempotencyKeyRow.user_id == use.user_id,
        IdempotencyKeyRow.target == use.target,
        IdempotencyKeyRow.key == use.key,
    )


def task_of(row: TaskRow) -> Task:
    return Task(
        row.id,
        row.title,
        row.notes,
        Status(row.status),
        row.due_at,
        Owner(row.owner.id, row.owner.name),
        row.version,
        row.created_at,
        row.updated_at,
        row.is_deleted,
    )
