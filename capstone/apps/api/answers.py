"""What clients get."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from core.audit.domain import ActorType
from core.jobs.domain import Outcome, State
from core.tenancy.domain import Role
from core.webhooks.domain import EndpointState


class UserAnswer(BaseModel):
    """An account."""

    id: UUID
    email: str


class AcceptedAnswer(BaseModel):
    """What every address gets."""

    status: str = "accepted"


class AdmittedAnswer(BaseModel):
    """What leads to an account."""

    token: str


class SessionAnswer(BaseModel):
    """A login that has not ended."""

    id: str
    created_at: datetime
    address: str
    agent: str
    is_current: bool


class SessionsAnswer(BaseModel):
    """A page of them."""

    items: list[SessionAnswer]
    next_cursor: str | None


class TokensAnswer(BaseModel):
    """What a login gives."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - a name
    expires_in: int


class OrganisationAnswer(BaseModel):
    """An organisation."""

    id: UUID
    name: str


class MembershipAnswer(OrganisationAnswer):
    """An organisation, and what the caller is there."""

    role: Role


class MembershipsAnswer(BaseModel):
    """Those that the caller is in."""

    items: list[MembershipAnswer]
    next_cursor: UUID | None


class InvitationAnswer(BaseModel):
    """An invitation, as the organisation sees it."""

    id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime


class InvitationsAnswer(BaseModel):
    """All that are open."""

    items: list[InvitationAnswer]
    next_cursor: UUID | None


class OfferAnswer(BaseModel):
    """An invitation, as whoever is invited sees it."""

    id: UUID
    organisation: OrganisationAnswer
    role: Role
    expires_at: datetime


class OffersAnswer(BaseModel):
    """Those to one's own address."""

    items: list[OfferAnswer]
    next_cursor: UUID | None


class MemberAnswer(BaseModel):
    """A member."""

    user_id: UUID
    email: str
    role: Role


class MembersAnswer(BaseModel):
    """All members."""

    items: list[MemberAnswer]
    next_cursor: UUID | None


class ProjectAnswer(BaseModel):
    """A project."""

    id: UUID
    name: str
    description: str
    version: int
    created_at: datetime
    updated_at: datetime


class ProjectsAnswer(BaseModel):
    """A page of projects."""

    items: list[ProjectAnswer]
    next_cursor: UUID | None


class AttemptAnswer(BaseModel):
    """One try at a job."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    worker: str
    error: str | None


class JobAnswer(BaseModel):
    """A job."""

    id: UUID
    type: str
    state: State
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None


class JobWithAttempts(JobAnswer):
    """A job and its attempts."""

    attempts: list[AttemptAnswer]


class JobsAnswer(BaseModel):
    """A page of jobs."""

    items: list[JobAnswer]
    next_cursor: UUID | None


class KeyAnswer(BaseModel):
    """A key without the key."""

    id: UUID
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class IssuedKeyAnswer(KeyAnswer):
    """A key, shown once."""

    key: str


class KeysAnswer(BaseModel):
    """All keys."""

    items: list[KeyAnswer]
    next_cursor: UUID | None


class ActorAnswer(BaseModel):
    """Who has changed something."""

    type: ActorType
    id: UUID | None
    key_id: UUID | None


class AuditEntryAnswer(BaseModel):
    """A change: who, what and when. Only `seq` and `hash` are left of one that cannot be read any more."""

    seq: int
    at: datetime | None = None
    actor: ActorAnswer | None = None
    action: str | None = None
    target: str | None = None
    detail: dict[str, object] | None = None
    hash: str


class AuditEntriesAnswer(BaseModel):
    """A page of the trail."""

    items: list[AuditEntryAnswer]
    next_cursor: int | None


class CheckpointAnswer(BaseModel):
    """Where a trail ended, signed."""

    tenant: UUID
    seq: int
    head: str
    at: str
    signature: str


class AuditVerdictAnswer(BaseModel):
    """Whether a trail holds; `entries` is how many do from its begin on."""

    is_intact: bool
    entries: int
    head: str | None = None
    first_bad: int | None = None
    reason: str | None = None


class AuditKeyAnswer(BaseModel):
    """What checkpoints are verified by: the raw key in base64."""

    algorithm: str = "Ed25519"
    public_key: str


class EndpointAnswer(BaseModel):
    """An endpoint, without its secret."""

    id: UUID
    url: str
    event_types: list[str]
    is_ordered: bool
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


class SecretAnswer(BaseModel):
    """What deliveries are signed with, shown once."""

    secret: str


class IssuedEndpointAnswer(EndpointAnswer, SecretAnswer):
    """A new endpoint, and its secret."""


class EndpointsAnswer(BaseModel):
    """All endpoints."""

    items: list[EndpointAnswer]


class DeliveryAnswer(BaseModel):
    """An event on its way to an endpoint."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    job_id: UUID
    state: State
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None


class DeliveryWithAttempts(DeliveryAnswer):
    """A delivery and its attempts."""

    attempts: list[AttemptAnswer]


class DeliveriesAnswer(BaseModel):
    """A page of deliveries."""

    items: list[DeliveryAnswer]
    next_cursor: UUID | None


class RecoveredAnswer(BaseModel):
    """How many events are sent again."""

    deliveries: int


class SourceAnswer(BaseModel):
    """A source, without its secret."""

    id: UUID
    name: str
    key_pointer: str | None
    has_secret: bool
    created_at: datetime


class SourcesAnswer(BaseModel):
    """All sources."""

    items: list[SourceAnswer]


class AcknowledgedAnswer(BaseModel):
    """What a sender hears."""

    id: UUID
    is_new: bool


class ReceivedAnswer(BaseModel):
    """What has come in."""

    id: UUID
    source_id: UUID
    event_id: str
    business_key: str | None
    received_at: datetime
    job_id: UUID
    state: State


class ReceivedWithPayload(ReceivedAnswer):
    """What has come in, as it came, and the attempts of its job."""

    payload: str
    attempts: list[AttemptAnswer]


class InboxAnswer(BaseModel):
    """A page of it."""

    items: list[ReceivedAnswer]
    next_cursor: UUID | None


class FileAnswer(BaseModel):
    """A file; `type` and `sha256` are of its bytes."""

    id: UUID
    name: str
    size_bytes: int
    type: str
    sha256: str
    created_at: datetime
    stored_at: datetime


class FileWithLink(FileAnswer):
    """A file, and the link that leads to its bytes for a while."""

    download_url: str


class FilesAnswer(BaseModel):
    """A page of files."""

    items: list[FileAnswer]
    next_cursor: UUID | None


class AnnouncedFileAnswer(BaseModel):
    """A file that is to come, and the link by which it comes."""

    id: UUID
    name: str
    size_bytes: int
    upload_url: str


class FlagsAnswer(BaseModel):
    """What is on."""

    flags: dict[str, bool]
