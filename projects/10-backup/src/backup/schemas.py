"""What clients send, and what they are sent."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from backup.domain import Kind, Level, Manifest, Reason, Run, State, Verification, Version
from backup.service import Pruned
from backup.ulid import PATTERN
from service_kit.schemas import Body

MOST_LABELS: Final = 32
LABEL: Final = re.compile(r"([a-z][a-z0-9_.-]{0,62}):(.{1,256})", re.DOTALL)


def in_the_past(moment: datetime) -> datetime:
    if not datetime.fromtimestamp(0, UTC) <= moment <= datetime.now(UTC):
        raise ValueError("it is a moment between 1970 and now")
    return moment


LabelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]
LabelValue = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]*$")]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=MOST_LABELS)]
VersionId = Annotated[str, Field(pattern=f"^{PATTERN.pattern}$")]


class NewVersion(Body):
    """A version that is to be made."""

    labels: Labels = Field(default_factory=dict)


class NewImport(Body):
    """A foreign dump that is to become a version."""

    file: Annotated[str, Field(min_length=1, max_length=255)]
    labels: Labels = Field(default_factory=dict)
    taken_at: Annotated[AwareDatetime, AfterValidator(in_the_past)] | None = None


class NewRestore(Body):
    """A version that is to become the live database."""

    version_id: VersionId
    dry_run: bool = False


class NewPrune(Body):
    """A retention that is to be done, or only thought through."""

    dry_run: bool = False


class VersionQuery(BaseModel):
    """Which versions are listed."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(pattern=f"^{LABEL.pattern}$")] | None = None
    before: VersionId | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class RunQuery(BaseModel):
    """Which runs are listed."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class VerificationAnswer(BaseModel):
    """How a version was verified last."""

    level: Level
    passed: bool
    code: str | None
    verified_at: datetime
    recovery_seconds: float | None

    @classmethod
    def of(cls, verification: Verification) -> Self:
        return cls(
            level=verification.level,
            passed=verification.has_passed,
            code=verification.code,
            verified_at=verification.verified_at,
            recovery_seconds=verification.recovery_seconds,
        )


class VersionItem(BaseModel):
    """A version in a list."""

    id: str
    taken_at: datetime
    is_damaged: bool
    reason: Reason | None
    labels: Mapping[str, str]
    size_bytes: int | None
    is_pinned: bool
    verification: VerificationAnswer | None
    proven_at: datetime | None

    @classmethod
    def of(cls, version: Version) -> Self:
        manifest, marks = version.manifest, version.marks
        return cls(
            id=version.id,
            taken_at=version.taken_at,
            is_damaged=manifest is None,
            reason=manifest.reason if manifest else None,
            labels=manifest.labels if manifest else {},
            size_bytes=sum(file.size_bytes for file in manifest.files) if manifest else None,
            is_pinned=marks.is_pinned,
            verification=VerificationAnswer.of(marks.verification) if marks.verification else None,
            proven_at=marks.proven_at,
        )


class VersionAnswer(VersionItem):
    """A version with its manifest."""

    manifest: Manifest | None

    @classmethod
    def whole(cls, version: Version) -> Self:
        return cls(**dict(VersionItem.of(version)), manifest=version.manifest)


class VersionList(BaseModel):
    """Versions, the newest first."""

    items: Sequence[VersionItem]


class ProgressAnswer(BaseModel):
    """How far a run is."""

    phase: str
    done_bytes: int
    total_bytes: int | None


class RunAnswer(BaseModel):
    """A run as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: Kind
    state: State
    version_id: str | None
    progress: ProgressAnswer
    started_at: datetime
    finished_at: datetime | None
    code: str | None
    detail: str | None
    safety_version_id: str | None
    recovery_seconds: float | None
    swap_seconds: float | None
    undo_until: datetime | None
    undone_at: datetime | None
    file: str | None

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls.model_validate(run, from_attributes=True)


class RunList(BaseModel):
    """Runs, the newest first."""

    items: Sequence[RunAnswer]


class PreflightAnswer(BaseModel):
    """That a restore could begin."""

    version_id: str
    dry_run: bool = True


class PruneAnswer(BaseModel):
    """What was deleted, and for which reasons the rest is kept."""

    dry_run: bool
    deleted: Sequence[str]
    kept: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, pruned: Pruned, *, dry_run: bool) -> Self:
        return cls(dry_run=dry_run, deleted=pruned.deleted, kept=pruned.kept)


def labels_of(texts: Sequence[str]) -> dict[str, str] | None:
    """Read labels as a query or a command line has them, or return nothing if one cannot be."""
    matches = [LABEL.fullmatch(text) for text in texts]
    return {match[1]: match[2] for match in matches if match} if all(matches) else None
