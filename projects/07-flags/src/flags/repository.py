"""Documents, changes and scheduled changes, in PostgreSQL. All of it raises StoreUnavailableError."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Row, func, insert, select, true, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from flags.history import AuditEntry, Edit, ScheduledChange, Stored
from flags.ruleset import Ref, Snapshot
from flags.tables import CHANGES, DOCUMENTS, RULESET, SCHEDULED
from service_kit.database import Database

NOW: Final = func.clock_timestamp()
"""Read while the row of the ruleset is locked, so that times and versions have one order."""


class UnitOfWork:
    """One transaction; what is not committed is undone."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def commit(self) -> None:
        await self._connection.commit()

    async def lock(self) -> int:
        """Have all other changes wait, and return the version: they come in one order, without gaps."""
        statement = select(RULESET.c.version).with_for_update()
        return int((await self._connection.execute(statement)).scalar_one())

    async def documents(self) -> dict[Ref, Stored]:
        rows = await self._connection.execute(select(DOCUMENTS))
        return {Ref(row.kind, row.key): Stored(row.version, row.document) for row in rows}

    async def apply(self, edit: Edit) -> int:
        """Make the change, and return its version. `lock` came before."""
        moved = (
            update(RULESET)
            .values(
                version=RULESET.c.version + 1,
                kill_revision=func.greatest(RULESET.c.kill_revision, edit.kill_revision),
                changed_at=NOW,
            )
            .returning(RULESET.c.version, RULESET.c.changed_at)
        )
        head = (await self._connection.execute(moved)).one()
        kind, key = edit.ref
        document = {"version": head.version, "document": edit.after}
        statement = postgresql.insert(DOCUMENTS).values(kind=kind, key=key, **document)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["kind", "key"], set_=document)
        )
        await self._connection.execute(
            insert(CHANGES).values(
                version=head.version,
                at=head.changed_at,
                actor=edit.actor,
                action=edit.action,
                kind=kind,
                key=key,
                before=edit.before,
                after=edit.after,
                kill_id=edit.kill_id,
                note=edit.note,
            )
        )
        return int(head.version)

    async def version_of_kill(self, kill_id: UUID) -> int | None:
        statement = select(CHANGES.c.version).where(CHANGES.c.kill_id == kill_id)
        return (await self._connection.execute(statement)).scalar_one_or_none()

    async def schedule(self, change: ScheduledChange) -> None:
        await self._connection.execute(
            insert(SCHEDULED).values(
                id=change.id,
                flag=change.flag,
                at=change.at,
                base_version=change.base_version,
                change=change.change,
                actor=change.actor,
            )
        )

    async def take_due(self) -> ScheduledChange | None:
        """Take the earliest that is due, if no other process has it."""
        due = select(SCHEDULED).where(SCHEDULED.c.state == "pending", SCHEDULED.c.at <= NOW)
        due = due.order_by(SCHEDULED.c.at, SCHEDULED.c.id).limit(1).with_for_update(skip_locked=True)
        row = (await self._connection.execute(due)).one_or_none()
        return scheduled(row) if row is not None else None

    async def scheduled_by_id(self, change_id: UUID) -> ScheduledChange | None:
        statement = select(SCHEDULED).where(SCHEDULED.c.id == change_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return scheduled(row) if row is not None else None

    async def end_scheduled(self, change_id: UUID, state: str, detail: str = "") -> None:
        statement = update(SCHEDULED).where(SCHEDULED.c.id == change_id)
        await self._connection.execute(statement.values(state=state, detail=detail))


type Begin = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


@asynccontextmanager
async def unit_of_work(database: Database) -> AsyncIterator[UnitOfWork]:
    async with database.transaction() as connection:
        yield UnitOfWork(connection)


class Reader:
    """What is read without a change. Each method is one statement, and so sees one version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def head(self) -> tuple[str, int, int, bool]:
        """Return epoch, version, kill revision, and whether a scheduled change is due."""
        due = select(SCHEDULED.c.id).where(SCHEDULED.c.state == "pending", SCHEDULED.c.at <= NOW).exists()
        statement = select(RULESET.c.epoch, RULESET.c.version, RULESET.c.kill_revision, due.label("due"))
        async with self._database.autocommit() as connection:
            row = (await connection.execute(statement)).one()
        return row.epoch, row.version, row.kill_revision, row.due

    async def snapshot(self) -> Snapshot:
        statement = select(
            RULESET.c.epoch,
            RULESET.c.version.label("of"),
            RULESET.c.kill_revision,
            RULESET.c.changed_at,
            DOCUMENTS.c.kind,
            DOCUMENTS.c.key,
            DOCUMENTS.c.document,
        ).select_from(RULESET.outerjoin(DOCUMENTS, true()))
        async with self._database.autocommit() as connection:
            rows = (await connection.execute(statement)).all()
        first = rows[0]
        documents = {Ref(row.kind, row.key): row.document for row in rows if row.kind is not None}
        made_at = first.changed_at.timestamp()
        return Snapshot(first.epoch, first.of, first.kill_revision, made_at, documents)

    async def stored(self, kind: str) -> dict[str, Stored]:
        statement = select(DOCUMENTS).where(DOCUMENTS.c.kind == kind).order_by(DOCUMENTS.c.key.collate("C"))
        async with self._database.autocommit() as connection:
            return {row.key: Stored(row.version, row.document) for row in await connection.execute(statement)}

    async def find(self, ref: Ref) -> Stored | None:
        statement = select(DOCUMENTS).where(DOCUMENTS.c.kind == ref.kind, DOCUMENTS.c.key == ref.key)
        async with self._database.autocommit() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return Stored(row.version, row.document) if row is not None else None

    async def version_at(self, moment: datetime) -> int:
        """Return the version that was in force; 0 before the first change."""
        statement = select(func.coalesce(func.max(CHANGES.c.version), 0)).where(CHANGES.c.at <= moment)
        async with self._database.autocommit() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def documents_at(self, version: int) -> dict[Ref, Stored]:
        """Return what the documents were: of each the last change until then."""
        statement = (
            select(CHANGES.c.kind, CHANGES.c.key, CHANGES.c.version, CHANGES.c.after)
            .ext(postgresql.distinct_on(CHANGES.c.kind, CHANGES.c.key))
            .where(CHANGES.c.version <= version)
            .order_by(CHANGES.c.kind, CHANGES.c.key, CHANGES.c.version.desc())
        )
        async with self._database.autocommit() as connection:
            rows = await connection.execute(statement)
            return {Ref(row.kind, row.key): Stored(row.version, row.after) for row in rows}

    async def audit(
        self, limit: int, before: int | None = None, ref: Ref | None = None, kinds: tuple[str, ...] = ()
    ) -> list[AuditEntry]:
        """Return changes, the newest first."""
        statement = select(CHANGES).order_by(CHANGES.c.version.desc()).limit(limit)
        if before is not None:
            statement = statement.where(CHANGES.c.version < before)
        if ref is not None:
            statement = statement.where(CHANGES.c.kind == ref.kind, CHANGES.c.key == ref.key)
        if kinds:
            statement = statement.where(CHANGES.c.kind.in_(kinds))
        async with self._database.autocommit() as connection:
            return [audited(row) for row in await connection.execute(statement)]

    async def scheduled(self, flag: str) -> list[ScheduledChange]:
        statement = select(SCHEDULED).where(SCHEDULED.c.flag == flag).order_by(SCHEDULED.c.at, SCHEDULED.c.id)
        async with self._database.autocommit() as connection:
            return [scheduled(row) for row in await connection.execute(statement)]


def audited(row: Row[tuple[object, ...]]) -> AuditEntry:
    ref = Ref(row.kind, row.key)
    return AuditEntry(row.version, row.at, row.actor, row.action, ref, row.before, row.after, row.note)


def scheduled(row: Row[tuple[object, ...]]) -> ScheduledChange:
    return ScheduledChange(
        row.id, row.flag, row.at, row.base_version, row.change, row.actor, row.state, row.detail
    )
