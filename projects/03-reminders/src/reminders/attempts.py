"""The attempts that a worker is making: each under its lease, and written down when it has ended."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from reminders.domain import Claim, Completion, Due
from reminders.errors import DatabaseUnavailableError
from reminders.lease import Leases
from reminders.scheduler import DueIndex

RENEWALS_PER_LEASE: Final = 3
TRY_AGAIN_SECONDS: Final = 0.2
MOST_AT_ONCE: Final = 500

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Hold:
    """A claim in this worker's hands. Past the deadline, by the loop's clock, it may be another worker's."""

    claim: Claim
    deadline: float
    guard: asyncio.Timeout | None = None
    task: asyncio.Task[None] | None = None

    @property
    def key(self) -> tuple[UUID, int]:
        return self.claim.id, self.claim.token

    def extend(self, deadline: float) -> None:
        self.deadline = deadline
        if self.guard is not None and not self.guard.expired():
            self.guard.reschedule(deadline)

    def abandon(self) -> None:
        """Stop the attempt, if it is still being made."""
        if self.task is not None:
            self.task.cancel()


class Attempts:
    """Holds, renews and completes."""

    def __init__(self, leases: Leases, index: DueIndex, lease_seconds: float) -> None:
        self._leases = leases
        self._index = index
        self._lease_seconds = lease_seconds
        self._held: dict[tuple[UUID, int], Hold] = {}
        self._ended: asyncio.Queue[Completion] = asyncio.Queue()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, claim: Claim, asked_at: float) -> Hold:
        """Hold a claim that was asked for at that time, by the loop's clock: its lease began no sooner."""
        hold = Hold(claim, asked_at + self._lease_seconds)
        self._held[hold.key] = hold
        return hold

    def drop(self, hold: Hold) -> None:
        """Let go of a claim without a word: its lease will end, and another worker find it."""
        self._held.pop(hold.key, None)
        self._changed.set()

    def end(self, completion: Completion) -> None:
        """Have it written down how an attempt ended; it is held until that is done."""
        self._ended.put_nowait(completion)

    def interrupt(self) -> None:
        """Wake who waits for a change."""
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return when a hold has been let go of."""
        await self._changed.wait()
        self._changed.clear()

    async def renew_for_ever(self) -> None:
        """Put off the leases' ends, three times a lease, so that two renewals may fail."""
        while True:
            await asyncio.sleep(self._lease_seconds / RENEWALS_PER_LEASE)
            if self._held:
                with suppress(DatabaseUnavailableError):  # each hold's guard knows when it is too late
                    await self._renew(list(self._held.values()))

    async def complete_for_ever(self) -> None:
        """Write down how attempts ended; those that end while one batch is written make up the next."""
        while True:
            batch = [await self._ended.get()]
            while not self._ended.empty() and len(batch) < MOST_AT_ONCE:
                batch.append(self._ended.get_nowait())
            await self._complete(batch)

    async def give_back(self) -> None:
        """Stop the attempts still being made: other workers make them, at once, and they do not count."""
        unfinished = {
            hold.task: hold.claim for hold in self._held.values() if hold.task and not hold.task.done()
        }
        if not unfinished:
            return
        for task in unfinished:
            task.cancel()
        await asyncio.wait(unfinished)  # not before they have let go of the receiver
        with suppress(DatabaseUnavailableError):
            await self._leases.release(list(unfinished.values()))
            log.info("given back", reminders=len(unfinished))

    async def _renew(self, holds: list[Hold]) -> None:
        asked_at = asyncio.get_running_loop().time()
        renewed = await self._leases.renew([hold.claim for hold in holds])
        for hold in holds:
            if hold.key in renewed:
                hold.extend(asked_at + self._lease_seconds)
            elif hold.task is not None and not hold.task.done():
                log.warning("lease lost to another worker", reminder_id=hold.claim.id, lease=hold.claim.token)
                hold.abandon()

    async def _complete(self, batch: list[Completion]) -> None:
        due_at = await self._write(batch)
        for completion in batch:
            claim = completion.claim
            if (claim.id, claim.token) not in due_at:
                log.warning("stale completion refused", reminder_id=claim.id, lease=claim.token)
            self._held.pop((claim.id, claim.token), None)
        self._changed.set()
        await self._index.enter(Due(key[0], at) for key, at in due_at.items() if at is not None)

    async def _write(self, batch: list[Completion]) -> dict[tuple[UUID, int], datetime | None]:
        while True:
            try:
                return await self._leases.complete(batch)
            except DatabaseUnavailableError:
                # Late is better than not: until somebody else has claimed it, the token is still good.
                await asyncio.sleep(TRY_AGAIN_SECONDS)
