"""What clients send and get. What is wrong with one field by itself is refused here, with a pointer to it."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from levels.domain import Catalogue, Learner, Standing, Status, Trust
from levels.targets import LONGEST_PATH
from levels.verdicts import Name
from service_kit.egress import LONGEST_URL
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
type Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
type Pseudonym = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class NewRun(Body):
    """A run to be made: which level, and of which folder, or of what runs at which URL."""

    level_id: Name
    dir: Folder | None = None
    url: Url | None = None


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
    verified_at: datetime | None
    verified_against: str | None
    trust: Trust | None
    stale: bool


class ProgressAnswer(BaseModel):
    """Where a learner stands with all levels."""

    user_id: UUID
    name: str
    items: list[StandingAnswer]


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


def new_learner_answer(learner: Learner, token: str) -> NewLearnerAnswer:
    return NewLearnerAnswer(id=learner.id, name=learner.name, created_at=learner.created_at, token=token)


def class_answer(learners: list[tuple[Learner, int]]) -> ClassAnswer:
    return ClassAnswer(
        items=[
            ClassmateAnswer(id=one.id, name=one.name, created_at=one.created_at, completed=completed)
            for one, completed in learners
        ]
    )
