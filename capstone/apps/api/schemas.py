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
    email: Email
    password: SecretStr


class Refresh(Body):
    refresh_token: Annotated[str, Field(max_length=200)]


class NewOrganisation(Body):
    name: Name


class NewMember(Body):
    email: Email
    role: Role


class NewRole(Body):
    role: Role


class NewProject(Body):
    name: Name
    description: Text = ""


class ProjectChanges(Body):
    name: Name | None = None
    description: Text | None = None


class NewAction(Body):
    destination: Annotated[str, Field(max_length=2048)]


class Switch(Body):
    is_on: bool
    organisation_id: UUID | None = None


class UserAnswer(BaseModel):
    id: UUID
    email: str


class TokensAnswer(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - a name
    expires_in: int


class OrganisationAnswer(BaseModel):
    id: UUID
    name: str


class MembershipAnswer(OrganisationAnswer):
    role: Role


class MembershipsAnswer(BaseModel):
    items: list[MembershipAnswer]


class MemberAnswer(BaseModel):
    user_id: UUID
    email: str
    role: Role


class MembersAnswer(BaseModel):
    items: list[MemberAnswer]


class ProjectAnswer(BaseModel):
    id: UUID
    name: str
    description: str
    version: int
    created_at: datetime
    updated_at: datetime


class ProjectsAnswer(BaseModel):
    items: list[ProjectAnswer]
    next_cursor: UUID | None


class AttemptAnswer(BaseModel):
    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Outcome | None
    worker: str
    error: str | None


class JobAnswer(BaseModel):
    id: UUID
    type: str
    state: State
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None


class JobWithAttempts(JobAnswer):
    attempts: list[AttemptAnswer]


class JobsAnswer(BaseModel):
    items: list[JobAnswer]
    next_cursor: UUID | None


class FlagsAnswer(BaseModel):
    flags: dict[str, bool]
