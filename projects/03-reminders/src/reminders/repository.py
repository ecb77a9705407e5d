"""What the API reads and writes. Rows stay in here; what comes out is frozen."""

from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from reminders.domain import (
    MOST_COUNTED,
    Attempt,
    Channel,
    EarlierUse,
    Outcome,
    Overview,
    Recurrence,
    Reminder,
    State,
)
from reminders.models import AttemptRow, IdempotencyKeyRow, ReminderRow

ANSWERS: Final = TypeAdapter(Reminder)


class Reminders:
    """The reminders, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, reminder: Reminder) -> None:
        """Write a new reminder."""
        recurrence = reminder.recurrence
        await self._session.execute(
            insert(ReminderRow).values(
                id=reminder.id,
                message=reminder.message,
                channel=reminder.channel,
                callback_url=reminder.callback_url,
                remind_at=reminder.remind_at,
                rrule=recurrence and recurrence.rrule,
                zone=recurrence and recurrence.zone,
                anchor=recurrence and recurrence.anchor,
                state=reminder.state,
                due_at=reminder.next_attempt_at,
                created_at=reminder.created_at,
                updated_at=reminder.updated_at,
            )
        )

    async def find(self, reminder_id: UUID) -> Reminder | None:
        return await self._one(select(ReminderRow).where(ReminderRow.id == reminder_id))

    async def lock(self, reminder_id: UUID) -> Reminder | None:
        """Find a reminder, and keep other writers off it to the transaction's end; claims pass it by."""
        return await self._one(select(ReminderRow).where(ReminderRow.id == reminder_id).with_for_update())

    async def attempts(self, reminder_id: UUID) -> list[Attempt]:
        """Return the attempts to deliver a reminder, in their order."""
        rows = await self._session.scalars(
            select(AttemptRow)
            .where(AttemptRow.reminder_id == reminder_id)
            .order_by(AttemptRow.occurrence, AttemptRow.number)
        )
        return [
            Attempt(
                row.occurrence,
                row.number,
                row.started_at,
                row.finished_at,
                Outcome(row.outcome) if row.outcome else None,
                row.status_code,
                row.error,
            )
            for row in rows
        ]

    async def newest(self, state: State | None, limit: int, after: UUID | None) -> list[Reminder]:
        """Return up to `limit` reminders, newest first, that come after the one with that id."""
        query = select(ReminderRow).order_by(ReminderRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(ReminderRow.state == state)
        if after is not None:
            query = query.where(ReminderRow.id < after)
        return await self._all(query)

    async def replace(self, reminder: Reminder) -> None:
        """Write a reminder that was locked, and now is another."""
        await self._session.execute(
            update(ReminderRow)
            .where(ReminderRow.id == reminder.id)
            .values(
                message=reminder.message,
                remind_at=reminder.remind_at,
                callback_url=reminder.callback_url,
                anchor=reminder.recurrence and reminder.recurrence.anchor,
                state=reminder.state,
                due_at=reminder.next_attempt_at,
                occurrence=reminder.occurrence,
                attempt_count=reminder.attempt_count,
                version=reminder.version,
                updated_at=reminder.updated_at,
            )
        )

    async def overview(self, limit: int) -> Overview:
        """Return what the page shows: counts, and the first few of each kind."""
        scheduled = ReminderRow.state == State.SCHEDULED
        retrying = scheduled & (ReminderRow.attempt_count > 0)
        by_due_time = select(ReminderRow).order_by(ReminderRow.due_at).limit(limit)
        by_age = select(ReminderRow).order_by(ReminderRow.id.desc()).limit(limit)
        return Overview(
            now=(await self._session.execute(select(func.now()))).scalar_one(),
            counts={state: await self._count(ReminderRow.state == state) for state in State}
            | {"retrying": await self._count(retrying)},
            due=await self._all(
                by_due_time.where(ReminderRow.due_at.is_not(None), scheduled, ReminderRow.attempt_count == 0)
            ),
            delivering=await self._all(by_age.where(ReminderRow.state == State.DELIVERING)),
            retrying=await self._all(by_due_time.where(retrying)),
            dead=await self._all(by_age.where(ReminderRow.state == State.DEAD)),
        )

    async def _count(self, condition: ColumnElement[bool]) -> int:
        some = select(ReminderRow.id).where(condition).limit(MOST_COUNTED).subquery()
        return (await self._session.execute(select(func.count()).select_from(some))).scalar_one()

    async def _one(self, query: Select[ReminderRow]) -> Reminder | None:
        row = (await self._session.scalars(query)).one_or_none()
        return as_reminder(row) if row else None

    async def _all(self, query: Select[ReminderRow]) -> list[Reminder]:
        return [as_reminder(row) for row in await self._session.scalars(query)]


class IdempotencyKeys:
    """What each Idempotency-Key was first used for, in the same transaction as the reminder."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take(self, key: str, fingerprint: bytes, answer: Reminder) -> EarlierUse | None:
        """Use a key for the first time, or return what it was used for.

        Of two who come at once the second waits here, until the first has committed or given up.
        """
        taken = await self._session.execute(
            upsert(IdempotencyKeyRow)
            .values(
                key=key,
                fingerprint=fingerprint,
                answer=ANSWERS.dump_python(answer, mode="json"),
                created_at=answer.created_at,
            )
            .on_conflict_do_nothing()
            .returning(IdempotencyKeyRow.key)
        )
        if taken.one_or_none() is not None:
            return None
        query = select(IdempotencyKeyRow).where(IdempotencyKeyRow.key == key)
        row = (await self._session.scalars(query)).one()
        return EarlierUse(row.fingerprint, ANSWERS.validate_python(row.answer))


def as_reminder(row: ReminderRow) -> Reminder:
    """Make the frozen form of a row."""
    recurrence = None
    if row.rrule is not None and row.zone is not None and row.anchor is not None:
        recurrence = Recurrence(row.rrule, row.zone, row.anchor)
    state = State(row.state)
    return Reminder(
        id=row.id,
        message=row.message,
        remind_at=row.remind_at,
        channel=Channel(row.channel),
        callback_url=row.callback_url,
        recurrence=recurrence,
        state=state,
        occurrence=row.occurrence,
        attempt_count=row.attempt_count,
        next_attempt_at=row.due_at if state is State.SCHEDULED else None,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
