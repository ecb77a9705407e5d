"""The wiring of a worker: which job is whose handler's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from apps.worker.settings import WORKER_ROLE, WorkerSettings
from auth import RefreshPolicy
from core.errors import StoreUnavailableError
from core.jobs.domain import Backoff
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.jobs.runner import Rules, Runner
from core.projects.actions import PUBLISH, Publisher
from core.unit_of_work import unit_of_work
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.outgoing import Poster

NAME: Final = "capstone-worker"
SWEEP_SECONDS: Final = 1.0
RENEWALS: Final = 3
"""How often in a lease it is lengthened: two of them may be lost."""
NO_TOKENS: Final = RefreshPolicy([bytes(32)])
"""A worker issues none."""

log = structlog.get_logger()


class Worker:
    """One of any number."""

    def __init__(self, runner: Runner, queue: ProcrastinateQueue, settings: WorkerSettings) -> None:
        self._runner = runner
        self._queue = queue
        self._settings = settings

    def stop(self, by: float) -> None:
        """Take nothing new, and have `run` return when what runs has ended."""
        del by  # what does not end in time is cut off, and its lease lapses
        self._queue.stop()

    async def run(self) -> None:
        """Work until told to stop."""
        beside = [
            asyncio.create_task(_again_and_again(self._runner.sweep, SWEEP_SECONDS)),
            asyncio.create_task(
                _again_and_again(self._runner.renew, self._settings.lease_seconds / RENEWALS)
            ),
        ]
        await self._queue.listen(self._runner.run_next, self._settings.concurrency)
        for task in beside:
            task.cancel()


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    url, role = str(settings.database_url), {"role": WORKER_ROLE}
    database = Database(
        url,
        NAME,
        StoreUnavailableError,
        pool_size=settings.concurrency + 2,
        session_settings=role,
    )
    queue = ProcrastinateQueue(url, NAME, role)
    begin = partial(unit_of_work, database, NO_TOKENS)
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    handlers = {PUBLISH: Publisher(begin, Poster(guard, settings.call_timeout_seconds))}
    rules = Rules(timedelta(seconds=settings.lease_seconds), Backoff(settings.backoff_seconds))
    yield Worker(Runner(begin, queue, handlers, rules), queue, settings)
    await database.close()


async def _again_and_again(work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    while True:
        try:
            await work()
        except StoreUnavailableError as error:
            log.warning("the store does not answer", reason=str(error))
        await asyncio.sleep(pause_seconds)
