"""What clients send and get. What is wrong with one field by itself is refused here, with a pointer to it."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from levels.domain import (
    Best,
    Catalogue,
    CheckReport,
    Details,
    Learner,
    LevelReport,
    Page,
    Run,
    Standing,
    State,
    Status,
    Text,
    Try,
    Verdict,
)
from levels.targets import LONGEST_PATH
from levels.verdicts import Name
from service_kit.schemas import Body


def encode_cursor(run_id: UUID) -> str:
    """Return the place in a list after this run, in a form that promises nothing about itself."""
    return base64.urlsafe_b64encode(run_id.bytes).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: object) -> UUID:
    """Read a cursor, in the one form that `encode_cursor` gives it."""
    try:
        run_id = UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
    except ValueError:
        run_id = None
    if run_id is None or encode_cursor(run_id) != cursor:
        raise PydanticCustomError("invalid_cursor", "is not one that this list gave out")
    return run_id


def without_nul(text: str) -> str:
    """Refuse the one character that no path has, and PostgreSQL cannot store."""
    if "\0" in text:
        raise PydanticCustomError("invalid_text", "must not hold the character U+0000")
    return text


type Cursor = Annotated[
    UUID,
    BeforeValidator(
        decode_cursor, json_schema_input_type=Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$")]
    ),
]
type Folder = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH), AfterValidator(without_nul)]
type Pseudonym = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class NewRun(Body):
    """A run to be made: which level, and of which folder."""

    level_id: Name
    dir: Folder


class NewSpeedRun(Body):
    """A speed run to be made: of which track, and of which folder."""

    track_id: Name
    dir: Folder


class NewLearner(Body):
    """A learner to be added. The name is a pseudonym: nothing here asks for another."""

    name: Pseudonym


class Answer(BaseModel):
    """What is made of the domain's classes."""

    model_config = ConfigDict(from_attributes=True)


class LevelAnswer(Answer):
    """A level of a track."""

    id: str
    step: int
    title: str
    checks: list[str]


class TrackAnswer(Answer):
    """Levels that build on each other, the lowest first."""

    id: str
    title: str
    contract: str
    levels: list[LevelAnswer]


class CatalogueAnswer(Answer):
    """All that can be verified."""

    tracks: list[TrackAnswer]


class StandingAnswer(Answer):
    """Where a learner stands with a level."""

    user_id: UUID
    level_id: str
    track_id: str
    status: Status
    completed_at: datetime | None


class ProgressAnswer(BaseModel):
    """Where a learner stands with all levels."""

    user_id: UUID
    name: str
    items: list[StandingAnswer]


class RunAnswer(BaseModel):
    """A run, and how far it is."""

    id: UUID
    level_id: str
    track_id: str
    dir: str
    seed: str
    state: State
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SpeedRunAnswer(BaseModel):
    """A speed run: its state, and at the end the time from the request on. No more is told."""

    id: UUID
    track_id: str
    state: State
    started_at: datetime
    duration_ms: int | None


class BestAnswer(Answer):
    """A best time."""

    track_id: str
    run_id: UUID
    finished_at: datetime
    duration_ms: int


class BestsAnswer(BaseModel):
    """The best times of a learner, by track."""

    items: list[BestAnswer]


class TextAnswer(Answer):
    """What somebody else has said; `bytes_total` is how much of it there was."""

    text: str
    truncated: bool
    bytes_total: int


class TryAnswer(Answer):
    """One verdict of a check."""

    verdict: Verdict
    seconds: float
    report: TextAnswer


class CheckAnswer(BaseModel):
    """A check, with all its verdicts; `verdict` is the last."""

    id: str
    sentence: str
    verdict: Verdict | None
    tries: list[TryAnswer]


class LevelReportAnswer(BaseModel):
    """What a run has shown of a level; `not_run`: it was not reached."""

    level_id: str
    state: str
    reason: str | None
    contract: str | None
    checks: list[CheckAnswer]


class DetailsAnswer(RunAnswer):
    """A run with all that it has shown so far."""

    levels: list[LevelReportAnswer]
    output: TextAnswer


class PageAnswer(BaseModel):
    """A part of a list. Ask again with `next_cursor` for the next; it is null at the end."""

    items: list[RunAnswer]
    next_cursor: str | None


class LearnerAnswer(BaseModel):
    """A learner of the class."""

    id: UUID
    name: str
    created_at: datetime


class NewLearnerAnswer(LearnerAnswer):
    """A learner that was added. The token is not told again."""

    token: str


class ClassmateAnswer(LearnerAnswer):
    """A learner, and how many levels are completed."""

    completed: int


class ClassAnswer(BaseModel):
    """The class, by name."""

    items: list[ClassmateAnswer]


def catalogue_answer(catalogue: Catalogue) -> CatalogueAnswer:
    return CatalogueAnswer.model_validate(catalogue)


def standing_answer(standing: Standing) -> StandingAnswer:
    return StandingAnswer.model_validate(standing)


def run_answer(run: Run) -> RunAnswer:
    return RunAnswer.model_validate(_run_members(run))


def _run_members(run: Run) -> dict[str, object]:
    return {name: getattr(run, "target" if name == "dir" else name) for name in RunAnswer.model_fields}


def speed_run_answer(run: Run) -> SpeedRunAnswer:
    took = None if run.finished_at is None else run.finished_at - run.created_at
    return SpeedRunAnswer(
        id=run.id,
        track_id=run.track_id,
        state=run.state,
        started_at=run.created_at,
        duration_ms=None if took is None else round(took.total_seconds() * 1000),
    )


def bests_answer(bests: list[Best]) -> BestsAnswer:
    return BestsAnswer(items=list(map(BestAnswer.model_validate, bests)))


def details_answer(details: Details) -> DetailsAnswer:
    report = details.report
    return DetailsAnswer.model_validate(
        _run_members(details.run)
        | {
            "levels": [_level_answer(level) for level in report.levels],
            "output": _text_answer(report.output),
        }
    )


def _level_answer(level: LevelReport) -> LevelReportAnswer:
    return LevelReportAnswer(
        level_id=level.level_id,
        state=level.state or Verdict.NOT_RUN,
        reason=level.reason,
        contract=level.contract,
        checks=[_check_answer(check) for check in level.checks],
    )


def _check_answer(check: CheckReport) -> CheckAnswer:
    tries = [_try_answer(one) for one in check.tries]
    return CheckAnswer(id=check.id, sentence=check.sentence, verdict=check.verdict, tries=tries)


def _try_answer(one: Try) -> TryAnswer:
    return TryAnswer(verdict=one.verdict, seconds=one.seconds, report=_text_answer(one.report))


def _text_answer(text: Text) -> TextAnswer:
    return TextAnswer.model_validate(text)


def page_answer(page: Page) -> PageAnswer:
    following = page.next_after and encode_cursor(page.next_after)
    return PageAnswer(items=list(map(run_answer, page.items)), next_cursor=following)


def new_learner_answer(learner: Learner, token: str) -> NewLearnerAnswer:
    return NewLearnerAnswer(id=learner.id, name=learner.name, created_at=learner.created_at, token=token)


def class_answer(learners: list[tuple[Learner, int]]) -> ClassAnswer:
    return ClassAnswer(
        items=[
            ClassmateAnswer(id=one.id, name=one.name, created_at=one.created_at, completed=completed)
            for one, completed in learners
        ]
    )
