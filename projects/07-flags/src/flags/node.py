"""What this process serves: one immutable ruleset, which a newer one replaces in a single step."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

import structlog

from flags.kills import Kill, Overlay
from flags.ruleset import Ruleset, Snapshot

STALE_SECONDS: Final = 2.0
"""Of silence from both stores, after which answers tell their age: several polls."""

log = structlog.get_logger()

type State = tuple[str, int, int]
"""Epoch, version, kill revision."""


class Node:
    """Holds the ruleset. Readers take it once for each request, and see nothing half-changed."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._confirmed_at: float | None = None
        self._changed = asyncio.Condition()
        self.overlay = Overlay()
        self.ruleset: Ruleset | None = None
        self.is_stopping = False

    @property
    def state(self) -> State:
        return (self.ruleset.epoch, *self.ruleset.state) if self.ruleset is not None else ("", -1, -1)

    def confirm(self) -> None:
        """Note that a store has said that nothing newer is known."""
        self._confirmed_at = self._clock()

    async def begin_with(self, snapshot: Snapshot, kills: Iterable[Kill], age_seconds: float) -> None:
        """Serve what was on the disk, until a store is heard of."""
        self.overlay.merge(kills)
        await self.offer(snapshot, from_database=False)
        self._confirmed_at = self._clock() - max(age_seconds, STALE_SECONDS)

    @property
    def stale_seconds(self) -> float:
        """How long no store has been heard of; 0 as long as that is normal."""
        if self._confirmed_at is None:
            return 0.0
        silent = self._clock() - self._confirmed_at
        return silent if silent > STALE_SECONDS else 0.0

    async def offer(self, snapshot: Snapshot, *, from_database: bool) -> bool:
        """Serve a snapshot if it is newer, and tell whether it was. The database may begin a new epoch."""
        now = self.ruleset
        if now is not None:
            same = snapshot.epoch == now.epoch
            older = snapshot.version <= now.version and snapshot.kill_revision <= now.snapshot.kill_revision
            if (same and older) or (not same and not from_database):
                return False
            if not same:
                self.overlay = Overlay()
        await self._swap(snapshot)
        return True

    async def merge(self, kills: Iterable[Kill]) -> bool:
        """Take kills over, and tell whether that was news."""
        news = self.overlay.merge(kills)
        if news and self.ruleset is not None:
            await self._swap(self.ruleset.snapshot)
        return news

    async def _swap(self, snapshot: Snapshot) -> None:
        killed = self.overlay.flags(snapshot.version)
        self.ruleset = Ruleset(snapshot, killed, self.overlay.revision)
        log.info("ruleset in use", version=snapshot.version, killed=len(killed))
        await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def stop(self) -> None:
        """Have all that wait here give up."""
        self.is_stopping = True
        await self._wake()

    async def wait_for_another(self, state: State, timeout_seconds: float) -> None:
        await self.wait_while(lambda: self.state == state, timeout_seconds)

    async def wait_while(self, unchanged: Callable[[], bool], timeout_seconds: float) -> None:
        """Return when the state is another, the process stops, or the time is over."""
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(lambda: self.is_stopping or not unchanged())
        except TimeoutError:
            return
