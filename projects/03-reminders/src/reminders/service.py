"""What can be done with reminders: each verb is one transaction, and tells the index after its commit."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from reminders import lifecycle
from reminders.admission import Admission, check_time
from reminders.domain import Attempt, Changes, Details, Draft, Due, Page, Reminder, State
from reminders.due_index import HORIZON, DueIndex
from reminders.errors import InvalidFieldError, ReminderNotFoundError, StaleVersionError, UnknownCursorError
from reminders.recurrence import Schedule, aside
from reminders.repository import BeginUnitOfWork

DRAFTS: Final = TypeAdapter(Draft)

type Versions = frozenset[int] | None
"""The versions that a caller accepts; None: any."""


class ReminderService:
    """The verbs of the API. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(
        self,
        unit_of_work: BeginUnitOfWork,
        index: DueIndex,
        admission: Admission,
        new_id: Callable[[], UUID],
    ) -> None:
        self._unit_of_work = unit_of_work
        self._index = index
        self._admission = admission
        self._new_id = new_id

    async def schedule(self, draft: Draft, key: str | None) -> Details:
        """Make a reminder; with a key that was used before, give the answer of then.

        Raises: InvalidReminderError, IdempotencyKeyReusedError.
        """
        await aside(draft.recurrence, lambda: self._admission.check(draft))
        async with self._unit_of_work() as uow:
            now = await uow.now()
            reminder = lifecycle.begun(self._new_id(), draft, now)
            if key is not None:
                fingerprint = hashlib.sha256(DRAFTS.dump_json(draft)).digest()
                earlier = await uow.take_key(key, fingerprint, reminder)
                if earlier is not None:
                    return await details_of(earlier, [], is_repeated=True)
            # Only now: a retry may come long after its reminder has fired.
            check_time(draft.remind_at, now)
            await uow.add(reminder)
            await uow.commit()
        await self._tell_index(reminder)
        return await details_of(reminder, [])

    async def show(self, reminder_id: UUID) -> Details:
        """Return a reminder with its attempts.

        Raises: ReminderNotFoundError.
        """
        async with self._unit_of_work() as uow:
            reminder = await uow.find(reminder_id)
            if reminder is None:
                raise ReminderNotFoundError(reminder_id)
            return await details_of(reminder, await uow.attempts(reminder_id))

    async def newest(self, state: State | None, limit: int, after: UUID | None) -> Page:
        """Return a part of the list, newest first.

        Raises: UnknownCursorError.
        """
        async with self._unit_of_work() as uow:
            if after is not None and await uow.find(after) is None:
                raise UnknownCursorError
            found = await uow.newest(state, limit + 1, after)
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def revise(self, reminder_id: UUID, changes: Changes, versions: Versions) -> Details:
        """Change a scheduled reminder.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderFinishedError, DeliveryInProgressError,
        InvalidReminderError.
        """

        def revised(old: Reminder, now: datetime) -> Reminder:
            new = lifecycle.revised(old, changes, now)
            self._admission.check(new)
            if "remind_at" in changes:
                check_time(new.remind_at, now)
            return new

        return await self._change(reminder_id, versions, revised)

    async def cancel(self, reminder_id: UUID, versions: Versions) -> None:
        """Cancel a reminder: it will not fire. Cancelling a second time changes nothing.

        Against a claim, the one that commits first wins; a cancel that comes second is told so.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderFinishedError, DeliveryInProgressError.
        """
        await self._change(reminder_id, versions, lifecycle.cancelled)

    async def replay(self, reminder_id: UUID, versions: Versions) -> Details:
        """Have a dead reminder delivered after all.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderNotDeadError.
        """
        return await self._change(reminder_id, versions, lifecycle.replayed)

    async def _change(
        self, reminder_id: UUID, versions: Versions, change: Callable[[Reminder, datetime], Reminder]
    ) -> Details:
        """Change a reminder in a version that the caller has seen, while nobody else can."""
        async with self._unit_of_work() as uow:
            old = await uow.lock(reminder_id)
            if old is None:
                raise ReminderNotFoundError(reminder_id)
            if versions is not None and old.version not in versions:
                raise StaleVersionError
            now = await uow.now()
            new = await aside(old.recurrence, lambda: change(old, now))
            await uow.replace(new)
            attempts = await uow.attempts(reminder_id)
            await uow.commit()
        await self._tell_index(new)
        return await details_of(new, attempts)

    async def _tell_index(self, reminder: Reminder) -> None:
        due_at = reminder.next_attempt_at
        if due_at is None:
            await self._index.remove(reminder.id)
        elif due_at - reminder.updated_at <= HORIZON:
            await self._index.enter([Due(reminder.id, due_at)])


async def details_of(reminder: Reminder, attempts: list[Attempt], *, is_repeated: bool = False) -> Details:
    """Add what a list leaves out."""
    upcoming: list[datetime] = []
    if reminder.recurrence is not None and reminder.state in {State.SCHEDULED, State.DELIVERING}:
        with suppress(InvalidFieldError):  # its zone has left the database of zones since it was made
            schedule = Schedule(reminder.recurrence)
            upcoming = await asyncio.to_thread(schedule.upcoming, reminder.remind_at)
    return Details(reminder, attempts, upcoming, is_repeated)
