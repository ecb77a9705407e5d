"""The end of a run, with its receipt if it has passed: both in one statement, or neither."""

import asyncio
from typing import Final

from levels.domain import Claim, LevelReport, Link, RunKind, State
from levels.errors import DatabaseUnavailableError
from levels.leases import TRY_AGAIN_SECONDS, Leases
from levels.receipts import Issuer
from levels.report import report_of
from levels.repository import Repository
from levels.verdicts import Outcome

MOST_EVENTS: Final = 100_000


class Endings:
    """Ends the runs of one worker."""

    def __init__(self, leases: Leases, repository: Repository, issuer: Issuer) -> None:
        self._leases = leases
        self._repository = repository
        self._issuer = issuer

    async def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """End the run, however long PostgreSQL takes; False: the lease is lost, or it was done before."""
        passed = outcome.state is State.PASSED and claim.run.kind is RunKind.LEVEL
        levels = await self._levels(claim) if passed else []
        before: int | None = None
        while True:
            link = await self._link(claim, levels) if levels else None
            if await self._leases.finish(claim.lease, outcome, self._issuer.trust, link):
                return True
            # The chain may have grown meanwhile, by another run of the learner's: then its end is another.
            if link is None or link.number == before:
                return False
            before = link.number

    async def _levels(self, claim: Claim) -> list[LevelReport]:
        while True:
            try:
                events = await self._repository.events(claim.run.id, 0, MOST_EVENTS)
                return report_of(claim.run, events).levels
            except DatabaseUnavailableError:
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _link(self, claim: Claim, levels: list[LevelReport]) -> Link | None:
        while True:
            try:
                learner, head, at = await self._repository.head(claim.run.learner_id)
                return self._issuer.issue(claim.run, learner, levels, head, at)
            except DatabaseUnavailableError:
                await asyncio.sleep(TRY_AGAIN_SECONDS)
