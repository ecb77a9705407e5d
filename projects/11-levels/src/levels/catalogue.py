"""What there is to be learnt: levels, as the verifier lists them, and which of them are open to whom.

The catalogue is what `$VERIFIER list --json` says. The one who judges is the one who lists, so no level is
shown that could not be verified, and a new one needs no edit here. It is asked for when it is first needed
and then kept: a verifier that does not answer stops neither the start nor what runs.
"""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from levels.domain import Catalogue, Completion, Stage, Standing, Status, Track
from levels.errors import LevelLockedError, LevelNotFoundError, VerifierUnavailableError
from levels.verdicts import Name
from levels.verifier import Verifier

LIST_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 2.0
"""How long a request waits for it."""
LARGEST_LIST_BYTES: Final = 4 * 1024 * 1024


class ListedLevel(BaseModel):
    """A level as a verifier lists it."""

    id: Name
    step: Annotated[int, Field(ge=0, le=10_000)]
    title: Annotated[str, Field(max_length=500)]
    checks: list[Name] = []


class ListedTrack(BaseModel):
    """A track as a verifier lists it, the lowest level first."""

    id: Name
    project: Name
    title: Annotated[str, Field(max_length=500)] = ""
    contract: Annotated[str, Field(min_length=1, max_length=128)]
    levels: Annotated[list[ListedLevel], Field(min_length=1)]


class Listed(BaseModel):
    """What a verifier lists. What else is in it is for later versions."""

    tracks: list[ListedTrack]

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Listed":
        levels = [level.id for track in self.tracks for level in track.levels]
        tracks = [track.id for track in self.tracks]
        for names in (levels, tracks):
            if len(set(names)) < len(names):
                raise ValueError("an id stands there twice")
        return self


CATALOGUE: Final = TypeAdapter(Catalogue)


def read_catalogue(text: bytes) -> Catalogue:
    """Read what a verifier lists. Raises: VerifierUnavailableError."""
    try:
        return CATALOGUE.validate_python(Listed.model_validate(json.loads(text)).model_dump())
    except (ValidationError, ValueError, RecursionError) as error:
        raise VerifierUnavailableError("VERIFIER list --json: it is no catalogue") from error


class CatalogueSource:
    """Asks the verifier once, however many want to know, and answers in bounded time."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._asking: asyncio.Task[Catalogue] | None = None

    def ask(self) -> None:
        """Begin to ask, unless that is under way or was answered."""
        asking = self._asking
        if asking is None or (asking.done() and (asking.cancelled() or asking.exception() is not None)):
            self._asking = asyncio.create_task(self._ask())

    async def get(self) -> Catalogue:
        """Return the catalogue.

        Raises: VerifierUnavailableError, if there is none yet; whoever asks later may find one.
        """
        self.ask()
        assert self._asking is not None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.shield(self._asking)
        except TimeoutError as error:
            raise VerifierUnavailableError("VERIFIER list --json: no answer yet") from error

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> Catalogue:
        return read_catalogue(await self._verifier.listing(LIST_SECONDS, LARGEST_LIST_BYTES))


@dataclass(frozen=True, slots=True)
class Ladder:
    """A track as one learner sees it: what is completed, and so what is open."""

    track: Track
    completed: Mapping[str, Completion]

    def status(self, index: int) -> Status:
        """A level opens when the one below it is completed; the lowest is open."""
        levels = self.track.levels
        if levels[index].id in self.completed:
            return Status.COMPLETED
        is_open = index == 0 or levels[index - 1].id in self.completed
        return Status.IN_PROGRESS if is_open else Status.LOCKED

    def standings(self, user_id: UUID) -> Iterator[Standing]:
        for index, level in enumerate(self.track.levels):
            yield self._standing(user_id, level.id, self.status(index))

    def _standing(self, user_id: UUID, level_id: str, status: Status) -> Standing:
        """What is completed stays so; it is stale by its age, or by another contract."""
        done = self.completed.get(level_id)
        if done is None:
            return Standing(user_id, level_id, self.track.id, status)
        return Standing(
            user_id,
            level_id,
            self.track.id,
            status,
            done.completed_at,
            done.verified_at,
            done.verified_against,
            done.trust,
            stale=done.is_expired or done.verified_against != self.track.contract,
        )

    def stages(self, level_id: str) -> tuple[Stage, ...]:
        """Return what a run of this level consists of: all levels up to it, the lowest first.

        Raises: LevelLockedError.
        """
        levels = self.track.levels
        index = next(number for number, level in enumerate(levels) if level.id == level_id)
        if self.status(index) is Status.LOCKED:
            raise LevelLockedError(level_id, levels[index - 1].id)
        return tuple(Stage(level.id, self.track.project, level.step) for level in levels[: index + 1])

    def all_stages(self) -> tuple[Stage, ...]:
        """Return all levels of the track, for who has completed them.

        Raises: LevelLockedError.
        """
        levels = self.track.levels
        for level in levels:
            if level.id not in self.completed:
                raise LevelLockedError(f"The speed run of {self.track.id}", level.id)
        return self.stages(levels[-1].id)


def track_of(catalogue: Catalogue, level_id: str) -> Track:
    """Raises: LevelNotFoundError."""
    for track in catalogue.tracks:
        if any(level.id == level_id for level in track.levels):
            return track
    raise LevelNotFoundError(level_id)


def standings(
    catalogue: Catalogue, user_id: UUID, completed: Mapping[str, Completion], only: Collection[str] = ()
) -> list[Standing]:
    """Return where a learner stands, in the order of the catalogue; with `only` of these tracks alone."""
    return [
        standing
        for track in catalogue.tracks
        if not only or track.id in only
        for standing in Ladder(track, completed).standings(user_id)
    ]
