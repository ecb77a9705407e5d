"""The worker: sleeps until something is due, claims it, delivers it, and has written down how that ended."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Final

import structlog

from reminders.delivery import DeliveryChannel
from reminders.domain import Channel, Claim, Completion, Outcome, Result
from reminders.due_index import DueIndex
from reminders.due_timer import DueTimer
from reminders.errors import DatabaseUnavailableError
from reminders.held_leases import HeldLease, HeldLeases
from reminders.leases import TRY_AGAIN_SECONDS, Leases
from reminders.lifecycle import RetryPolicy, completed
from reminders.recurrence import aside, missed
from reminders.settings import WorkerSettings

PURGE_SECONDS: Final = 600.0
KEYS_KEPT: Final = timedelta(days=1)

log = structlog.get_logger()


class Worker:
    """One of any number."""

    def __init__(
        self,
        leases: Leases,
        index: DueIndex,
        channels: Mapping[Channel, DeliveryChannel],
        retry_policy: RetryPolicy,
        settings: WorkerSettings,
    ) -> None:
        self._leases = leases
        self._index = index
        self._channels = channels
        self._retry_policy = retry_policy
        self._settings = settings
        self._held = HeldLeases(leases, index, settings.lease_seconds)
        self._timer = DueTimer(index, leases)
        self._stop_by: float | None = None
        self._is_cut_off = False

    def stop(self, by: float) -> None:
        """Claim no more, and have `run` return by then: what is not finished is given back."""
        self._stop_by = by
        self._timer.wake()
        self._held.interrupt()

    async def run(self) -> None:
        """Work until told to stop."""
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(self._index.listen(self._timer.wake)),
                group.create_task(self._held.renew_for_ever()),
                group.create_task(self._held.complete_for_ever()),
                group.create_task(self._purge_for_ever()),
            ]
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as patience:
                    async with asyncio.TaskGroup() as attempts:
                        while self._stop_by is None:
                            await self._claim_or_sleep(attempts)
                        patience.reschedule(self._stop_by)
                    await self._held.wait_until_written()
            await self._held.give_back()
            for task in background:
                task.cancel()

    async def _claim_or_sleep(self, attempts: asyncio.TaskGroup) -> None:
        """Claim what is due and start on it; if that was all, sleep, and if it is too much, wait for room."""
        room = self._settings.worker_concurrency - len(self._held)
        if room <= 0:
            await self._held.wait_for_room()
            return
        try:
            await self._timer.look_ahead()
            count = await self._claim(room, attempts)
        except DatabaseUnavailableError as error:
            self._log_outage(error)
            await asyncio.sleep(TRY_AGAIN_SECONDS)
            return
        self._log_outage(None)
        if count < room:
            await self._timer.sleep()

    async def _claim(self, room: int, attempts: asyncio.TaskGroup) -> int:
        # By our own clock, from before the claim was sent: the leases began no sooner.
        ends_at = asyncio.get_running_loop().time() + self._settings.lease_seconds
        claimed = await self._leases.claim(room)
        for claim in claimed.claims:
            time_limit = asyncio.timeout_at(ends_at)
            attempt = attempts.create_task(self._attempt(claim, time_limit))
            self._held.hold(HeldLease(claim, attempt, time_limit))
        for reminder_id in claimed.dead:
            log.warning("dead: each of its attempts was lost with its worker", reminder_id=reminder_id)
        return len(claimed.claims) + len(claimed.dead)

    async def _attempt(self, claim: Claim, time_limit: asyncio.Timeout) -> None:
        """Make one attempt while the lease lasts, and have it written down how that ended."""
        try:
            async with time_limit:
                claim = await self._caught_up(claim)
                result = await self._deliver(claim)
            completion = await self._completed(claim, result)
        except TimeoutError:
            log.warning("lease ended during the attempt", reminder_id=claim.reminder.id, lease=claim.token)
            self._held.drop(claim.lease)
            return
        except Exception:
            # A mistake of our own costs this attempt, and not the worker with all that it holds.
            log.exception("unexpected error in an attempt", reminder_id=claim.reminder.id)
            result = Result(Outcome.FAILED, error="an error in this service")
            completion = await self._completed(claim, result)
        log_attempt(completion)
        self._held.complete(completion)

    async def _caught_up(self, claim: Claim) -> Claim:
        """Move a recurring reminder on to the latest of its occurrences that were missed."""
        reminder, now = claim.reminder, self._timer.now()
        latest = await aside(reminder.recurrence, lambda: missed(reminder, now))
        if latest is None or not await self._leases.roll_forward(claim.lease, latest):
            return claim
        return replace(claim, reminder=replace(claim.reminder, remind_at=latest))

    async def _completed(self, claim: Claim, result: Result) -> Completion:
        return await aside(claim.reminder.recurrence, lambda: completed(claim, result, self._retry_policy))

    async def _deliver(self, claim: Claim) -> Result:
        return await self._channels[claim.reminder.channel].deliver(claim, self._timer.now())

    def _log_outage(self, error: DatabaseUnavailableError | None) -> None:
        """Log when PostgreSQL goes away and when it is back, once each."""
        if error is not None and not self._is_cut_off:
            log.warning("postgresql does not answer", reason=str(error))
        elif error is None and self._is_cut_off:
            log.info("postgresql answers again")
        self._is_cut_off = error is not None

    async def _purge_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PURGE_SECONDS)
            with suppress(DatabaseUnavailableError):
                await self._leases.purge_idempotency_keys(KEYS_KEPT)


def log_attempt(completion: Completion) -> None:
    reminder = completion.claim.reminder
    log.info(
        "attempt",
        reminder_id=reminder.id,
        occurrence=reminder.occurrence,
        attempt=reminder.attempt_count,
        channel=reminder.channel,
        **asdict(completion.result),
        state=completion.state,
    )
