"""The worker: sleeps until something is due, claims it, delivers it, and writes down how that ended."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from reminders.alarm import Alarm
from reminders.attempts import Attempts, Hold
from reminders.backoff import Backoff, Uniform
from reminders.database_clock import DatabaseClock
from reminders.delivery import Carrier
from reminders.domain import Channel, Claim, Completion, Outcome, Result
from reminders.errors import DatabaseUnavailableError
from reminders.lease import Leases
from reminders.recurrence import SHORTEST_INTERVAL, Schedule
from reminders.scheduler import DueIndex
from reminders.verdict import judge

TRY_AGAIN_SECONDS: Final = 0.2
PURGE_SECONDS: Final = 600.0
KEYS_KEPT: Final = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a worker does at once, and how long it takes over it."""

    concurrency: int
    lease_seconds: float
    delivery_timeout_seconds: float
    shutdown_timeout_seconds: float


class Worker:
    """One of any number."""

    def __init__(
        self,
        leases: Leases,
        index: DueIndex,
        carriers: Mapping[Channel, Carrier],
        backoff: Backoff,
        limits: Limits,
        uniform: Uniform,
    ) -> None:
        self._leases = leases
        self._index = index
        self._carriers = carriers
        self._backoff = backoff
        self._limits = limits
        self._uniform = uniform
        self._clock = DatabaseClock()
        self._alarm = Alarm(index, leases, self._clock)
        self._attempts = Attempts(leases, index, limits.lease_seconds)
        self._stop_by: float | None = None
        self._is_cut_off = False

    def stop(self) -> None:
        """Claim no more; `run` returns once what is held is finished or given back."""
        self._stop_by = asyncio.get_running_loop().time() + self._limits.shutdown_timeout_seconds
        self._alarm.ring()
        self._attempts.interrupt()

    async def run(self) -> None:
        """Work until told to stop."""
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(task)
                for task in (
                    self._index.listen(self._alarm.ring),
                    self._attempts.renew_for_ever(),
                    self._attempts.complete_for_ever(),
                    self._purge_for_ever(),
                )
            ]
            while self._stop_by is None:
                await self._look(group)
            await self._finish(self._stop_by)
            for task in background:
                task.cancel()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Claim what is due and start on it, then sleep; with both hands full wait until one is free."""
        room = self._limits.concurrency - len(self._attempts)
        if room <= 0:
            await self._attempts.wait_for_change()
            return
        try:
            count = await self._claim(room, group)
        except DatabaseUnavailableError as error:
            self._tell(error)
            await asyncio.sleep(TRY_AGAIN_SECONDS)
            return
        self._tell(None)
        if count < room:
            await self._alarm.sleep()

    async def _claim(self, room: int, group: asyncio.TaskGroup) -> int:
        asked_at = asyncio.get_running_loop().time()
        looked_at = self._clock.now()
        stale = self._alarm.stale_at(looked_at)
        claimed = await self._leases.claim(room)
        for claim in claimed.claims:
            hold = self._attempts.take(claim, asked_at)
            hold.task = group.create_task(self._attempt(hold))
        for reminder_id in claimed.buried:
            log.warning("dead: each of its attempts was lost with its worker", reminder_id=reminder_id)
        done = [*(claim.id for claim in claimed.claims), *claimed.buried]
        count = len(done)
        await self._alarm.set(done if count == room else {*done, *stale}, looked_at)
        return count

    async def _attempt(self, hold: Hold) -> None:
        """Make one attempt while the lease lasts; past its end another worker may be making the next."""
        try:
            async with asyncio.timeout_at(hold.deadline) as hold.guard:
                claim = await self._caught_up(hold.claim)
                result = await self._deliver(claim)
            completion = judge(claim, result, self._backoff, self._uniform)
        except TimeoutError:
            log.warning("lease ended before the attempt", reminder_id=hold.claim.id, lease=hold.claim.token)
            self._attempts.drop(hold)
            return
        except asyncio.CancelledError:
            self._attempts.drop(hold)
            raise
        except Exception:
            # A mistake of our own costs this attempt, and not the worker with all that it holds.
            log.exception("unexpected error in an attempt", reminder_id=hold.claim.id)
            result = Result(Outcome.FAILED, error="an error in this service")
            completion = judge(hold.claim, result, self._backoff, self._uniform)
        finally:
            hold.guard = None
        report(completion)
        self._attempts.end(completion)

    async def _caught_up(self, claim: Claim) -> Claim:
        """Move a recurring reminder on to the latest of its occurrences that were missed."""
        now = self._clock.now()
        if claim.recurrence is None or claim.attempt > 1 or now - claim.remind_at < SHORTEST_INTERVAL:
            return claim
        latest = Schedule(claim.recurrence).latest(claim.remind_at, now)
        if latest is None or not await self._leases.roll_forward(claim, latest):
            return claim
        return replace(claim, remind_at=latest)

    async def _deliver(self, claim: Claim) -> Result:
        seconds = self._limits.delivery_timeout_seconds
        carrier = self._carriers.get(claim.channel)
        if carrier is None:
            return Result(Outcome.FAILED, error=f"the channel {claim.channel} is not configured")
        try:
            async with asyncio.timeout(seconds):
                return await carrier.deliver(claim, self._clock.now())
        except TimeoutError:
            return Result(Outcome.FAILED, error=f"no answer within {seconds:g} s")

    def _tell(self, error: DatabaseUnavailableError | None) -> None:
        """Log when PostgreSQL goes away and when it is back, once each."""
        if error is not None and not self._is_cut_off:
            log.warning("postgresql does not answer", reason=str(error))
        elif error is None and self._is_cut_off:
            log.info("postgresql answers again")
        self._is_cut_off = error is not None

    async def _finish(self, by: float) -> None:
        """Wait for what is held, and give back what takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(by):
                while len(self._attempts):
                    await self._attempts.wait_for_change()
        await self._attempts.give_back()

    async def _purge_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PURGE_SECONDS)
            with suppress(DatabaseUnavailableError):
                await self._leases.purge_idempotency_keys(KEYS_KEPT)


def report(completion: Completion) -> None:
    """Log an attempt."""
    claim, result = completion.claim, completion.result
    log.info(
        "attempt",
        reminder_id=claim.id,
        occurrence=claim.occurrence,
        attempt=claim.attempt,
        channel=claim.channel,
        outcome=result.outcome,
        status_code=result.status_code,
        error=result.error,
        state=completion.state,
    )
