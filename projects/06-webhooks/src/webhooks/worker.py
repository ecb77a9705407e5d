"""The worker: claims what is due, forwards it, and has written down how that ended."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from webhooks.arrivals import listen_for_ever
from webhooks.batching import Batcher
from webhooks.domain import Claim, Completion, Outcome, Result
from webhooks.errors import StoreUnavailableError
from webhooks.events import Events
from webhooks.forwarding import Forwarder
from webhooks.leases import TRY_AGAIN_SECONDS, Leases
from webhooks.retries import RetryPolicy
from webhooks.settings import WorkerSettings

POLL_SECONDS: Final = 0.25
"""How long a worker sleeps if nothing wakes it: so late is a retry, or what no notification came for."""
PURGE_SECONDS: Final = 600.0

log = structlog.get_logger()


class Worker:
    """One of any number."""

    def __init__(
        self,
        leases: Leases,
        events: Events,
        forwarder: Forwarder,
        policy: RetryPolicy,
        settings: WorkerSettings,
    ) -> None:
        self._leases = leases
        self._events = events
        self._forwarder = forwarder
        self._policy = policy
        self._settings = settings
        self._complete: Batcher[Completion, bool] = Batcher(leases.complete)
        self._attempts: dict[asyncio.Task[None], Claim] = {}
        self._woken = asyncio.Event()
        self._stop_by: float | None = None
        self._is_cut_off = False

    def stop(self, by: float) -> None:
        """Claim no more, and have `run` return by then: what is not finished is given back."""
        self._stop_by = by
        self._woken.set()

    async def run(self) -> None:
        """Work until told to stop."""
        listening = listen_for_ever(str(self._settings.database_url), self._woken.set)
        background = [asyncio.create_task(listening), asyncio.create_task(self._purge_for_ever())]
        while self._stop_by is None:
            await self._claim_or_sleep()
        for task in background:
            task.cancel()
        if self._attempts:
            patience = self._stop_by - asyncio.get_running_loop().time()
            await asyncio.wait(self._attempts, timeout=max(patience, 0.0))
            await self._break_off()

    async def _claim_or_sleep(self) -> None:
        """Claim what is due and start on it; if that was all, or there is no room for more, sleep."""
        self._woken.clear()
        room = self._settings.worker_concurrency - len(self._attempts)
        # By our own clock, from before the claim was sent: the leases began no sooner.
        ends_at = asyncio.get_running_loop().time() + self._settings.lease_seconds
        try:
            claims, dead = await self._leases.claim(room) if room else ([], [])
        except StoreUnavailableError as error:
            self._log_outage(error)
            await asyncio.sleep(TRY_AGAIN_SECONDS)
            return
        self._log_outage(None)
        for event_id in dead:
            log.warning("dead: each of its attempts was lost with its worker", event_id=event_id)
        for claim in claims:
            attempt = asyncio.create_task(self._attempt(claim, ends_at))
            self._attempts[attempt] = claim
            attempt.add_done_callback(self._attempts.pop)
        if len(claims) + len(dead) < room or not room:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()

    async def _attempt(self, claim: Claim, ends_at: float) -> None:
        """Make one attempt while the lease lasts, and have it written down how that ended."""
        try:
            async with asyncio.timeout_at(ends_at):
                result = await self._forwarder.forward(claim)
        except TimeoutError:
            log.warning("lease ended during the attempt", event_id=claim.id, lease=claim.lease_token)
            return
        except Exception:
            # A mistake of our own costs this attempt, and not the worker with all that it holds.
            log.exception("unexpected error in an attempt", event_id=claim.id)
            result = Result(Outcome.FAILED, error="an error in this service")
        completion = self._policy.completed(claim, result)
        log.info(
            "attempt",
            event_id=claim.id,
            attempt=claim.attempt_count,
            outcome=result.outcome,
            status_code=result.status_code,
            error=result.error,
            state=completion.state,
        )
        if not await self._complete(completion):
            log.warning("completion refused: the lease is over", event_id=claim.id, lease=claim.lease_token)
        self._woken.set()  # there is room, and maybe the next event of its ordering key

    async def _break_off(self) -> None:
        """End what is not finished, and then give it back: what ended by itself meanwhile is not."""
        unfinished = dict(self._attempts)
        for attempt in unfinished:
            attempt.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        claims = [claim for attempt, claim in unfinished.items() if attempt.cancelled()]
        if claims:
            with suppress(StoreUnavailableError):
                await self._leases.release(claims)
                log.info("given back", events=len(claims))

    def _log_outage(self, error: StoreUnavailableError | None) -> None:
        """Log when PostgreSQL goes away and when it is back, once each."""
        if error is not None and not self._is_cut_off:
            log.warning("postgresql does not answer", reason=str(error))
        elif error is None and self._is_cut_off:
            log.info("postgresql answers again")
        self._is_cut_off = error is not None

    async def _purge_for_ever(self) -> None:
        while True:
            with suppress(StoreUnavailableError):
                await self._events.purge(
                    timedelta(days=self._settings.payload_days), timedelta(days=self._settings.key_days)
                )
            await asyncio.sleep(PURGE_SECONDS)
