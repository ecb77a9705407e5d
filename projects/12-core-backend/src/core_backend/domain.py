"""The words of this service: users, their resources, and the jobs that they cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a user may do: all with what is theirs, or with everybody's."""

    USER = "USER"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class User:
    """Who has registered."""

    id: UUID
    email: str
    role: Role
    created_at: datetime

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class Resource:
    """What a user keeps here."""

    id: UUID
    owner_id: UUID
    title: str
    content: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and the id that the next part comes after."""

    items: Sequence[Resource]
    next_after: UUID | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login, or a refresh, is worth."""

    access_token: str
    refresh_token: str
    expires_in: int


class JobState(StrEnum):
    """How far a job is. One that is running is due again when its lease is over."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Job:
    """The welcome of one user. `attempts` counts how often it was begun."""

    id: UUID
    user_id: UUID
    state: JobState
    attempts: int
    last_error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in a worker's hands, by a lease that no other claim has the number of."""

    id: UUID
    user_id: UUID
    email: str
    attempts: int
