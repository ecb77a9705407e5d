"""Webhooks that go out: endpoints of an organisation are told what was changed in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from core.audit.domain import Action
from core.jobs.domain import State

DELIVER: Final = "deliver"
"""The type of the job that a delivery is."""
TEST: Final = "endpoint.test"
EVENTS_KEPT: Final = timedelta(days=30)
"""For so long an event can be recovered and sent again."""


class EventType(StrEnum):
    """What endpoints are told of: changes, by their names in the audit trail, and its checkpoints."""

    ORGANISATION_RENAMED = Action.ORGANISATION_RENAMED
    MEMBER_CHANGED = Action.MEMBER_CHANGED
    MEMBER_REMOVED = Action.MEMBER_REMOVED
    INVITATION_CREATED = Action.INVITATION_CREATED
    INVITATION_REVOKED = Action.INVITATION_REVOKED
    INVITATION_ACCEPTED = Action.INVITATION_ACCEPTED
    PROJECT_CREATED = Action.PROJECT_CREATED
    PROJECT_CHANGED = Action.PROJECT_CHANGED
    PROJECT_DELETED = Action.PROJECT_DELETED
    JOB_QUEUED = Action.JOB_QUEUED
    JOB_RETRIED = Action.JOB_RETRIED
    JOB_CANCELLED = Action.JOB_CANCELLED
    KEY_CREATED = Action.KEY_CREATED
    KEY_REVOKED = Action.KEY_REVOKED
    FLAG_SWITCHED = Action.FLAG_SWITCHED
    CHECKPOINT = "audit.checkpoint"
    INBOX_RECEIVED = "inbox.received"


class EndpointState(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why it is not."""

    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client says of an endpoint; without types it is told everything."""

    url: str
    event_types: tuple[str, ...]
    is_ordered: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint, without its secrets."""

    id: UUID
    url: str
    event_types: tuple[str, ...]
    is_ordered: bool
    state: EndpointState
    disabled_reason: str | None
    failing_since: datetime | None
    slow_until: datetime | None
    created_at: datetime

    def wants(self, event_type: str) -> bool:
        return not self.event_types or event_type in self.event_types

    @property
    def line(self) -> str:
        """The line in which the jobs of its deliveries wait."""
        return f"endpoint/{self.id}"


@dataclass(frozen=True, slots=True)
class Event:
    """What is told: the same bytes in each attempt. `position` is its order, if it has one."""

    id: UUID
    type: str
    position: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to an endpoint: a job, and where that is."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    type: str
    job_id: UUID
    state: State
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one attempt needs. The secrets are sealed; a second is the one before, while it counts."""

    endpoint: Endpoint
    event: Event
    sealed_secrets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """How often in a row an endpoint has failed, since when, and whether it is told anything still."""

    failures: int
    span: timedelta
    state: EndpointState


@dataclass(frozen=True, slots=True)
class DisableRules:
    """An endpoint is disabled after so many failures in a row, over so long a span."""

    failures: int
    span: timedelta

    def are_met(self, failing: Failing) -> bool:
        return failing.failures >= self.failures and failing.span >= self.span


def body_of(event_type: str, at: str, data: Mapping[str, object]) -> bytes:
    """Write a payload. Source: Standard Webhooks, "Payload structure"."""
    document = {"type": event_type, "timestamp": at, "data": dict(data)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
