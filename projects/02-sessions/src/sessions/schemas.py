"""What clients send and get."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from service_kit.schemas import Body
from sessions.sessions import Session

type Email = Annotated[str, Field(max_length=1000)]
type OptionalPassword = Annotated[str | None, Field(description="Needed unless the login is fresh")]


class Registration(Body):
    """An address that wants an account."""

    email: Email


class NewAccount(Body):
    """The token of the mail, and the password of the account."""

    token: str
    password: str


class Credentials(Body):
    """Who signs in."""

    email: Email
    password: str


class PasswordChange(Body):
    """A new password."""

    new_password: str
    current_password: OptionalPassword = None


class EmailChange(Body):
    """A new address, to which a mail is sent."""

    email: Email
    current_password: OptionalPassword = None


class EmailConfirmation(Body):
    """The token of that mail."""

    token: str


class Revocation(Body):
    """That all other sessions are to end."""

    current_password: OptionalPassword = None


class UserChange(Body):
    """Whether a user is kept out."""

    disabled: bool


class UserAnswer(BaseModel):
    """An account, as administrators and its owner see it."""

    id: UUID
    email: str
    disabled: bool


class UsersAnswer(BaseModel):
    """The accounts that were asked for."""

    items: list[UserAnswer]


class AccountAnswer(BaseModel):
    """An account that was made."""

    id: UUID
    email: str


class MeAnswer(BaseModel):
    """Who is signed in, and what a request needs that says nothing of its origin."""

    id: UUID
    email: str
    is_admin: bool
    csrf_token: str


class SessionAnswer(BaseModel):
    """A session. Its id names it, and opens nothing."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    user_agent: str
    address: str
    current: bool


class SessionsAnswer(BaseModel):
    """A user's live sessions, the one used last first."""

    items: list[SessionAnswer]


class Accepted(BaseModel):
    """That a mail says how to go on."""

    status: str = "accepted"


def session_answer(session: Session, current: Session) -> SessionAnswer:
    return SessionAnswer(
        id=session.id,
        created_at=session.created_at,
        last_seen_at=session.seen_at,
        user_agent=session.agent,
        address=session.address,
        current=session.hash == current.hash,
    )
