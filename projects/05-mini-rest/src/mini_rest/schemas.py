"""What clients send and get. What is wrong with one field by itself is refused here, with all the others."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import MAXYEAR, UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from mini_rest.domain import Changes, Draft, Role, Status, Task
from mini_rest.errors import InvalidFieldError, InvalidInputError

RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
MICROSECOND_DIGITS: Final = 6
EMAIL: Final = re.compile(r"(?=.{3,254}\Z)[^\s@\0]+@[^\s@\0]+")
LONGEST_NAME: Final = 200
LONGEST_NOTES: Final = 10_000

# Members of a body are text here, and get their meaning below: Litestar would convert what is no text to it.
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Body(Struct, forbid_unknown_fields=True, frozen=True):
    """A request's body."""


class NewTask(Body, frozen=True):
    """A task to be made."""

    title: str
    notes: str | None = None
    status: Literal["open", "done"] = "open"
    due_at: Moment | None = None

    def draft(self) -> Draft:
        """Raises: InvalidInputError."""
        with collected() as flaws:
            flaws.extend(
                [*text_flaws("title", self.title), *text_flaws("notes", self.notes, LONGEST_NOTES, 0)]
            )
            due_at = moment_of("due_at", self.due_at, flaws)
        return Draft(self.title, self.notes, Status(self.status), due_at)


class TaskPatch(Body, frozen=True):
    """A JSON Merge Patch (RFC 7396): what is absent stays, and null clears what may be null."""

    title: str | UnsetType = UNSET
    notes: str | UnsetType | None = UNSET
    status: Literal["open", "done"] | UnsetType = UNSET
    due_at: Moment | UnsetType | None = UNSET

    def changes(self) -> Changes:
        """Raises: InvalidInputError."""
        changes = Changes()
        with collected() as flaws:
            if self.title is not UNSET:
                flaws.extend(text_flaws("title", self.title))
                changes["title"] = self.title
            if self.notes is not UNSET:
                flaws.extend(text_flaws("notes", self.notes, LONGEST_NOTES, 0))
                changes["notes"] = self.notes
            if self.status is not UNSET:
                changes["status"] = Status(self.status)
            if self.due_at is not UNSET:
                changes["due_at"] = moment_of("due_at", self.due_at, flaws)
        return changes


class NewUser(Body, frozen=True):
    """A user to be made."""

    email: str
    name: str

    def check(self) -> None:
        """Raises: InvalidInputError."""
        with collected() as flaws:
            flaws.extend(text_flaws("name", self.name, LONGEST_NAME))
            if not EMAIL.fullmatch(self.email):
                flaws.append(InvalidFieldError("email", "invalid_email", "It is no e-mail address."))


class NewOrganisation(Body, frozen=True):
    """An organisation to be made."""

    name: str

    def check(self) -> None:
        """Raises: InvalidInputError."""
        with collected() as flaws:
            flaws.extend(text_flaws("name", self.name, LONGEST_NAME))


class NewMembership(Body, frozen=True):
    """What a member is to be."""

    role: Literal["USER", "ADMIN"]


class OwnerAnswer(Struct):
    """Who made a task."""

    id: UUID
    name: str


class TaskAnswer(Struct):
    """A task."""

    id: UUID
    title: str
    notes: str | None
    status: Status
    due_at: datetime | None
    owner: OwnerAnswer
    created_at: datetime
    updated_at: datetime


class PageAnswer(Struct):
    """A part of a list."""

    items: Sequence[TaskAnswer]


class UserAnswer(Struct):
    """A user who was just made, with the token."""

    id: UUID
    email: str
    name: str
    token: str


class OrganisationAnswer(Struct):
    """An organisation."""

    id: UUID
    name: str


class MembershipAnswer(Struct):
    """Who is what, and where."""

    user_id: UUID
    organisation_id: UUID
    role: Role


def task_answer(task: Task) -> TaskAnswer:
    return TaskAnswer(
        task.id,
        task.title,
        task.notes,
        task.status,
        task.due_at,
        OwnerAnswer(task.owner.id, task.owner.name),
        task.created_at,
        task.updated_at,
    )


@contextmanager
def collected() -> Iterator[list[InvalidFieldError]]:
    """Have all mistakes told at once. Raises: InvalidInputError."""
    flaws: list[InvalidFieldError] = []
    yield flaws
    if flaws:
        raise InvalidInputError(flaws)


def text_flaws(
    field: str, text: str | None, longest: int | None = None, shortest: int = 1
) -> Iterator[InvalidFieldError]:
    """Say what is wrong with a text. How long a title may be is a setting, which the service knows."""
    if text is None:
        return
    if len(text) < shortest:
        yield InvalidFieldError(field, "too_short", "It has one character at least.")
    if longest is not None and len(text) > longest:
        yield InvalidFieldError(field, "too_long", f"It has {longest} characters at most.")
    if "\0" in text:
        yield InvalidFieldError(field, "invalid_text", "PostgreSQL cannot store the character U+0000.")


def moment_of(field: str, text: str | None, flaws: list[InvalidFieldError]) -> datetime | None:
    """Read an RFC 3339 date-time; of its fraction PostgreSQL keeps six digits."""
    match = RFC3339.fullmatch(text) if text is not None else None
    try:
        if match is not None:
            date, time, fraction, offset = match.groups()
            digits = (fraction or "").ljust(MICROSECOND_DIGITS, "0")[:MICROSECOND_DIGITS]
            moment = datetime.fromisoformat(f"{date}T{time}.{digits}{offset.upper()}").astimezone(UTC)
            if moment.year < MAXYEAR:
                return moment
    except (ValueError, OverflowError):
        pass
    if text is not None:
        reason = "It is no RFC 3339 date and time of the calendar with an offset."
        flaws.append(InvalidFieldError(field, "invalid_datetime", reason))
    return None
