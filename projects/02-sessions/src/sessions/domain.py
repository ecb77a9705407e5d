"""The words of this service."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

LONGEST_EMAIL: Final = 254
# What browsers accept in a field for an e-mail: WHATWG HTML, "valid e-mail address".
EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: UUID
    email: str
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class StoredUser:
    """An account with the hash of its password, for those alone who verify it."""

    user: User
    password_hash: str


class MailKind(StrEnum):
    """What a mail is for."""

    REGISTRATION = "registration"
    EMAIL_CHANGE = "email_change"


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that is to be sent; whether its address has an account is known only now."""

    id: int
    email: str
    kind: MailKind
    user_id: UUID | None
    attempts: int
    has_account: bool


def canonical_email(email: str) -> str:
    """Give each address one spelling: an account has one, whatever its case."""
    return email.lower()


def is_email(email: str) -> bool:
    return len(email) <= LONGEST_EMAIL and EMAIL.fullmatch(canonical_email(email)) is not None
