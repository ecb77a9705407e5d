"""Where passwords are hashed: in a few threads, for which only so many may wait."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from sessions.errors import TooManyLoginsError

NICENESS: Final = 10


class HashingPool:
    """A bound for memory and processors: a flood of logins is refused, and all other requests go on."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._most = concurrency + queue
        self._inside = 0
        # As many again: they are looked up while others are hashed, so that no thread waits for a database.
        self._slots = asyncio.Semaphore(2 * concurrency)
        self._threads = ThreadPoolExecutor(concurrency, "hashing", step_back)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for one's turn. Raises: TooManyLoginsError at once, if too many wait already."""
        if self._inside >= self._most:
            raise TooManyLoginsError
        self._inside += 1
        try:
            async with self._slots:
                yield
        finally:
            self._inside -= 1

    async def run[**P, T](self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do the work in the next thread that is free; who calls has a slot."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*arguments, **options))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def step_back() -> None:
    """Let this thread give way to those that answer requests. On Linux alone threads have a niceness."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
