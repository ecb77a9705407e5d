"""Blocking calls on threads that nobody waits for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread


async def run_detached[T](call: Callable[[], T]) -> T:
    """Run what blocks and cannot be cancelled, such as the look-up of a name, on a thread of its own.

    The event loop's own pool has few threads, and a process that ends waits for each of them to come back.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name="detached", daemon=True).start()
    return await asyncio.wrap_future(future)
