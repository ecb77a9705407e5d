"""Jobs: what is done later, and tried again."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """Where a job is. The last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How an attempt ended; `lost`: its worker was not heard of any more."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISCARDED = "discarded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is to be done.

    Of the jobs that wait in one `line` those with a `position` are run one behind the other, in that order,
    and of those without one a few at a time: what is slow at its end keeps no worker from the rest.
    """

    type: str
    args: Mapping[str, object]
    max_attempts: int
    line: str | None = None
    position: int | None = None
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    worker: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job, and its attempts where they were asked for."""

    id: UUID
    type: str
    state: State
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker runs, for as long as its token stands in the job's row."""

    job_id: UUID
    tenant_id: UUID
    type: str
    args: Mapping[str, object]
    attempt: int
    max_attempts: int
    run_token: UUID
    line: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt; `retry_after` is None where there is no further one."""

    outcome: Outcome
    error: str | None = None
    retry_after: timedelta | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failed job waits: between half and all of a span that doubles, up to a longest one."""

    first_seconds: float
    longest_seconds: float = 3600.0

    def after(self, attempt: int, chance: float | None = None) -> timedelta:
        span = min(self.first_seconds * 2 ** (attempt - 1), self.longest_seconds)
        share = random.random() if chance is None else chance  # noqa: S311 - jitter is no secret
        return timedelta(seconds=span * (1 + share) / 2)


class JobPutOffError(Exception):
    """A handler says that an attempt has failed, and for how long at least the next is to wait."""

    def __init__(self, reason: str, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wait = wait or timedelta()


class JobDiscardedError(Exception):
    """A handler says that this job can never succeed: it is not tried again, and nobody need look at it."""
