"""What can be done with reminders: each verb is one transaction, and tells the index after its commit."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from reminders.admission import Admission
from reminders.domain import (
    Attempt,
    Changes,
    Details,
    Draft,
    Due,
    Overview,
    Page,
    Reminder,
    Scheduled,
    State,
)
from reminders.errors import (
    DeliveryInProgressError,
    IdempotencyKeyReusedError,
    ReminderFinishedError,
    ReminderNotDeadError,
    ReminderNotFoundError,
    StaleVersionError,
)
from reminders.lifecycle import first_occurrence, next_occurrence, revised, touched
from reminders.recurrence import Schedule
from reminders.scheduler import HORIZON, DueIndex
from reminders.unit_of_work import Database, UnitOfWork

UPCOMING: Final = 3
SHOWN: Final = 50

DRAFTS: Final = TypeAdapter(Draft)

type Versions = frozenset[int] | None
"""The versions that a caller accepts; None: any."""


class ReminderService:
    """The verbs of the API."""

    def __init__(
        self,
        database: Database,
        index: DueIndex,
        admission: Admission,
        new_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._index = index
        self._admission = admission
        self._new_id = new_id

    async def schedule(self, draft: Draft, key: str | None) -> Scheduled:
        """Make a reminder; with a key that was used before, give the answer of then.

        Raises: InvalidReminderError, IdempotencyKeyReusedError.
        """
        self._admission.check(draft)
        async with self._database.unit_of_work() as work:
            now = await work.now()
            reminder = first_occurrence(self._new_id(), draft, now)
            if key is not None:
                fingerprint = hashlib.sha256(DRAFTS.dump_json(draft)).digest()
                earlier = await work.idempotency_keys.take(key, fingerprint, reminder)
                if earlier is not None and earlier.fingerprint != fingerprint:
                    raise IdempotencyKeyReusedError
                if earlier is not None:
                    return Scheduled(details_of(earlier.answer, []), replayed=True)
            # Only now: a retry may come long after its reminder has fired.
            self._admission.check_time(draft.remind_at, now)
            await work.reminders.add(reminder)
            await work.commit()
        await self._announce(reminder)
        return Scheduled(details_of(reminder, []), replayed=False)

    async def show(self, reminder_id: UUID) -> Details:
        """Return a reminder with its attempts.

        Raises: ReminderNotFoundError.
        """
        async with self._database.unit_of_work() as work:
            reminder = await work.reminders.find(reminder_id)
            if reminder is None:
                raise ReminderNotFoundError(reminder_id)
            return details_of(reminder, await work.reminders.attempts(reminder_id))

    async def newest(self, state: State | None, limit: int, after: UUID | None) -> Page:
        """Return a part of the list, newest first."""
        async with self._database.unit_of_work() as work:
            found = await work.reminders.newest(state, limit + 1, after)
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def revise(self, reminder_id: UUID, changes: Changes, versions: Versions) -> Details:
        """Change a scheduled reminder.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderFinishedError, DeliveryInProgressError,
        InvalidReminderError.
        """
        async with self._database.unit_of_work() as work:
            old = await locked(work, reminder_id, versions)
            require_scheduled(old)
            new = revised(old, changes, await work.now())
            draft = Draft(new.message, new.remind_at, new.channel, new.callback_url, new.recurrence)
            self._admission.check(draft)
            if changes.remind_at is not None:
                self._admission.check_time(changes.remind_at, new.updated_at)
            await work.reminders.replace(new)
            attempts = await work.reminders.attempts(reminder_id)
            await work.commit()
        await self._announce(new)
        return details_of(new, attempts)

    async def cancel(self, reminder_id: UUID, versions: Versions) -> None:
        """Cancel a reminder: it will not fire. Cancelling a second time changes nothing.

        Against a claim, the one that commits first wins; a cancel that comes second is told so.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderFinishedError, DeliveryInProgressError.
        """
        async with self._database.unit_of_work() as work:
            old = await locked(work, reminder_id, versions)
            if old.state is State.CANCELLED:
                return
            require_scheduled(old)
            new = replace(old, state=State.CANCELLED, next_attempt_at=None)
            await work.reminders.replace(touched(new, await work.now()))
            await work.commit()
        await self._index.remove(reminder_id)

    async def replay(self, reminder_id: UUID, versions: Versions) -> Details:
        """Have a dead reminder delivered after all: now, as a new occurrence with all its attempts.

        Raises: ReminderNotFoundError, StaleVersionError, ReminderNotDeadError.
        """
        async with self._database.unit_of_work() as work:
            old = await locked(work, reminder_id, versions)
            if old.state is not State.DEAD:
                raise ReminderNotDeadError(old.state)
            now = await work.now()
            new = touched(next_occurrence(replace(old, state=State.SCHEDULED, next_attempt_at=now)), now)
            await work.reminders.replace(new)
            attempts = await work.reminders.attempts(reminder_id)
            await work.commit()
        await self._announce(new)
        return details_of(new, attempts)

    async def overview(self) -> Overview:
        """Return what the page for people shows."""
        async with self._database.unit_of_work() as work:
            return await work.reminders.overview(SHOWN)

    async def _announce(self, reminder: Reminder) -> None:
        due_at = reminder.next_attempt_at
        if due_at is not None and due_at - reminder.updated_at <= HORIZON:
            await self._index.enter([Due(reminder.id, due_at)])


async def locked(work: UnitOfWork, reminder_id: UUID, versions: Versions) -> Reminder:
    """Find a reminder to change, in a version that the caller has seen."""
    reminder = await work.reminders.lock(reminder_id)
    if reminder is None:
        raise ReminderNotFoundError(reminder_id)
    if versions is not None and reminder.version not in versions:
        raise StaleVersionError(reminder.version)
    return reminder


def details_of(reminder: Reminder, attempts: list[Attempt]) -> Details:
    """Add what a list leaves out."""
    if reminder.recurrence is None or reminder.state not in {State.SCHEDULED, State.DELIVERING}:
        return Details(reminder, attempts, [])
    upcoming = Schedule(reminder.recurrence).upcoming(reminder.remind_at, UPCOMING)
    return Details(reminder, attempts, upcoming)


def require_scheduled(reminder: Reminder) -> None:
    """Refuse to change what a worker holds, or what is over."""
    if reminder.state is State.DELIVERING:
        raise DeliveryInProgressError
    if reminder.state is not State.SCHEDULED:
        raise ReminderFinishedError(reminder.state)
