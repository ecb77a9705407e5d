"""What clients send. Unknown members are refused, and nothing is converted."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from core.keys.domain import Scope
from core.tenancy.domain import Role
from core.webhooks.domain import EventType
from service_kit.schemas import Body

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Email = Annotated[str, Field(min_length=3, max_length=254)]
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")]
Url = Annotated[str, Field(max_length=2048)]
Pointer = Annotated[str, Field(max_length=200, pattern=r"^(/([^/~\x00]|~[01])*)+$")]
EventTypes = Annotated[list[EventType], Field(max_length=50)]


class Credentials(Body):
    """What one registers and logs in with."""

    email: Email
    password: SecretStr


class Address(Body):
    """Whom a mail is for."""

    email: Email


class NewAccount(Body):
    """The token of a mail, and the password that is chosen by it."""

    token: Annotated[str, Field(max_length=200)]
    password: SecretStr


class NewPassword(Body):
    """The current password, and the next."""

    current_password: SecretStr
    password: SecretStr


class Refresh(Body):
    """A refresh token to exchange."""

    refresh_token: Annotated[str, Field(max_length=200)]


class NewOrganisation(Body):
    """The name of an organisation."""

    name: Name


class NewMember(Body):
    """Whom to invite, and as what."""

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

    destination: Url


class NewKey(Body):
    """A key to make."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    lifetime_seconds: Annotated[int, Field(ge=1, le=315_360_000)] | None = None


class NewEndpoint(Body):
    """Where to send events; without types all of them."""

    url: Url
    event_types: EventTypes = Field(default_factory=list)
    is_ordered: bool = False


class EndpointChanges(Body):
    """What is to be changed."""

    url: Url | None = None
    event_types: EventTypes | None = None
    is_ordered: bool | None = None


class NewSource(Body):
    """Whom to believe, by which secret, and where in a body it says what an event is about."""

    name: Name
    secret: SecretStr | None = None
    key_pointer: Pointer | None = None


class SourceChanges(Body):
    """What is to be changed."""

    name: Name | None = None
    secret: SecretStr | None = None
    key_pointer: Pointer | None = None


class NewFile(Body):
    """A file that is to come."""

    name: Name
    size_bytes: Annotated[int, Field(ge=1, le=2**40)]


class Switch(Body):
    """Whether a flag is on: for one organisation, or for all who have no switch of their own."""

    is_on: bool
    organisation_id: UUID | None = None
