"""The audit trail: a chain of what was changed, which shows by itself where it was changed afterwards.

Each entry is a text. Its hash is that of the entry before and of the very bytes that are kept: so nobody
has to agree on how JSON is to be written. Who cuts the end off, or puts an older state back, leaves a chain
that holds. A checkpoint that was handed out before shows it: see checkpoints.py.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

GENESIS: Final = bytes(32)
"""What stands before the first entry."""


class Action(StrEnum):
    """What can be done to an organisation, and to what it has."""

    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_RENAMED = "organisation.renamed"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    INVITATION_CREATED = "invitation.created"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_ACCEPTED = "invitation.accepted"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_DELETED = "project.deleted"
    JOB_QUEUED = "job.queued"
    JOB_RETRIED = "job.retried"
    JOB_CANCELLED = "job.cancelled"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    FLAG_SWITCHED = "flag.switched"
    ENDPOINT_CREATED = "endpoint.created"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_DELETED = "endpoint.deleted"
    ENDPOINT_ROTATED = "endpoint.rotated"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_TESTED = "endpoint.tested"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    DELIVERY_RESENT = "delivery.resent"
    SOURCE_CREATED = "source.created"
    SOURCE_CHANGED = "source.changed"
    SOURCE_DELETED = "source.deleted"
    INBOX_REPLAYED = "inbox.replayed"
    FILE_STORED = "file.stored"
    FILE_DELETED = "file.deleted"
    PROJECTS_EXPORTED = "projects.exported"
    READS_THROTTLED = "reads.throttled"


class ActorType(StrEnum):
    """What kind of somebody has done it."""

    USER = "user"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who has done it; by which API key, if it was by one."""

    type: ActorType
    id: UUID | None = None
    key_id: UUID | None = None


OPERATOR: Final = Actor(ActorType.OPERATOR)
SYSTEM: Final = Actor(ActorType.SYSTEM)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to what. It names ids, roles and scopes, and no person's data: it cannot be erased."""

    action: Action
    target: UUID | str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the chain."""

    seq: int
    text: bytes
    prev: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a chain ends; `seq` 0 if it has not begun."""

    seq: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first number at which a chain does not hold, and why."""

    seq: int
    reason: str


START: Final = Tail(0, GENESIS)


def moment(at: datetime) -> str:
    """Write a time down as it is kept and signed: UTC, with microseconds, which is what PostgreSQL has."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def link(prev: bytes, text: bytes) -> bytes:
    return hashlib.sha256(prev + text).digest()


def next_entry(tenant_id: UUID, tail: Tail, at: datetime, actor: Actor, deed: Deed) -> Entry:
    """Write the entry that follows a tail."""
    document = {
        "tenant": str(tenant_id),
        "seq": tail.seq + 1,
        "at": moment(at),
        "actor": {"type": actor.type, "id": _text(actor.id), "key_id": _text(actor.key_id)},
        "action": deed.action,
        "target": str(deed.target),
        "detail": dict(deed.detail),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Entry(tail.seq + 1, text, tail.head, link(tail.head, text))


def follow(tenant_id: UUID, tail: Tail, entries: Iterable[Entry]) -> Tail | Broken:
    """Follow a chain behind a tail, and return where it ends or does not hold."""
    for entry in entries:
        reason = _fault(tenant_id, tail, entry)
        if reason is not None:
            return Broken(tail.seq + 1, reason)
        tail = Tail(entry.seq, entry.hash)
    return tail


def _fault(tenant_id: UUID, tail: Tail, entry: Entry) -> str | None:
    if entry.seq != tail.seq + 1:
        return "missing"
    if entry.hash != link(entry.prev, entry.text):
        return "changed"
    if entry.prev != tail.head:
        return "unlinked"
    try:
        document = json.loads(entry.text)
        is_its = (document["tenant"], document["seq"]) == (str(tenant_id), entry.seq)
    except (ValueError, KeyError, TypeError):
        is_its = False
    return None if is_its else "misplaced"


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
