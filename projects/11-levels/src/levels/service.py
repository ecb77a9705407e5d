"""What can be done here: look where one stands, have a folder judged, follow that, and run a class."""

import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import UUID

from levels.access import digest_of, new_token
from levels.catalogue import CatalogueSource, Ladder, standings, track_of
from levels.domain import (
    SEED_BYTES,
    Catalogue,
    Details,
    Event,
    Learner,
    Page,
    Run,
    RunKind,
    Standing,
    State,
)
from levels.elsewhere import Elsewhere
from levels.errors import (
    InvalidRunError,
    LevelNotFoundError,
    NameTakenError,
    RunFinishedError,
    RunNotFoundError,
    UnknownCursorError,
)
from levels.feed import Feed
from levels.report import report_of
from levels.repository import Repository
from levels.targets import Targets

MOST_EVENTS: Final = 100_000


class LevelsService:
    """The verbs of the API. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(
        self,
        repository: Repository,
        catalogue: CatalogueSource,
        targets: Targets,
        elsewhere: Elsewhere,
        feed: Feed,
        new_id: Callable[[], UUID],
    ) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._targets = targets
        self._elsewhere = elsewhere
        self._feed = feed
        self._new_id = new_id

    async def catalogue(self) -> Catalogue:
        """Raises: VerifierUnavailableError."""
        return await self._catalogue.get()

    async def progress(self, learner: Learner) -> list[Standing]:
        """Return where the learner stands with each level.

        Raises: VerifierUnavailableError.
        """
        catalogue = await self._catalogue.get()
        return standings(catalogue, learner.id, await self._repository.completed(learner.id))

    async def standing(self, learner: Learner, level_id: str) -> Standing:
        """Raises: LevelNotFoundError, VerifierUnavailableError."""
        catalogue = await self._catalogue.get()
        track = track_of(catalogue, level_id)
        found = standings(catalogue, learner.id, await self._repository.completed(learner.id), {track.id})
        return next(standing for standing in found if standing.level_id == level_id)

    async def start(self, learner: Learner, level_id: str, folder: str | None, url: str | None) -> Run:
        """Queue a run of a level, and of all below it: of a folder, or of what runs elsewhere.

        Raises: LevelLockedError, InvalidRunError, RunActiveError, VerifierUnavailableError.
        """
        try:
            track = track_of(await self._catalogue.get(), level_id)
        except LevelNotFoundError as error:
            raise InvalidRunError("level_id", "unknown_level", "is no level of the catalogue") from error
        target = await self._find(learner, folder, url)
        stages = Ladder(track, await self._repository.completed(learner.id)).stages(level_id)
        return await self._repository.enqueue(
            run_id=self._new_id(),
            kind=RunKind.LEVEL,
            learner_id=learner.id,
            level_id=level_id,
            track_id=track.id,
            target=target,
            seed=secrets.token_hex(SEED_BYTES),
            stages=stages,
        )

    async def _find(self, learner: Learner, folder: str | None, url: str | None) -> str:
        if url is None and folder is None:
            raise InvalidRunError("dir", "missing", "or url is needed")
        if url is None:
            assert folder is not None
            return await self._targets.find(folder, learner.name)
        if folder is not None:
            raise InvalidRunError("url", "one_too_many", "cannot stand beside dir")
        return await self._elsewhere.find(url, learner.id)

    async def run(self, learner: Learner, run_id: UUID) -> Run:
        """Raises: RunNotFoundError."""
        run = await self._repository.run(RunKind.LEVEL, learner.id, run_id)
        if run is None:
            raise RunNotFoundError
        return run

    async def show(self, learner: Learner, run_id: UUID) -> Details:
        """Return a run with all that it has shown so far. Raises: RunNotFoundError."""
        run = await self.run(learner, run_id)
        events = await self._repository.events(run_id, 0, min(run.event_count, MOST_EVENTS))
        return Details(run, report_of(run, events))

    async def newest(self, learner: Learner, limit: int, after: UUID | None) -> Page:
        """Return a part of the learner's runs, newest first. Raises: UnknownCursorError."""
        if after is not None and await self._repository.run(RunKind.LEVEL, learner.id, after) is None:
            raise UnknownCursorError
        found = await self._repository.newest(learner.id, limit + 1, after)
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def cancel(self, learner: Learner, run_id: UUID) -> Run:
        """Cancel a run; a second time changes nothing.

        Raises: RunNotFoundError, RunFinishedError.
        """
        cancelled = await self._repository.cancel(RunKind.LEVEL, learner.id, run_id)
        if cancelled is not None:
            return cancelled
        run = await self.run(learner, run_id)
        if run.state is not State.CANCELLED:
            raise RunFinishedError(run.state)
        return run

    def follow(self, run: Run, after: int, heartbeat_seconds: float) -> AsyncIterator[Event | None]:
        """Return the events of a run behind a number, as they happen."""
        return self._feed.follow(run.id, after, heartbeat_seconds)

    async def add_learner(self, name: str) -> tuple[Learner, str]:
        """Add a learner to the class; the token is told this once. Raises: NameTakenError."""
        token = new_token()
        learner = await self._repository.add_learner(self._new_id(), name, digest_of(token))
        if learner is None:
            raise NameTakenError("A learner has this name.")
        return learner, token

    async def learners(self) -> list[tuple[Learner, int]]:
        return await self._repository.learners()
