"""What a reminder is, and what an attempt makes of it: free of HTTP, SQL and Redis."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MOST_COUNTED = 1000
"""Counting a million rows takes PostgreSQL a tenth of a second, and the page asks every second."""


class State(StrEnum):
    """Where a reminder stands. The first two are live; a worker looks only at those."""

    SCHEDULED = "scheduled"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    DEAD = "dead"


class Channel(StrEnum):
    """How a reminder reaches its receiver; delivery.py and mail.py hold one class for each."""

    WEBHOOK = "webhook"
    LOG = "log"
    EMAIL = "email"


class Outcome(StrEnum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"  # the receiver asked never to be called again
    LOST = "lost"  # the worker died, or lost its lease, before it could tell


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule (RFC 5545) in local wall time, counted from the first reminder that it was given with."""

    rrule: str
    zone: str
    anchor: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """When a worker must look at a reminder."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A reminder that somebody asks for."""

    message: str
    remind_at: datetime
    channel: Channel
    callback_url: str | None
    recurrence: Recurrence | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a revision replaces; None leaves a field as it is."""

    message: str | None = None
    remind_at: datetime | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder as it stands. `attempt_count` counts within the current occurrence."""

    id: UUID
    message: str
    remind_at: datetime
    channel: Channel
    callback_url: str | None
    recurrence: Recurrence | None
    state: State
    occurrence: int
    attempt_count: int
    next_attempt_at: datetime | None
    version: int
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


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one attempt. `token` fences: it grows with every claim of a reminder."""

    id: UUID
    token: int
    occurrence: int
    attempt: int
    message: str
    channel: Channel
    callback_url: str | None
    remind_at: datetime
    recurrence: Recurrence | None
    claimed_at: datetime

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of one occurrence, so that the receiver can make it once."""
        return f"{self.id}:{self.occurrence}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a channel found out."""

    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What becomes of a claimed reminder. A worker whose token is no longer the newest has no say in it."""

    claim: Claim
    result: Result
    state: State
    retry_delay_seconds: float | None = None
    next_remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """A reminder with its attempts, and if it recurs, its next few occurrences."""

    reminder: Reminder
    attempts: list[Attempt]
    upcoming: list[datetime]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A reminder just made, or the answer that its Idempotency-Key got before."""

    details: Details
    replayed: bool


@dataclass(frozen=True, slots=True)
class EarlierUse:
    """What an Idempotency-Key was first used for, and the answer that it got."""

    fingerprint: bytes
    answer: Reminder


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first."""

    items: list[Reminder]
    next_after: UUID | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page for people shows. The counts end at MOST_COUNTED."""

    now: datetime
    counts: dict[str, int]
    due: list[Reminder]
    delivering: list[Reminder]
    retrying: list[Reminder]
    dead: list[Reminder]
