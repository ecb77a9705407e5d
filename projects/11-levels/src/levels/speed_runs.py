"""Speed runs: a whole track against the clock, without a hint.

The clock is PostgreSQL's. It starts when the request is taken down, so that waiting for a worker counts, and
it stops when the last level is judged. What is told is the state and the time: no level, no check, no reason.
"""

import secrets
from collections.abc import Callable
from uuid import UUID

from levels.catalogue import CatalogueSource, Ladder
from levels.domain import SEED_BYTES, Best, Learner, Run, RunKind, State
from levels.errors import InvalidRunError, RunFinishedError, RunNotFoundError
from levels.repository import Repository
from levels.targets import Targets


class SpeedRuns:
    """What can be done with them. All raise DatabaseUnavailableError, in bounded time."""

    def __init__(
        self,
        repository: Repository,
        catalogue: CatalogueSource,
        targets: Targets,
        new_id: Callable[[], UUID],
    ) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._targets = targets
        self._new_id = new_id

    async def start(self, learner: Learner, track_id: str, folder: str) -> Run:
        """Start the clock, for a track that the learner has completed.

        Raises: LevelLockedError, InvalidRunError, RunActiveError, VerifierUnavailableError.
        """
        catalogue = await self._catalogue.get()
        track = next((track for track in catalogue.tracks if track.id == track_id), None)
        if track is None:
            raise InvalidRunError("track_id", "unknown_track", "is no track of the catalogue")
        target = await self._targets.find(folder, learner.name)
        stages = Ladder(track, await self._repository.completed(learner.id)).all_stages()
        return await self._repository.enqueue(
            run_id=self._new_id(),
            kind=RunKind.SPEED,
            learner_id=learner.id,
            level_id=stages[-1].level_id,
            track_id=track.id,
            target=target,
            seed=secrets.token_hex(SEED_BYTES),
            stages=stages,
        )

    async def show(self, learner: Learner, run_id: UUID) -> Run:
        """Raises: RunNotFoundError."""
        run = await self._repository.run(RunKind.SPEED, learner.id, run_id)
        if run is None:
            raise RunNotFoundError
        return run

    async def cancel(self, learner: Learner, run_id: UUID) -> Run:
        """Give up; a second time changes nothing. Raises: RunNotFoundError, RunFinishedError."""
        cancelled = await self._repository.cancel(RunKind.SPEED, learner.id, run_id)
        if cancelled is not None:
            return cancelled
        run = await self.show(learner, run_id)
        if run.state is not State.CANCELLED:
            raise RunFinishedError(run.state)
        return run

    async def bests(self, learner: Learner) -> list[Best]:
        """Return the learner's best time for each track that has one."""
        return await self._repository.bests(learner.id)
