"""What clients send and get. What is wrong with one field by itself is refused here, with a pointer to it."""

import base64
import re
from dataclasses import asdict
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from reminders.domain import Attempt, Changes, Channel, Details, Draft, Page, Recurrence, State
from reminders.rules import LONGEST_RULE
from service_kit.egress import LONGEST_URL

RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
MICROSECOND_DIGITS = 6
CHANGES = TypeAdapter(Changes)


def parse_moment(value: object) -> datetime:
    """Read an RFC 3339 date-time as a moment in UTC; what is finer than a microsecond is rounded up."""
    match = RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("invalid_datetime", "must be an RFC 3339 date and time")
    date, time, fraction, offset = match.groups()
    if offset is None:
        raise PydanticCustomError("offset_missing", "must have an offset from UTC, such as Z or +02:00")
    digits = (fraction or "").ljust(MICROSECOND_DIGITS, "0")
    finer = digits[MICROSECOND_DIGITS:].strip("0")
    try:
        exact = f"{date}T{time}.{digits[:MICROSECOND_DIGITS]}{offset.upper()}"
        moment = datetime.fromisoformat(exact).astimezone(UTC) + timedelta(microseconds=bool(finer))
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("invalid_datetime", "is not a date and time of the calendar") from error
    if moment.year >= MAXYEAR:
        raise PydanticCustomError("invalid_datetime", "must be before the year 9999")
    return moment


def without_nul(text: str) -> str:
    """Refuse the one character that PostgreSQL cannot store."""
    if "\0" in text:
        raise PydanticCustomError("invalid_text", "must not hold the character U+0000")
    return text


def encode_cursor(reminder_id: UUID) -> str:
    """Return the place in a list after this reminder, in a form that promises nothing about itself."""
    return base64.urlsafe_b64encode(reminder_id.bytes).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: object) -> UUID:
    """Read a cursor, in the one form that `encode_cursor` gives it."""
    try:
        reminder_id = UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
    except ValueError:
        reminder_id = None
    if reminder_id is None or encode_cursor(reminder_id) != cursor:
        raise PydanticCustomError("invalid_cursor", "is not one that this list gave out")
    return reminder_id


type Cursor = Annotated[
    UUID,
    BeforeValidator(
        decode_cursor, json_schema_input_type=Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$")]
    ),
]
type Moment = Annotated[datetime, BeforeValidator(parse_moment, json_schema_input_type=datetime)]
type Text = Annotated[str, Field(min_length=1), AfterValidator(without_nul)]
type Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL), AfterValidator(without_nul)]


class Body(BaseModel):
    """A request body. A field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecurrenceBody(Body):
    """An RFC 5545 rule, and the IANA zone in whose local time it runs."""

    rrule: Annotated[str, Field(min_length=1, max_length=LONGEST_RULE)]
    zone: Annotated[str, Field(min_length=1, max_length=64)]


class NewReminder(Body):
    """A reminder to be made. The log has no address, and a webhook needs one."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"channel": {"const": "log"}}, "required": ["channel"]},
            "then": {"properties": {"callback_url": {"type": "null"}}},
            "else": {"properties": {"callback_url": {"type": "string"}}, "required": ["callback_url"]},
        }
    )

    message: Text
    remind_at: Moment
    callback_url: Url | None = None
    channel: Channel = Channel.WEBHOOK
    recurrence: RecurrenceBody | None = None

    def draft(self) -> Draft:
        rule = self.recurrence
        recurrence = Recurrence(rule.rrule, rule.zone, anchor=self.remind_at) if rule else None
        return Draft(**self.model_dump(exclude={"recurrence"}), recurrence=recurrence)


def undefaulted(schema: JsonDict) -> None:
    """Leave a default out of the document that is none for a client."""
    schema.pop("default", None)


class Revision(Body):
    """What is to be replaced; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    # The defaults only say that a field may be left out: null is refused, and `changes` takes what was given.
    message: Text = Field("", json_schema_extra=undefaulted)
    remind_at: Moment = Field(datetime.max.replace(tzinfo=UTC), json_schema_extra=undefaulted)
    callback_url: Url = Field("", json_schema_extra=undefaulted)

    @model_validator(mode="after")
    def _has_fields(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "must have at least one field")
        return self

    def changes(self) -> Changes:
        return CHANGES.validate_python(self.model_dump(exclude_unset=True))


class RecurrenceAnswer(BaseModel):
    """The recurrence of a reminder."""

    model_config = ConfigDict(from_attributes=True)

    rrule: str
    zone: str


class ReminderAnswer(BaseModel):
    """A reminder. `attempt_count` counts within the current occurrence."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    message: str
    remind_at: datetime
    channel: Channel
    callback_url: str | None
    recurrence: RecurrenceAnswer | None
    state: State
    occurrence: int
    attempt_count: int
    next_attempt_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class DetailsAnswer(ReminderAnswer):
    """A reminder with its attempts, and if it recurs, its next few occurrences."""

    attempts: list[Attempt]
    upcoming: list[datetime]


class PageAnswer(BaseModel):
    """A part of a list. Ask again with `next_cursor` for the next; it is null at the end."""

    items: list[ReminderAnswer]
    next_cursor: str | None


def details_answer(details: Details) -> DetailsAnswer:
    return DetailsAnswer.model_validate(
        asdict(details.reminder) | {"attempts": details.attempts, "upcoming": details.upcoming}
    )


def page_answer(page: Page) -> PageAnswer:
    following = page.next_after and encode_cursor(page.next_after)
    return PageAnswer(items=list(map(ReminderAnswer.model_validate, page.items)), next_cursor=following)
