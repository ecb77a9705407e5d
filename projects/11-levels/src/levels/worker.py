"""The worker: claims one run at a time, has it judged while the lease lasts, writes down what it comes to."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from levels.domain import Claim, News, State
from levels.endings import Endings
from levels.errors import DatabaseUnavailableError
from levels.leases import LeaseLostError, Leases
from levels.stages import Judge
from levels.verdicts import Outcome
from levels.verifier import Running, Verifier

POLL_SECONDS: Final = 0.2
RENEWALS_PER_LEASE: Final = 3
LONGEST_RENEWAL_SECONDS: Final = 0.5
"""A cancelled run is heard of at the next renewal."""

SPARE_SECONDS: Final = 0.2
"""From the verifier's end to the lease's: by then nothing of it is left."""
LAST_WORD_SECONDS: Final = 2.0

log = structlog.get_logger()


class HeldLedger:
    """Tells what happens to a run, as long as its lease is held: until then nobody else does."""

    def __init__(self, leases: Leases, claim: Claim) -> None:
        self._leases = leases
        self._lease = claim.lease
        self._number = claim.run.event_count

    async def add(self, news: News) -> None:
        """Raises: LeaseLostError."""
        await self._leases.tell(self._lease, self._number + 1, news)
        self._number += 1


class Attempt:
    """One claim, from its beginning to its end."""

    def __init__(self, leases: Leases, verifier: Verifier, claim: Claim, limit_bytes: int) -> None:
        self._leases = leases
        self._claim = claim
        self._running: Running | None = None
        self._is_cancelled = False
        self._is_lost = False
        self._ends_at = asyncio.get_running_loop().time() + leases.lease_seconds
        self._judge = Judge(
            verifier, HeldLedger(leases, claim), limit_bytes, leases.lease_seconds, self._hold
        )

    def _hold(self, running: Running | None) -> None:
        """Have the verifier live no longer than the lease that there is."""
        self._running = running
        self._extend()

    def _extend(self) -> None:
        if self._running is not None:
            left = self._ends_at - asyncio.get_running_loop().time()
            self._running.extend(max(0.0, left - SPARE_SECONDS))

    async def judge(self, timeout_seconds: float) -> Outcome | None:
        """Return what the run comes to; None: the lease is lost, and there is nothing to be said.

        In any case nothing of the verifier is left then. The lease is renewed until that is so.
        """
        judging = asyncio.create_task(self._within(timeout_seconds))
        holding = asyncio.ensure_future(self._hold_on(judging))
        try:
            return await judging
        except LeaseLostError:
            return None
        except asyncio.CancelledError:
            if self._is_lost:
                return None
            if self._is_cancelled:
                return Outcome(State.CANCELLED)
            raise
        finally:
            holding.cancel()

    async def _within(self, seconds: float) -> Outcome:
        try:
            async with asyncio.timeout(seconds):
                return await self._judge.judge(self._claim.run)
        except TimeoutError:
            return Outcome(State.ERRORED, f"it has not ended within {seconds:g} s")
        except LeaseLostError:
            raise
        except Exception:
            # A mistake of our own costs this run, and not the worker.
            log.exception("unexpected error in a run", run_id=self._claim.run.id)
            return Outcome(State.ERRORED, "an error in this service")

    async def _hold_on(self, judging: asyncio.Task[Outcome]) -> None:
        """Renew the lease, and break the run off if it is lost or the run is to be cancelled."""
        loop = asyncio.get_running_loop()
        seconds = self._leases.lease_seconds
        while not self._is_lost:
            await asyncio.sleep(min(seconds / RENEWALS_PER_LEASE, LONGEST_RENEWAL_SECONDS))
            asked_at = loop.time()
            try:
                self._is_cancelled |= await self._leases.renew(self._claim.lease)
                self._ends_at = asked_at + seconds
            except LeaseLostError:
                self._is_lost = True
            except DatabaseUnavailableError:
                # By our own clock, from before the renewal was sent: somebody else may be about to begin.
                self._is_lost = loop.time() >= self._ends_at
            self._extend()
            if (self._is_cancelled or self._is_lost) and not judging.cancelling():
                judging.cancel()


class Worker:
    """One of any number."""

    def __init__(
        self,
        leases: Leases,
        endings: Endings,
        verifier: Verifier,
        run_timeout_seconds: float,
        limit_bytes: int,
    ) -> None:
        self._leases = leases
        self._endings = endings
        self._verifier = verifier
        self._run_timeout_seconds = run_timeout_seconds
        self._limit_bytes = limit_bytes
        self._stopped = asyncio.Event()
        self._is_cut_off = False

    def stop(self, by: float) -> None:
        """Have `run` return: what is being judged is given back, which takes no longer than its end does."""
        del by
        self._stopped.set()

    async def run(self) -> None:
        """Work until told to stop."""
        while not self._stopped.is_set():
            claim = await self._claim()
            if claim is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._stopped.wait()
            elif not claim.run.state.is_final:
                await self._work(claim)

    async def _claim(self) -> Claim | None:
        try:
            claim = await self._leases.claim()
        except DatabaseUnavailableError as error:
            if not self._is_cut_off:
                log.warning("postgresql does not answer", reason=str(error))
            self._is_cut_off = True
            return None
        if self._is_cut_off:
            log.info("postgresql answers again")
        self._is_cut_off = False
        return claim

    async def _work(self, claim: Claim) -> None:
        attempt = Attempt(self._leases, self._verifier, claim, self._limit_bytes)
        judging = asyncio.ensure_future(attempt.judge(self._run_timeout_seconds))
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((judging, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not judging.done():
            judging.cancel()
            with suppress(asyncio.CancelledError):
                await judging
            await self._give_back(claim)
            return
        outcome = judging.result()
        if outcome is None:
            log.warning("lease lost", run_id=claim.run.id, lease=claim.token)
            return
        await self._finish(claim, outcome)

    async def _finish(self, claim: Claim, outcome: Outcome) -> None:
        finishing = asyncio.ensure_future(self._endings.finish(claim, outcome))
        stopping = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((finishing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        try:
            async with asyncio.timeout(LAST_WORD_SECONDS):
                is_told = await finishing
        except TimeoutError:
            return  # PostgreSQL is away, and we have to go: the next worker judges the run again
        log.info(
            "run ended" if is_told else "the end of a run was refused: its lease is over",
            run_id=claim.run.id,
            state=outcome.state,
            reason=outcome.reason,
        )

    async def _give_back(self, claim: Claim) -> None:
        with suppress(DatabaseUnavailableError):
            await self._leases.release(claim.lease)
            log.info("given back", run_id=claim.run.id)
