"""Who people are."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

LONGEST_EMAIL: Final = 254
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")


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


def canonical_email(text: str) -> str | None:
    """Return the one form of an e-mail address, whatever its case; None for what is none."""
    email = text.strip().lower()
    return email if len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) else None
