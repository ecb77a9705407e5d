"""What clients send. What is wrong with one field by itself is refused here, with a pointer to it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from service_kit.egress import LONGEST_URL
from service_kit.schemas import Body
from webhooks.domain import (
    EventState,
    HmacScheme,
    Scheme,
    SourceState,
)
from webhooks.events import Selection
from webhooks.management import NewSource

NAME: Final = r"^[a-z0-9-]{1,64}$"
HEADER_NAME: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"
POINTER: Final = r"^(?:/(?:[^/~\u0000]|~[01])*)+$"
TEMPLATE: Final = r"^(?:[^{}\u0000]|\{(?:body|id|timestamp)\})+$"
RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def parse_moment(value: object) -> datetime:
    """Read an RFC 3339 date-time, which has an offset, as a moment in UTC."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise PydanticCustomError("invalid_datetime", "must be an RFC 3339 date and time, with an offset")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("invalid_datetime", "is not a date and time of the calendar") from error


def without_nul(text: str) -> str:
    """Refuse the one character that PostgreSQL cannot store."""
    if "\0" in text:
        raise PydanticCustomError("invalid_text", "must not hold the character U+0000")
    return text


type Moment = Annotated[datetime, BeforeValidator(parse_moment, json_schema_input_type=datetime)]
type HeaderName = Annotated[str, Field(pattern=HEADER_NAME), AfterValidator(str.lower)]
type Pointer = Annotated[str, Field(pattern=POINTER, max_length=255)]
type Name = Annotated[str, Field(pattern=NAME)]
type Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL), AfterValidator(without_nul)]
type SecretText = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(without_nul)]
type Template = Annotated[str, Field(pattern=TEMPLATE, max_length=255)]


class HmacBody(Body):
    """How a sender signs for whom no code was written."""

    signature_header: HeaderName
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(pattern=r"^[\x21-\x7e]{0,40}$")] = ""
    signed: Template = "{body}"
    id_header: HeaderName | None = None
    timestamp_header: HeaderName | None = None

    @model_validator(mode="after")
    def _names_what_is_signed(self) -> Self:
        if self.signed.count("{body}") != 1:
            raise PydanticCustomError("invalid_template", "signed must have {body} once")
        for part, header in (("{id}", self.id_header), ("{timestamp}", self.timestamp_header)):
            if (part in self.signed) != (header is not None):
                raise PydanticCustomError(
                    "invalid_template", "signed has {id} and {timestamp} exactly if their headers are named"
                )
        return self


class NewSourceBody(Body):
    """A source to be made."""

    name: Name
    scheme: Scheme
    destination: Url
    secret: SecretText | None = None
    hmac: HmacBody | None = None
    key_header: HeaderName | None = None
    key_pointers: Annotated[tuple[Pointer, ...], Field(max_length=8)] = ()
    ordering_pointer: Pointer | None = None
    limit_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.hmac is not None) != (self.scheme is Scheme.HMAC):
            raise PydanticCustomError("invalid_scheme", "hmac is given for the scheme hmac, and for no other")
        if self.key_header is not None and self.key_pointers:
            raise PydanticCustomError("invalid_key", "a key is in a header or at pointers, not both")
        return self

    def wanted(self) -> NewSource:
        values = self.model_dump(exclude={"hmac", "key_pointers"})
        return NewSource(
            **values,
            key_pointers=list(self.key_pointers),
            hmac=HmacScheme(**self.hmac.model_dump()) if self.hmac else None,
        )


class ChangeBody(Body):
    """What is to be changed of a source; what is left out stays as it is."""

    state: SourceState | None = None
    destination: Url | None = None


class NewSecretBody(Body):
    """Another secret; without a text one is made up."""

    secret: SecretText | None = None
    not_after: Moment | None = None


class ExpiryBody(Body):
    """From when on a secret counts no more; null: it counts."""

    not_after: Moment | None


class ReplayBody(Body):
    """Which events to forward again: all that fit each of these."""

    source: Name | None = None
    state: Literal["forwarded", "dead"] | None = None
    received_since: Moment | None = None
    received_until: Moment | None = None

    def selection(self) -> Selection:
        state = None if self.state is None else EventState(self.state)
        return Selection(
            source=self.source, state=state, since=self.received_since, until=self.received_until
        )


class ReverifyBody(Body):
    """Whose quarantine is looked through again."""

    source: Name
