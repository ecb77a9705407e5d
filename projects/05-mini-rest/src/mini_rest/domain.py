"""The words of this service: users, organisations as the boundary between tenants, and tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypedDict
from uuid import UUID


class Role(StrEnum):
    """What a user is in an organisation."""

    USER = "USER"
    ADMIN = "ADMIN"


class Status(StrEnum):
    """What a task is."""

    OPEN = "open"
    DONE = "done"


class Sort(StrEnum):
    """The orders of a list. In each of them what has no such moment comes last, and ties go by id."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"
    DUE_AT = "due_at"
    DUE_AT_DESCENDING = "-due_at"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can ask for something."""

    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant: what belongs to it nobody else sees."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A user in the organisation that a request names."""

    user_id: UUID
    organisation_id: UUID
    role: Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; `role` is None for a user who is no member of the organisation that it names."""

    user_id: UUID
    role: Role | None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who made a task."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Task:
    """A unit of work that an organisation owns. Its version grows with each change."""

    id: UUID
    title: str
    notes: str | None
    status: Status
    due_at: datetime | None
    owner: Owner
    version: int
    created_at: datetime
    updated_at: datetime
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A task as it was asked for."""

    title: str
    notes: str | None = None
    status: Status = Status.OPEN
    due_at: datetime | None = None


class Changes(TypedDict, total=False):
    """New values of the fields that are to change."""

    title: str
    notes: str | None
    status: Status
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Expected:
    """The versions of a task that a change is meant for; None: any."""

    versions: frozenset[int] | None

    def allows(self, version: int) -> bool:
        return self.versions is None or version in self.versions


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: just behind a task, or just before it. Nothing is kept of the task but its keys."""

    key: datetime | None
    task_id: UUID
    is_backward: bool


DEFAULT_LIMIT: Final = 20
LARGEST_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """Which tasks are asked for, in which order, and where a page of them begins."""

    status: Status | None = None
    owner_id: UUID | None = None
    deleted: bool = False
    sort: Sort = Sort.CREATED_AT_DESCENDING
    limit: int = DEFAULT_LIMIT
    place: Place | None = None

    def place_of(self, task: Task, *, is_backward: bool) -> Place:
        by_creation = self.sort in {Sort.CREATED_AT, Sort.CREATED_AT_DESCENDING}
        return Place(task.created_at if by_creation else task.due_at, task.id, is_backward)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and where the parts beside it begin; None at an end of the list."""

    tasks: Sequence[Task]
    next: Place | None
    previous: Place | None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """An Idempotency-Key where it counts: that of one caller for one method and path."""

    user_id: UUID
    target: str
    key: str
