"""Who people are."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

LONGEST_EMAIL: Final = 254
# What browsers accept in a field for an e-mail, but for hosts without a dot: WHATWG HTML.
_EMAIL: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: UUID
    email: str
    is_staff: bool
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class StoredUser:
    """An account with what its password is verified by."""

    user: User
    password_hash: str


class TokenKind(StrEnum):
    """What whoever has a mailbox may do."""

    REGISTRATION = "registration"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a login comes from."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Login:
    """One that has not ended, and where it came from."""

    id: str
    created_at: datetime
    origin: Origin


@dataclass(frozen=True, slots=True)
class GuessRules:
    """After so many failures a lock, twice as long after each further one."""

    failures: int
    lock: timedelta
    longest_lock: timedelta


def canonical_email(text: str) -> str | None:
    """Return the one form of an e-mail address, whatever its case; None for what is none."""
    email = text.strip().lower()
    return email if len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) else None


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(*parts: str) -> str:
    """Return what is stored of a token, or of what somebody has typed: who reads the table can use none."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
