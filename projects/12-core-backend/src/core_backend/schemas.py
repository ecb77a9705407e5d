"""What clients send and get. What is wrong with one field by itself is refused here, with a pointer to it."""

import base64
import re
from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from core_backend.domain import Job, JobState, Page, Resource, Role, Tokens, User
from service_kit.schemas import Body

ADDRESS: Final = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(?:\.[^\s@.\x00-\x1f\x7f]+)+")


def without_nul(text: str) -> str:
    """Refuse the one character that PostgreSQL cannot store."""
    if "\0" in text:
        raise PydanticCustomError("invalid_text", "must not hold the character U+0000")
    return text


def address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise PydanticCustomError("invalid_email", "must be an e-mail address")
    return text


def encode_cursor(resource_id: UUID) -> str:
    """Return the place in a list after this resource, in a form that promises nothing about itself."""
    return base64.urlsafe_b64encode(resource_id.bytes).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: object) -> UUID:
    """Read a cursor, in the one form that `encode_cursor` gives it."""
    try:
        resource_id = UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
    except ValueError:
        resource_id = None
    if resource_id is None or encode_cursor(resource_id) != cursor:
        raise PydanticCustomError("invalid_cursor", "is not one that this list gave out")
    return resource_id


def undefaulted(schema: JsonDict) -> None:
    """Leave a default out of the document that is none for a client."""
    schema.pop("default", None)


type Cursor = Annotated[
    UUID,
    BeforeValidator(
        decode_cursor, json_schema_input_type=Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$")]
    ),
]
type Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(without_nul)]
type Content = Annotated[str, Field(max_length=10_000), AfterValidator(without_nul)]


class Credentials(Body):
    """Who somebody says they are."""

    email: Annotated[str, Field(max_length=254), AfterValidator(address)]
    password: Annotated[SecretStr, Field(min_length=8, max_length=128)]


class RefreshBody(Body):
    """A refresh token, to be used."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=512)]


class NewResource(Body):
    """A resource to be made."""

    title: Title
    content: Content = ""


class Changes(Body):
    """What is to be replaced; a member that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    # The defaults only say that a member may be left out: null is refused.
    title: Title = Field("", json_schema_extra=undefaulted)
    content: Content = Field("", json_schema_extra=undefaulted)

    @model_validator(mode="after")
    def _has_members(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "must have at least one member")
        return self

    def given(self, name: str) -> str | None:
        value: str = getattr(self, name)
        return value if name in self.model_fields_set else None


class Answer(BaseModel):
    """The base of what clients get."""

    model_config = ConfigDict(from_attributes=True)


class UserAnswer(Answer):
    """A user."""

    id: UUID
    email: str
    role: Role
    created_at: datetime


class TokensAnswer(Answer):
    """An access token, good for `expires_in` seconds, and a refresh token, good for one use."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a type, not a token
    expires_in: int
    refresh_token: str


class ResourceAnswer(Answer):
    """A resource."""

    id: UUID
    owner_id: UUID
    title: str
    content: str
    created_at: datetime
    updated_at: datetime


class PageAnswer(Answer):
    """A part of a list. Ask again with `next_cursor` for the next; it is null at the end."""

    items: list[ResourceAnswer]
    next_cursor: str | None


class UsersAnswer(Answer):
    """Users, newest first."""

    items: list[UserAnswer]


class JobAnswer(Answer):
    """The welcome of a user."""

    id: UUID
    user_id: UUID
    state: JobState
    attempts: int
    last_error: str | None
    created_at: datetime


class JobsAnswer(Answer):
    """Jobs, newest first."""

    items: list[JobAnswer]


def user_answer(user: User) -> UserAnswer:
    return UserAnswer.model_validate(user)


def tokens_answer(tokens: Tokens) -> TokensAnswer:
    return TokensAnswer.model_validate(tokens)


def resource_answer(resource: Resource) -> ResourceAnswer:
    return ResourceAnswer.model_validate(resource)


def page_answer(page: Page) -> PageAnswer:
    following = page.next_after and encode_cursor(page.next_after)
    return PageAnswer(items=list(map(resource_answer, page.items)), next_cursor=following)


def job_answer(job: Job) -> JobAnswer:
    return JobAnswer.model_validate(job)
