"""What clients send and get, besides the documents themselves: models alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from flags.documents import Flag, Moment, Name, Segment
from service_kit.schemas import Body

MOST_CONTEXTS = 10_000


class DocumentChange(BaseModel):
    """The members to put in place of those that are there; each is what it is when the whole is made."""

    model_config = ConfigDict(extra="allow")

    @property
    def members(self) -> Mapping[str, JsonValue]:
        return self.model_extra or {}


class EvaluationRequest(BaseModel):
    """OFREP's: what else a client sends is its own business."""

    context: Annotated[dict[str, JsonValue], Field(default_factory=dict)]


class OfrepError(BaseModel):
    """An error in the words of OFREP, beside those of a problem."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str | None = None
    instance: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = None
    key: str
    errorCode: Literal[  # noqa: N815 - OFREP's name, as the one below
        "FLAG_NOT_FOUND", "INVALID_CONTEXT", "PARSE_ERROR", "TARGETING_KEY_MISSING", "GENERAL"
    ]
    errorDetails: str  # noqa: N815


class DryRun(Body):
    """A change that is not made, and for whom it is to be tried."""

    change: dict[str, JsonValue]
    contexts: Annotated[list[dict[str, JsonValue]], Field(max_length=MOST_CONTEXTS)]


class NewScheduledChange(Body):
    """A change, and when it is to be made."""

    at: Moment
    change: dict[str, JsonValue]


class ExplainRequest(Body):
    """Which flag said what, to whom, and when; without a moment or a version: now."""

    flag: Name
    context: Annotated[dict[str, JsonValue], Field(default_factory=dict)]
    at: Moment | None = None
    version: Annotated[int, Field(ge=1, le=2**53)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.at is not None and self.version is not None:
            raise ValueError("there is either a moment or a version")
        return self


class FlagAnswer(Flag):
    """A flag, and the version of its last change."""

    version: int


class SegmentAnswer(Segment):
    """A segment, and the version of its last change."""

    version: int


class FlagsAnswer(BaseModel):
    """Flags, by key."""

    items: list[FlagAnswer]


class SegmentsAnswer(BaseModel):
    """Segments, by key."""

    items: list[SegmentAnswer]


class KeyAnswer(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    kind: Literal["server", "browser"]
    revoked: bool


class NewKeyAnswer(KeyAnswer):
    """A key when it is made: its secret is shown this once."""

    secret: str


class KeysAnswer(BaseModel):
    """Keys."""

    items: list[KeyAnswer]


class KillAnswer(BaseModel):
    """What became of a kill: `recorded`, or `pending` while PostgreSQL is away."""

    key: str
    killed: bool
    audit: Literal["recorded", "pending"]


class Served(BaseModel):
    """What an evaluation has said; with an error the rest is null."""

    value: JsonValue = None
    variant: str | None = None
    reason: str | None = None
    error_code: str | None = None


class DifferenceAnswer(BaseModel):
    """Somebody who would get another value."""

    index: int
    targeting_key: JsonValue
    before: Served
    after: Served


class DryRunAnswer(BaseModel):
    """Who would get another value: at most a hundred of them, and how many there are."""

    total: int
    changed: int
    items: list[DifferenceAnswer]


class AuditAnswer(BaseModel):
    """A change that was made."""

    version: int
    at: datetime
    actor: str
    action: str
    kind: str
    key: str
    before: JsonValue
    after: JsonValue
    note: str


class AuditsAnswer(BaseModel):
    """Changes, the newest first, and where to go on."""

    items: list[AuditAnswer]
    next_before: int | None


class ExplainAnswer(BaseModel):
    """What a flag said, and why."""

    flag: str
    version: int
    at: datetime
    served: Served
    rule: str | None
    prerequisite: str | None
    buckets: dict[str, int] | None
    changed_by: AuditAnswer | None


class ScheduledAnswer(BaseModel):
    """A change that waits, and how that went."""

    id: UUID
    flag: str
    at: datetime
    base_version: int
    change: dict[str, JsonValue]
    actor: str
    state: str
    detail: str


class ScheduledsAnswer(BaseModel):
    """Scheduled changes, by their time."""

    items: list[ScheduledAnswer]


class UsageAnswer(BaseModel):
    """How often each variant was served, as far as it was noted, and when the flag was last asked for."""

    last_evaluated_at: datetime | None
    counts: dict[str, int]
