"""What a source, a secret, a delivery and an event are: free of HTTP and SQL."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple
from uuid import UUID

SOURCE_NAME: Final = re.compile(r"[a-z0-9-]{1,64}")


class Scheme(StrEnum):
    """How a sender signs."""

    STANDARD = "standard-webhooks"
    GITHUB = "github"
    STRIPE = "stripe"
    HMAC = "hmac"


class SourceState(StrEnum):
    """Whether a source takes deliveries, and whether they are forwarded."""

    ACTIVE = "active"
    PAUSED = "paused"  # takes them, and holds them
    RETIRED = "retired"  # takes no more; what it has is forwarded


class EventState(StrEnum):
    """Where an event stands. Workers look only at the first two."""

    PENDING = "pending"
    FORWARDING = "forwarding"
    FORWARDED = "forwarded"
    DEAD = "dead"


class Outcome(StrEnum):
    """How an attempt to forward ended."""

    FORWARDED = "forwarded"
    FAILED = "failed"
    GONE = "gone"  # the destination asked never to be called again
    LOST = "lost"  # the worker died before it could tell


@dataclass(frozen=True, slots=True)
class HmacScheme:
    """A scheme that no code was written for; `signed` has {body}, and maybe {id} and {timestamp}."""

    signature_header: str
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    id_header: str | None = None
    timestamp_header: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A sender, how it signs, how its events are told apart, and where they go."""

    id: UUID
    name: str
    scheme: Scheme
    state: SourceState
    destination: str
    created_at: datetime
    hmac: HmacScheme | None = None
    key_header: str | None = None
    key_pointers: list[str] = field(default_factory=list)
    ordering_pointer: str | None = None
    limit_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """What a signature is checked with. From `not_after` on it counts no more."""

    id: UUID
    kind: Literal["hmac", "ed25519"]
    key: bytes
    text: str
    not_after: datetime | None
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source with all its secrets."""

    source: Source
    secrets: list[Secret]


@dataclass(frozen=True, slots=True)
class EventKey:
    """By what a source's events are told apart, and which kind of key it is."""

    text: str
    by: Literal["id", "header", "pointers", "body"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified delivery, before it is known whether it is a new event."""

    event_id: UUID
    source_id: UUID
    secret_id: UUID | None  # None: that it is used was written down a moment ago
    key: EventKey
    message_id: str
    ordering_key: str | None
    limit_per_minute: int | None
    content_type: str | None
    body: bytes
    body_sha256: bytes
    received_at: datetime


class Kept(StrEnum):
    """What became of a delivery."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # a known key with another body
    LIMITED = "limited"  # not kept


class Receipt(NamedTuple):
    """The answer to a delivery: what became of it, and the event that it is or repeats."""

    kept: Kept
    event_id: UUID
    retry_after_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands. `attempt_count` counts within the current round; a replay begins the next."""

    id: UUID
    source: str
    key: str
    key_by: str
    message_id: str
    ordering_key: str | None
    content_type: str | None
    size_bytes: int
    received_at: datetime
    state: EventState
    round: int
    attempt_count: int
    next_attempt_at: datetime | None
    conflict_count: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to forward. `finished_at` and `outcome` are None while it runs."""

    round: int
    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    status_code: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class EventDetails(Event):
    """An event with all its attempts, oldest first."""

    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A verified delivery with a known key and another body."""

    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one attempt, until another worker's token is higher."""

    id: UUID
    lease_token: int
    attempt_count: int
    destination: str
    signing_secret: str
    message_id: str
    content_type: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt found out."""

    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What becomes of a claimed event after its attempt."""

    claim: Claim
    result: Result
    state: EventState
    retry_delay_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """What a list tells of a delivery that did not verify."""

    id: UUID
    source: str
    received_at: datetime
    reason: str
    cause: str
    detail: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A delivery that did not verify, as it came."""

    id: UUID
    source_id: UUID
    headers: list[tuple[str, str]]
    body: bytes
    received_at: datetime
    reason: str
    cause: str
    detail: str | None = None
