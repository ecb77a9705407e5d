"""What clients get."""

import base64
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from webhooks.domain import (
    Conflict,
    Event,
    HmacScheme,
    KnownSource,
    RejectedEntry,
    Scheme,
    Secret,
    SourceState,
)
from webhooks.keys import fingerprint
from webhooks.management import MadeSource


class ReceiptAnswer(BaseModel):
    """What became of a delivery, and the event that it is or repeats."""

    id: UUID
    status: Literal["new", "duplicate", "conflict"]


class SecretAnswer(BaseModel):
    """A secret, and nothing that it could be guessed from."""

    id: UUID
    fingerprint: str
    not_after: datetime | None
    created_at: datetime
    last_used_at: datetime | None


class ShownSecretAnswer(SecretAnswer):
    """A secret as it is shown once."""

    secret: str


class SourceAnswer(BaseModel):
    """A source. Deliveries are posted to `path`."""

    name: str
    path: str
    scheme: Scheme
    state: SourceState
    destination: str
    hmac: HmacScheme | None
    key_header: str | None
    key_pointers: list[str]
    ordering_pointer: str | None
    limit_per_minute: int | None
    created_at: datetime
    secrets: list[SecretAnswer]


class MadeSourceAnswer(SourceAnswer):
    """A source as it was made, with the secrets that are shown this once."""

    secret: str
    signing_secret: str


class SourcesAnswer(BaseModel):
    """All sources."""

    items: list[SourceAnswer]


class EventsAnswer(BaseModel):
    """A part of a list. Ask again with `next_cursor` for the next; it is null at the end."""

    items: list[Event]
    next_cursor: str | None


class ConflictAnswer(BaseModel):
    """Another body under the key of an event."""

    received_at: datetime
    body_base64: str


class ConflictsAnswer(BaseModel):
    """The other bodies, oldest first."""

    items: list[ConflictAnswer]


class ReplayAnswer(BaseModel):
    """Which events are forwarded again."""

    count: int
    event_ids: list[UUID]


class QuarantineAnswer(BaseModel):
    """What is kept of rejected deliveries, oldest first."""

    items: list[RejectedEntry]


class ReverifyAnswer(BaseModel):
    """How many deliveries were admitted: as new events, and as ones that were known."""

    admitted: int
    known: int


def secret_answer(secret: Secret) -> SecretAnswer:
    return SecretAnswer(
        id=secret.id,
        fingerprint=fingerprint(secret.text),
        not_after=secret.not_after,
        created_at=secret.created_at,
        last_used_at=secret.last_used_at,
    )


def shown_secret(secret: Secret) -> ShownSecretAnswer:
    return ShownSecretAnswer(**secret_answer(secret).model_dump(), secret=secret.text)


def source_answer(known: KnownSource) -> SourceAnswer:
    source = known.source
    return SourceAnswer(
        name=source.name,
        path=f"/in/{source.name}",
        scheme=source.scheme,
        state=source.state,
        destination=source.destination,
        hmac=source.hmac,
        key_header=source.key_header,
        key_pointers=source.key_pointers,
        ordering_pointer=source.ordering_pointer,
        limit_per_minute=source.limit_per_minute,
        created_at=source.created_at,
        secrets=list(map(secret_answer, known.secrets)),
    )


def made_source(made: MadeSource) -> MadeSourceAnswer:
    return MadeSourceAnswer(
        **source_answer(made.known).model_dump(), secret=made.secret, signing_secret=made.signing_secret
    )


def conflict_answer(conflict: Conflict) -> ConflictAnswer:
    return ConflictAnswer(
        received_at=conflict.received_at, body_base64=base64.b64encode(conflict.body).decode()
    )
