"""API keys: for programs, of one organisation, and never above what their maker may do there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

USE_INTERVAL: Final = timedelta(seconds=60)
"""Use is written down once in it: a key that is used a thousand times a second is not a thousand writes."""


class Scope(StrEnum):
    """What a key may be for: a family of permissions, or one of them."""

    PROJECTS = "projects"
    READ_PROJECTS = "projects:read"
    CHANGE_PROJECTS = "projects:write"
    JOBS = "jobs"
    READ_JOBS = "jobs:read"
    CHANGE_JOBS = "jobs:write"
    WEBHOOKS = "webhooks"
    READ_WEBHOOKS = "webhooks:read"
    CHANGE_WEBHOOKS = "webhooks:write"
    FILES = "files"
    READ_FILES = "files:read"
    CHANGE_FILES = "files:write"


@dataclass(frozen=True, slots=True)
class Key:
    """A key without the key. `hint` is how it begins and ends, so that people know which it is."""

    id: UUID
    tenant_id: UUID
    user_id: UUID
    name: str
    hint: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is to be kept of a key."""

    id: UUID
    tenant_id: UUID
    user_id: UUID
    digest: str
    name: str
    hint: str
    scopes: frozenset[Scope]
    lifetime: timedelta | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key, which exists nowhere else, and what is kept of it."""

    secret: str
    key: Key
