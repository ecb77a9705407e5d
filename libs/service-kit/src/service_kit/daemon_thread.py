"""What blocks and cannot be cancelled, such as the look-up of a host's name, on a thread of its own.

A pool, such as the event loop's own, has few threads, and a process that ends waits for each of them to come
back, however long it hangs.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread


def on_daemon_thread[T](call: Callable[[], T], name: str) -> Future[T]:
    """Begin a call; a coroutine awaits it with `asyncio.wrap_future`."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name=name, daemon=True).start()
    return future
