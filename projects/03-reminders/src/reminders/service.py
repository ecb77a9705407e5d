"""What can be done with reminders: each verb is one transaction, and tells the index after its commit."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from reminders.callbacks import CallbackGuard, mail_address_of
from reminders.domain import (
    Attempt,
    Changes,
    Channel,
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
    CallbackRefusedError,
    DeliveryInProgressError,
    Flaw,
    IdempotencyKeyReusedError,
    InvalidReminderError,
    RecurrenceError,
    ReminderFinishedError,
    ReminderNotDeadError,
    ReminderNotFoundError,
    StaleVersionError,
)
from reminders.recurrence import Schedule
from reminders.scheduler import HORIZON, DueIndex
from reminders.unit_of_work import Database, UnitOfWork

PAST_TOLERANCE: Final = timedelta(seconds=5)
"""A reminder for "now" is fine, though the request took its time, or the client's clock is a little slow."""
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
        guard: CallbackGuard,
        new_id: Callable[[], UUID],
        *,
        message_limit: int,
        mail_enabled: bool,
    ) -> None:
        self._database = database
        self._index = index
        self._guard = guard
        self._new_id = new_id
        self._message_limit = message_limit
        self._mail_enabled = mail_enabled

    async def schedule(self, draft: Draft, key: str | None) -> Scheduled:
        """Make a reminder; with a key that was used before, give the answer of then.

        Raises: InvalidReminderError, IdempotencyKeyReusedError.
        """
        self._refuse(
            [*self._flaws_of_message(draft.message), *self._flaws_of_target(draft), *flaws_of_rule(draft)]
        )
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
            self._refuse(flaws_of_time(draft.remind_at, now))
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
            self._refuse(
                [*self._flaws_of_message(new.message), *self._flaws_of_target(draft), *flaws_of_rule(draft)]
            )
            if changes.remind_at is not None:
                self._refuse(flaws_of_time(changes.remind_at, new.updated_at))
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

    def _flaws_of_message(self, message: str) -> list[Flaw]:
        if len(message) <= self._message_limit:
            return []
        return [Flaw(("message",), "message_too_long", f"is longer than {self._message_limit} characters")]

    def _flaws_of_target(self, draft: Draft) -> list[Flaw]:
        flaw = self._flaw_of_target(draft.channel, draft.callback_url)
        return [flaw] if flaw else []

    def _flaw_of_target(self, channel: Channel, url: str | None) -> Flaw | None:
        field = ("callback_url",)
        if channel is Channel.LOG:
            return Flaw(field, "not_allowed", "the log has no address") if url is not None else None
        if url is None:
            return Flaw(field, "missing", "is needed for this channel")
        if channel is Channel.WEBHOOK:
            try:
                self._guard.check(url)
            except CallbackRefusedError as error:
                return Flaw(field, error.code, error.reason)
            return None
        if not self._mail_enabled:
            return Flaw(("channel",), "not_configured", "mail is not configured on this server")
        return None if mail_address_of(url) else Flaw(field, "invalid_url", "must be mailto: and one address")

    @staticmethod
    def _refuse(flaws: list[Flaw]) -> None:
        if flaws:
            raise InvalidReminderError(flaws)


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
    upcoming: list[datetime] = []
    if reminder.recurrence is not None and reminder.state in {State.SCHEDULED, State.DELIVERING}:
        upcoming = Schedule(reminder.recurrence).upcoming(reminder.remind_at, UPCOMING)
    return Details(reminder, attempts, upcoming)


def require_scheduled(reminder: Reminder) -> None:
    """Refuse to change what a worker holds, or what is over."""
    if reminder.state is State.DELIVERING:
        raise DeliveryInProgressError
    if reminder.state is not State.SCHEDULED:
        raise ReminderFinishedError(reminder.state)


def first_occurrence(reminder_id: UUID, draft: Draft, now: datetime) -> Reminder:
    """Return a reminder as it begins."""
    return Reminder(
        id=reminder_id,
        message=draft.message,
        remind_at=draft.remind_at,
        channel=draft.channel,
        callback_url=draft.callback_url,
        recurrence=draft.recurrence,
        state=State.SCHEDULED,
        occurrence=1,
        attempt_count=0,
        next_attempt_at=draft.remind_at,
        version=1,
        created_at=now,
        updated_at=now,
    )


def revised(old: Reminder, changes: Changes, now: datetime) -> Reminder:
    """Apply changes. A new time is also the one from which a recurrence counts.

    If attempts have been made, the rest is a new occurrence: the key that a receiver has seen stands for what
    it has seen, and nothing else.
    """
    new = replace(
        old,
        message=old.message if changes.message is None else changes.message,
        callback_url=old.callback_url if changes.callback_url is None else changes.callback_url,
    )
    if changes.remind_at is not None:
        recurrence = old.recurrence and replace(old.recurrence, anchor=changes.remind_at)
        new = replace(
            new, remind_at=changes.remind_at, next_attempt_at=changes.remind_at, recurrence=recurrence
        )
    return touched(next_occurrence(new) if old.attempt_count else new, now)


def next_occurrence(reminder: Reminder) -> Reminder:
    return replace(reminder, occurrence=reminder.occurrence + 1, attempt_count=0)


def touched(reminder: Reminder, now: datetime) -> Reminder:
    return replace(reminder, version=reminder.version + 1, updated_at=now)


def flaws_of_time(remind_at: datetime, now: datetime) -> list[Flaw]:
    if remind_at >= now - PAST_TOLERANCE:
        return []
    return [Flaw(("remind_at",), "past_date", f"is past: it is {now:%Y-%m-%dT%H:%M:%SZ}")]


def flaws_of_rule(draft: Draft) -> list[Flaw]:
    if draft.recurrence is None:
        return []
    try:
        schedule = Schedule(draft.recurrence)
    except RecurrenceError as error:
        return [Flaw(("recurrence", error.field), error.code, error.reason)]
    if schedule.begins_at_anchor():
        return []
    return [Flaw(("remind_at",), "not_in_recurrence", "is not itself a time of the recurrence")]
