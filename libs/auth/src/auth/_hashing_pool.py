"""Where passwords are hashed: in a few threads, for which only so many may wait."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, get_native_id
from typing import Final

from auth._errors import HasherBusyError, SettingError

NICENESS: Final = 10
"""Hashing gives way to the thread that answers requests."""


class HashingPool:
    """Bounds memory and processors: a flood of logins is refused at once, and other requests go on."""

    def __init__(self, concurrency: int, queue: int) -> None:
        if concurrency < 1 or queue < 0:
            raise SettingError("hashing needs a thread at least, and a queue that is not negative")
        self._places = BoundedSemaphore(concurrency + queue)
        self._threads = ThreadPoolExecutor(concurrency, "hashing", _give_way)

    async def run[T](self, work: Callable[[], T]) -> T:
        """Do the work in a thread.

        Who gives up while waiting frees the place at once; who gives up later, when the thread is done.
        Raises: HasherBusyError at once, if no place is free.
        """
        if not self._places.acquire(blocking=False):
            raise HasherBusyError("too many passwords wait to be hashed")
        try:
            future = self._threads.submit(work)
        except RuntimeError:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    # On Linux alone a thread has a niceness of its own; elsewhere it would be the whole process's.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
