"""Readiness: whether this process may be sent traffic now. Health, whether it is alive, touches nothing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, wait

import structlog

from service_kit.daemon_thread import on_daemon_thread
from service_kit.json_text import Json
from service_kit.stop import is_stopping

# Returns if the dependency answers, raises if it does not.
type Check = Callable[[], None]
type AsyncCheck = Callable[[], Awaitable[None]]

log = structlog.get_logger()


class Readiness:
    """Runs all checks at once, each on a thread of its own, and waits no longer than the timeout.

    A check that hangs is joined by the next call and not started again: it never costs more than one thread.
    """

    def __init__(self, checks: Mapping[str, Check], timeout_seconds: float) -> None:
        self._checks = checks
        self._timeout_seconds = timeout_seconds
        self._running: dict[str, Future[None]] = {}
        self._lock = threading.Lock()

    def report(self) -> tuple[int, dict[str, Json]]:
        """Return the status of the answer and its document."""
        with self._lock:
            futures = {name: self._start(name, check) for name, check in self._checks.items()}
        wait(futures.values(), self._timeout_seconds)
        return summarise({name: outcome(name, future) for name, future in futures.items()})

    def _start(self, name: str, check: Check) -> Future[None]:
        running = self._running.get(name)
        if running is None or running.done():
            running = self._running[name] = on_daemon_thread(check, f"ready-{name}")
        return running


async def report_async(
    checks: Mapping[str, AsyncCheck], timeout_seconds: float
) -> tuple[int, dict[str, Json]]:
    """Do the same with coroutines; the timeout cancels those that hang."""
    tasks = {name: asyncio.ensure_future(check()) for name, check in checks.items()}
    if tasks:
        _, late = await asyncio.wait(tasks.values(), timeout=timeout_seconds)
        for task in late:
            task.cancel()
    return summarise({name: outcome(name, task) for name, task in tasks.items()})


def outcome(name: str, future: Future[None] | asyncio.Future[None]) -> str:
    """Name the result. Of an exception only its class is kept: its text may hold a connection string."""
    if not future.done():
        log.warning("dependency not ready", dependency=name, reason="timeout")
        return "timeout"
    if error := future.exception():
        log.warning("dependency not ready", dependency=name, reason=type(error).__name__)
        return "unavailable"
    return "ok"


def summarise(outcomes: Mapping[str, str]) -> tuple[int, dict[str, Json]]:
    """Return 200 when every check passed, else 503, and the document that says which did not.

    Who is about to stop is not ready, whatever else is well: a proxy then sends what is new elsewhere.
    """
    ready = all(result == "ok" for result in outcomes.values())
    status = "stopping" if is_stopping() else "ready" if ready else "unavailable"
    return 200 if status == "ready" else 503, {"status": status, "checks": dict(outcomes)}
