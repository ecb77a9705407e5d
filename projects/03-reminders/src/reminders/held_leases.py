"""The leases that one worker holds: renewed while their attempts run, completed or given back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from reminders.domain import Claim, Completion, Due, Lease
from reminders.due_index import DueIndex
from reminders.errors import DatabaseUnavailableError
from reminders.leases import Leases

RENEWALS_PER_LEASE: Final = 3
TRY_AGAIN_SECONDS: Final = 0.2
MOST_AT_ONCE: Final = 500

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class HeldLease:
    """A claim, and until when it is surely this worker's, by the event loop's clock."""

    claim: Claim
    ends_at: float
    attempt: asyncio.Task[None] | None = None
    completion: Completion | None = None
    _time_limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def while_it_lasts(self) -> AsyncIterator[None]:
        """Run a block no longer than the lease: past its end another worker may be making the next attempt.

        Raises: TimeoutError.
        """
        async with asyncio.timeout_at(self.ends_at) as time_limit:
            self._time_limit = time_limit
            try:
                yield
            finally:
                self._time_limit = None

    def extend(self, ends_at: float) -> None:
        self.ends_at = ends_at
        if self._time_limit is not None and not self._time_limit.expired():
            self._time_limit.reschedule(ends_at)


class HeldLeases:
    """Holds, renews, completes and gives back."""

    def __init__(self, leases: Leases, index: DueIndex, lease_seconds: float) -> None:
        self._leases = leases
        self._index = index
        self._lease_seconds = lease_seconds
        self._held: dict[Lease, HeldLease] = {}
        self._completed: asyncio.Queue[Completion] = asyncio.Queue()
        self._let_go = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, claim: Claim, asked_at: float) -> HeldLease:
        """Hold a claim that was asked for at that time, by the loop's clock: its lease began no sooner."""
        held = HeldLease(claim, asked_at + self._lease_seconds)
        self._held[claim.lease] = held
        return held

    def drop(self, held: HeldLease) -> None:
        """Let go without a word to anybody: when the lease ends, another worker finds the reminder."""
        self._held.pop(held.claim.lease, None)
        self._let_go.set()

    def complete(self, held: HeldLease, completion: Completion) -> None:
        """Have it written down how the attempt ended; the lease is held until that is done."""
        held.completion = completion
        self._completed.put_nowait(completion)

    async def wait_for_room(self) -> None:
        """Return when a lease has been let go of, or when interrupted."""
        await self._let_go.wait()
        self._let_go.clear()

    def interrupt(self) -> None:
        self._let_go.set()

    async def wait_until_written(self) -> None:
        """Return when all attempts that have ended are written down."""
        await self._completed.join()

    async def renew_for_ever(self) -> None:
        """Put off the leases' ends, three times a lease, so that two renewals may fail."""
        while True:
            await asyncio.sleep(self._lease_seconds / RENEWALS_PER_LEASE)
            if self._held:
                with suppress(DatabaseUnavailableError):  # each lease ends by itself if this goes on
                    await self._renew(list(self._held.values()))

    async def complete_for_ever(self) -> None:
        """Write down how attempts ended; those that end while one batch is written make up the next."""
        while True:
            batch = [await self._completed.get()]
            while not self._completed.empty() and len(batch) < MOST_AT_ONCE:
                batch.append(self._completed.get_nowait())
            await self._write(batch)
            for _ in batch:
                self._completed.task_done()

    async def give_back(self) -> None:
        """Give back what is held and was not attempted to the end: it is due at once, and does not count."""
        unfinished = [lease for lease, held in self._held.items() if held.completion is None]
        if unfinished:
            with suppress(DatabaseUnavailableError):
                await self._leases.release(unfinished)
                log.info("given back", reminders=len(unfinished))

    async def _renew(self, every: list[HeldLease]) -> None:
        asked_at = asyncio.get_running_loop().time()
        renewed = await self._leases.renew([held.claim.lease for held in every])
        for held in every:
            lease = held.claim.lease
            if lease in renewed:
                held.extend(asked_at + self._lease_seconds)
            elif held.attempt is not None and not held.attempt.done():
                log.warning("lease lost to another worker", reminder_id=lease.reminder_id, lease=lease.token)
                held.attempt.cancel()
                self.drop(held)

    async def _write(self, batch: list[Completion]) -> None:
        due_at = await self._complete(batch)
        for completion in batch:
            lease = completion.claim.lease
            if lease not in due_at:
                log.warning(
                    "completion refused: the lease is over, or an earlier try was written down",
                    reminder_id=lease.reminder_id,
                    lease=lease.token,
                )
            self._held.pop(lease, None)
        self._let_go.set()
        await self._index.enter(Due(lease.reminder_id, at) for lease, at in due_at.items() if at is not None)

    async def _complete(self, batch: list[Completion]) -> dict[Lease, datetime | None]:
        while True:
            try:
                return await self._leases.complete(batch)
            except DatabaseUnavailableError:
                # Late is better than not: until somebody else has claimed it, the token is still good. If
                # only the answer was lost, it is written down already, and the next try finds no such lease.
                await asyncio.sleep(TRY_AGAIN_SECONDS)
