"""What was changed, by whom: the audit, which is also what versions are made of."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from flags.ruleset import Ref


@dataclass(frozen=True, slots=True)
class Stored:
    """A document and the version that it is of."""

    version: int
    document: JsonValue


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that is about to be made."""

    actor: str
    action: str
    ref: Ref
    before: JsonValue
    after: JsonValue
    kill_id: UUID | None = None
    kill_revision: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A change that was made."""

    version: int
    at: datetime
    actor: str
    action: str
    ref: Ref
    before: JsonValue
    after: JsonValue
    note: str


@dataclass(frozen=True, slots=True)
class ScheduledChange:
    """A change that waits for its time, and how that went."""

    id: UUID
    flag: str
    at: datetime
    base_version: int
    change: dict[str, JsonValue]
    actor: str
    state: str = "pending"
    detail: str = ""
