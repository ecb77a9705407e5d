"""What a reminder is, and what an attempt makes of it: free of HTTP, SQL and Redis."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypedDict
from uuid import UUID


class State(StrEnum):
    """Where a reminder stands. Workers look only at the first two."""

    SCHEDULED = "scheduled"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    DEAD = "dead"


class Channel(StrEnum):
    """How a reminder reaches its receiver; delivery.py holds one class for each."""

    WEBHOOK = "webhook"
    LOG = "log"


class Outcome(StrEnum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"  # the receiver asked never to be called again
    LOST = "lost"  # the worker died, or lost its lease, before it could tell


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule (RFC 5545) in the local time of a zone; `anchor` is the `remind_at` from which it counts."""

    rrule: str
    zone: str
    anchor: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A reminder that somebody asks for."""

    message: str
    remind_at: datetime
    channel: Channel
    callback_url: str | None
    recurrence: Recurrence | None = None


class Changes(TypedDict, total=False):
    """What a revision replaces; a field that is left out stays as it is."""

    message: str
    remind_at: datetime
    callback_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder(Draft):
    """A reminder as it stands. `attempt_count` counts within the current occurrence."""

    id: UUID
    state: State = State.SCHEDULED
    occurrence: int = 1
    attempt_count: int = 0
    next_attempt_at: datetime | None
    version: int = 1
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver. `finished_at` and `outcome` are None while it runs."""

    occurrence: int
    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    status_code: int | None
    error: str | None


class Lease(NamedTuple):
    """What a claim is known by. The token fences: it grows when a reminder is claimed or given back."""

    reminder_id: UUID
    token: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one attempt: number `attempt_count` of the reminder as it was claimed."""

    reminder: Reminder
    token: int

    @property
    def lease(self) -> Lease:
        return Lease(self.reminder.id, self.token)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of one occurrence, so that the receiver can act on it once."""
        return f"{self.reminder.id}:{self.reminder.occurrence}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a channel found out."""

    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What becomes of a claimed reminder after its attempt."""

    claim: Claim
    result: Result
    state: State
    retry_delay_seconds: float | None = None
    next_remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """When a worker must look at a reminder."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Details:
    """A reminder with its attempts, and if it recurs, its next few occurrences."""

    reminder: Reminder
    attempts: list[Attempt]
    upcoming: list[datetime]
    is_repeated: bool = False
    """Its Idempotency-Key was used before: nothing was made, and this is the answer of then."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first."""

    items: list[Reminder]
    next_after: UUID | None
