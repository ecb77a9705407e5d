"""How a change reaches every process: by news from Redis, and, because news are lost, by asking both stores.

Either store is enough. Redis has the snapshot and the kills; PostgreSQL has the truth, and is asked for its
version alone unless that is newer. A process that finds Redis empty or behind fills it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Final

import structlog

from flags.errors import StoreUnavailableError
from flags.node import Node
from flags.repository import Reader
from flags.shared import LOSSES, Shared
from flags.snapshots import SnapshotFile, read

POLL_SECONDS: Final = 0.25
"""Twice, with the time of an answer, is less than the second in which a change has to be everywhere."""
KILLS_KEPT_SECONDS: Final = 3600.0
"""A process that was away for longer than that has the ruleset by then, which knows them."""
NEWS_SECONDS: Final = 5.0

log = structlog.get_logger()

type Chore = Callable[[bool], Awaitable[None]]
"""What is done while PostgreSQL answers; it is told whether a scheduled change is due."""


class Spreading:
    """Keeps a node up to date."""

    def __init__(self, node: Node, reader: Reader, shared: Shared, file: SnapshotFile) -> None:
        self._node = node
        self._reader = reader
        self._shared = shared
        self._file = file
        self._wanted = asyncio.Event()
        self._pulling = asyncio.Lock()
        self._last_pull: tuple[float, bool] = (float("-inf"), False)
        self._saved: object = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, chore: Chore) -> None:
        """Serve what is on the disk, and begin to watch the stores."""
        if (found := self._file.load()) is not None:
            await self._node.begin_with(*found)
        watches = (self._watch_database(chore), self._watch_redis(), self._hear_news(), self._keep_on_disk())
        self._tasks = [asyncio.create_task(watch) for watch in watches]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def hurry(self) -> None:
        """Have Redis asked at once; PostgreSQL is asked often enough."""
        self._wanted.set()

    async def pull(self) -> bool:
        """Take over what PostgreSQL has, and tell whether it has answered a question asked after this call.

        Many who ask at once share one answer.
        """
        asked = monotonic()
        async with self._pulling:
            started, answered = self._last_pull
            if started < asked:
                started = monotonic()
                answered = await self._ask_database() is not None
                self._last_pull = started, answered
        return answered

    async def _ask_database(self) -> bool | None:
        """Return whether a scheduled change is due; None if PostgreSQL does not answer."""
        try:
            *state, is_due = await self._reader.head()
            if tuple(state) != self._known:
                snapshot = await self._reader.snapshot()
                if await self._node.offer(snapshot, from_database=True):
                    await self._shared.publish(snapshot, from_database=True)
        except StoreUnavailableError:
            return None
        self._node.confirm()
        return is_due

    @property
    def _known(self) -> tuple[str, int, int]:
        ruleset = self._node.ruleset
        return (ruleset.epoch, ruleset.version, ruleset.snapshot.kill_revision) if ruleset else ("", -1, -1)

    async def look(self) -> None:
        """Take over what Redis has, and fill it with what it has not."""
        head = await self._shared.head()
        if head is None:
            return
        ruleset = self._node.ruleset
        mine = (ruleset.epoch, ruleset.version) if ruleset is not None else ("", -1)
        if head != mine and head[1] >= 0 and (not mine[0] or (head[0] == mine[0] and head[1] > mine[1])):
            content = await self._shared.snapshot()
            if content is not None:
                with suppress(ValueError):
                    await self._node.offer(read(content)[0], from_database=False)
        elif head != mine and ruleset is not None:
            await self._shared.publish(ruleset.snapshot, from_database=False)
        if self._node.ruleset is not None:
            self._node.confirm()
            await self._exchange_kills(self._node.ruleset.epoch)

    async def _exchange_kills(self, epoch: str) -> None:
        theirs = await self._shared.kills(epoch)
        if theirs is None:
            return
        await self._node.merge(theirs)
        known = {(kill.id, kill.version) for kill in theirs}
        for kill in self._node.overlay.all():
            if (kill.id, kill.version) not in known:
                await self._shared.put_kill(epoch, kill)
        old = self._node.overlay.forget(time.time() - KILLS_KEPT_SECONDS)
        await self._shared.drop_kills(epoch, [kill.id for kill in old])

    async def _watch_database(self, chore: Chore) -> None:
        while True:
            try:
                is_due = await self._ask_database()
                if is_due is not None:
                    await chore(is_due)
            except StoreUnavailableError:
                pass
            except Exception:
                log.exception("asking PostgreSQL has failed")
            await asyncio.sleep(POLL_SECONDS)

    async def _watch_redis(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("asking Redis has failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), POLL_SECONDS)
            self._wanted.clear()

    async def _hear_news(self) -> None:
        while True:
            try:
                async with self._shared.news() as subscription:
                    self._wanted.set()  # for what was said before
                    while True:
                        message = await subscription.get_message(
                            ignore_subscribe_messages=True, timeout=NEWS_SECONDS
                        )
                        if message is None:
                            await subscription.ping()
                        else:
                            self._wanted.set()
            except LOSSES:
                await asyncio.sleep(POLL_SECONDS)

    async def _keep_on_disk(self) -> None:
        while not self._node.is_stopping:  # for then no wait lasts, and the loop would have no end
            ruleset, kills = self._node.ruleset, self._node.overlay.all()
            if ruleset is not None and (ruleset.snapshot, kills) != self._saved:
                self._saved = ruleset.snapshot, kills
                await asyncio.to_thread(self._file.save, ruleset.snapshot, kills)
            await self._node.wait_for_another(self._node.state, 1.0)
