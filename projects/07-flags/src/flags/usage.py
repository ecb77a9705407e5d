"""Which variants are still served: counted in the process, added to Redis each second, lost with either."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from flags.evaluation import Outcome
from flags.shared import Shared

FLUSH_SECONDS: Final = 1.0
MOST_PENDING: Final = 100_000


class Usage:
    """Counts outcomes, and no errors."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._counts: Counter[Outcome] = Counter()
        self._task: asyncio.Task[None] | None = None

    def note(self, outcomes: Iterable[Outcome]) -> None:
        self._counts.update(outcomes)

    async def flush(self) -> None:
        """Add to what Redis has. What it does not take is tried again, up to a bound."""
        taken, self._counts = self._counts, Counter()
        counts: Counter[tuple[str, str]] = Counter()
        for outcome, count in taken.items():
            if not outcome.error:
                counts[outcome.flag, outcome.variant] += count
        if not counts:
            return
        now = time.time()
        if not await self._shared.count(counts, {flag: now for flag, _ in counts}) and (
            len(taken) <= MOST_PENDING
        ):
            self._counts.update(taken)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
