"""What clients send and get. Unknown members are refused, and nothing is converted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from core.jobs.domain import Outcome, State
from core.tenancy.domain import Role
from service_kit.schemas import Body

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Email = Annotated[str, Field(min_length=3, max_length=254)]
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")]


class Credentials(Body):
    """What one registers and logs in with."""

    email: Email
    password: SecretStr


class Refresh(Body):
    """A refresh token to exchange."""

    refresh_token: Annotated[str, Field(max_length=200)]


class NewOrganisation(Body):
    """The name of an organisation."""

    name: Name


class NewMember(Body):
    """Whom to let in, and as what."""

    email: Email
    role: Role


class NewRole(Body):
    """What a member is to be."""

    role: Role


class NewProject(Body):
    """A project to make."""

    name: Name
    description: Text = ""


class ProjectChanges(Body):
    """What is to be changed."""

    name: Name | None = None
    description: Text | None = None


class NewAction(Body):
    """Where an action sends to."""

    destination: Annotated[str, Field(max_length=2048)]


class Switch(Body):
    """Whether a flag is on: for one organisation, or for all who have no switch of their own."""

    is_on: bool
    organisation_id: UUID | None = None


class UserAnswer(BaseModel):
    """An account."""

    id: UUID
    email: str


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


class MemberAnswer(BaseModel):
    """A member."""

    user_id: UUID
    email: str
    role: Role


class MembersAnswer(BaseModel):
    """All members."""

    items: list[MemberAnswer]


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


class FlagsAnswer(BaseModel):
    """What is on."""

    flags: dict[str, bool]
