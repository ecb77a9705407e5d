"""The leases that one worker holds: renewed while their attempts run, completed or given back."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from reminders.domain import Claim, Completion, Due, Lease
from reminders.due_index import DueIndex
from reminders.errors import DatabaseUnavailableError
from reminders.leases import Leases

RENEWALS_PER_LEASE: Final = 3
MOST_AT_ONCE: Final = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A claim and its attempt, which ends with the lease: past it another worker may be making the next."""

    claim: Claim
    attempt: asyncio.Task[None]
    time_limit: asyncio.Timeout

    def extend(self, ends_at: float) -> None:
        if not self.attempt.done() and not self.time_limit.expired():
            self.time_limit.reschedule(ends_at)


class HeldLeases:
    """Renews, completes and gives back what is held."""

    def __init__(self, leases: Leases, index: DueIndex, lease_seconds: float) -> None:
        self._leases = leases
        self._index = index
        self._lease_seconds = lease_seconds
        self._held: dict[Lease, HeldLease] = {}
        self._completions: asyncio.Queue[Completion] = asyncio.Queue()
        self._let_go = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, held: HeldLease) -> None:
        self._held[held.claim.lease] = held

    def drop(self, lease: Lease) -> None:
        """Let go without a word to anybody: when the lease ends, another worker finds the reminder."""
        self._held.pop(lease, None)
        self._let_go.set()

    def complete(self, completion: Completion) -> None:
        """Have it written down how an attempt ended; the lease is held until that is done."""
        self._completions.put_nowait(completion)

    async def wait_for_room(self) -> None:
        """Return when a lease has been let go of, or when interrupted."""
        await self._let_go.wait()
        self._let_go.clear()

    def interrupt(self) -> None:
        self._let_go.set()

    async def wait_until_written(self) -> None:
        """Return when all attempts that have ended are written down."""
        await self._completions.join()

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
            batch = [await self._completions.get()]
            while not self._completions.empty() and len(batch) < MOST_AT_ONCE:
                batch.append(self._completions.get_nowait())
            await self._write(batch)
            for _ in batch:
                self._completions.task_done()

    async def give_back(self) -> None:
        """Give back what was broken off: it is due at once, and its attempt does not count."""
        unfinished = [lease for lease, held in self._held.items() if held.attempt.cancelled()]
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
            elif not held.attempt.done():
                log.warning("lease lost to another worker", reminder_id=lease.reminder_id, lease=lease.token)
                held.attempt.cancel()
                self.drop(lease)

    async def _write(self, batch: list[Completion]) -> None:
        due_at = await self._leases.complete(batch)
        for completion in batch:
            lease = completion.claim.lease
            if lease not in due_at:
                log.warning(
                    "completion refused: the lease is over, or an earlier try was written down",
                    reminder_id=lease.reminder_id,
                    lease=lease.token,
                )
            self.drop(lease)
        await self._index.enter(Due(lease.reminder_id, at) for lease, at in due_at.items() if at is not None)
