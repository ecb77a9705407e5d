"""The words of this service: levels and who has reached them, runs and what they have shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

type Json = str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None

SEED_BYTES: Final = 3
"""Short enough to be typed again."""


class Status(StrEnum):
    """How far a learner is with a level."""

    LOCKED = "LOCKED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class State(StrEnum):
    """How far a run is, or how it has ended."""

    QUEUED = "queued"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in {State.QUEUED, State.RUNNING}


class RunKind(StrEnum):
    """What a run is for: to open a level, or to be fast."""

    LEVEL = "level"
    SPEED = "speed"


class Trust(StrEnum):
    """On whose machine a run was: the learner's own, who may have changed what judges, or the class's."""

    LOCAL = "local"
    HOSTED = "hosted"


class Verdict(StrEnum):
    """What one check says."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not_run"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Level:
    """One capability: the checks of one step."""

    id: str
    step: int
    title: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """Levels that build on each other, the lowest first; all are judged by one contract."""

    id: str
    project: str
    title: str
    contract: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that the verifier can judge."""

    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Learner:
    """Who learns; in a class known by a pseudonym."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Completion:
    """A level that a run of the learner's has passed: since when, and how that was last seen."""

    level_id: str
    completed_at: datetime
    verified_at: datetime
    verified_against: str | None  # the contract; None: nobody knows
    trust: Trust
    is_expired: bool  # that was too long ago


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a learner stands with one level."""

    user_id: UUID
    level_id: str
    track_id: str
    status: Status
    completed_at: datetime | None = None
    verified_at: datetime | None = None
    verified_against: str | None = None
    trust: Trust | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One level of a run, as the verifier is asked for it."""

    level_id: str
    project: str
    step: int


@dataclass(frozen=True, slots=True)
class Run:
    """A solution that is to be judged, up to one level, and how far that is."""

    id: UUID
    kind: RunKind
    learner_id: UUID
    level_id: str
    track_id: str
    target: str
    seed: str
    stages: tuple[Stage, ...]
    state: State
    reason: str | None
    attempt_count: int
    event_count: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def dir(self) -> str | None:
        """The folder that is judged."""
        return self.target if self.target.startswith("/") else None

    @property
    def url(self) -> str | None:
        """What is judged where it runs."""
        return None if self.target.startswith("/") else self.target


@dataclass(frozen=True, slots=True)
class Best:
    """The shortest time in which a learner's solution has passed a whole track."""

    track_id: str
    run_id: UUID
    finished_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to judge a run. A newer one has a higher token, by which what comes too late is refused."""

    run_id: UUID
    token: int


@dataclass(frozen=True, slots=True)
class Head:
    """The last receipt of a chain: how many there are, and its SHA-256 in hex; of an empty one None."""

    number: int = 0
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A receipt in its chain: the text that was signed, and the signature."""

    number: int
    run_id: UUID
    text: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A run in the hands of one worker."""

    run: Run
    token: int

    @property
    def lease(self) -> Lease:
        return Lease(self.run.id, self.token)


class Kind(StrEnum):
    """What an event of a run tells."""

    STATE = "state"  # the run is queued again, or running; what was told before is void
    LEVEL = "level"  # the verifier has begun with a level, and names its checks
    RETRY = "retry"  # it has been asked again for some of them
    CHECK = "check"
    OUTPUT = "output"  # what it, or the solution, has said besides
    VERDICT = "verdict"  # what the checks of a level come to
    END = "end"


@dataclass(frozen=True, slots=True)
class News:
    """Something that has happened and is to be kept."""

    kind: Kind
    data: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Event:
    """The same, kept: `number` counts the events of a run from 1."""

    number: int
    at: datetime
    kind: Kind
    data: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody else has said, fit to be shown: no more of it than may be kept."""

    text: str
    truncated: bool = False
    bytes_total: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """One verdict of a check, with what a person needs to act on it."""

    verdict: Verdict
    seconds: float
    report: Text
    draws: Mapping[str, str]


@dataclass(slots=True)
class CheckReport:
    """A check of a run, with all its verdicts; the last counts."""

    id: str
    sentence: str
    tries: list[Try] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict | None:
        return self.tries[-1].verdict if self.tries else None

    @property
    def draws(self) -> Mapping[str, str]:
        """What the seed decided for it, as far as the verifier has said so."""
        return self.tries[-1].draws if self.tries else {}


@dataclass(slots=True)
class LevelReport:
    """A level of a run: without a state it was not reached."""

    level_id: str
    state: State | None = None
    reason: str | None = None
    contract: str | None = None
    solution: str | None = None
    checks: list[CheckReport] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """All that a run has shown so far."""

    levels: list[LevelReport]
    output: Text


@dataclass(frozen=True, slots=True)
class Details:
    """A run with its report."""

    run: Run
    report: Report


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; None: there is no more."""

    items: list[Run]
    next_after: UUID | None
