"""Files of an organisation: a row says what there is, and the bytes lie in a folder.

The row is there before the first byte and goes behind the last, so that nothing lies in the folder that no
row knows of: whoever dies between the two leaves a row, by which the rest is found and swept.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from core.errors import PlatformError


class FileState(StrEnum):
    """Where a file is. What is deleted has a row until its bytes are gone."""

    WAITING = "waiting"
    STORED = "stored"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class File:
    """A file; `type` and `sha256` are of its bytes, and None until they are there."""

    id: UUID
    name: str
    size_bytes: int
    state: FileState
    type: str | None
    sha256: str | None
    created_by: UUID
    key_id: UUID | None
    created_at: datetime
    stored_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewFile:
    """What somebody wants to upload."""

    id: UUID
    name: str
    size_bytes: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What has come, and what it is by its bytes."""

    type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large a file may be, and all of an organisation's together; how long a link counts."""

    file_bytes: int
    quota_bytes: int
    link: timedelta


class InvalidLinkError(PlatformError):
    """A link was not signed so, or its time is over."""


class WrongLengthError(PlatformError):
    """A body is not as long as the file was announced."""


class OtherContentError(PlatformError):
    """Something else was stored under a link before."""


class NoLengthError(PlatformError):
    """A body does not say how long it is."""


class QuotaExceededError(PlatformError):
    """All files of an organisation together would be larger than they may be."""
