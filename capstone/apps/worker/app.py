"""The wiring of a worker: which job is whose handler's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from apps.worker.settings import WORKER_ROLE, WorkerSettings
from apps.worker.traced import TracedPoster
from auth import RefreshPolicy
from core.audit.checkpoints import Signer
from core.errors import StoreUnavailableError
from core.files.blobs import Blobs
from core.files.service import FileSweeper
from core.identifiers import new_id
from core.inbox.domain import RECEIVE
from core.inbox.receiver import Receiver
from core.jobs.domain import Backoff
from core.jobs.procrastinate_queue import ProcrastinateQueue
from core.jobs.runner import Handler, Rules, Runner
from core.mail.outbox import Outbox
from core.projects.actions import PUBLISH, Publisher
from core.unit_of_work import NOBODY, BeginUnitOfWork, unit_of_work
from core.webhooks.announcer import Announcer
from core.webhooks.deliverer import Deliverer
from core.webhooks.domain import DELIVER, DisableRules
from core.webhooks.secrets import Sealer
from service_kit.database import Database
from service_kit.egress import EgressGuard
from service_kit.outgoing import Poster
from service_kit.smtp import SmtpServer
from service_kit.tracers import tracer_of

NAME: Final = "capstone-worker"
SWEEP_SECONDS: Final = 1.0
TIDY_SECONDS: Final = 60.0
FILES_SECONDS: Final = 3.0
RENEWALS: Final = 3
"""How often in a lease it is lengthened: two of them may be lost."""
NO_TOKENS: Final = RefreshPolicy([bytes(32)])
"""A worker issues none."""

log = structlog.get_logger()


class Worker:
    """One of any number."""

    def __init__(
        self,
        begin: BeginUnitOfWork,
        runner: Runner,
        outbox: Outbox,
        files: FileSweeper,
        queue: ProcrastinateQueue,
        settings: WorkerSettings,
    ) -> None:
        self._begin = begin
        self._runner = runner
        self._outbox = outbox
        self._files = files
        self._queue = queue
        self._settings = settings

    def stop(self, by: float) -> None:
        """Take nothing new, and have `run` return when what runs has ended."""
        del by  # what does not end in time is cut off, and its lease lapses
        self._queue.stop()

    async def run(self) -> None:
        """Work until told to stop."""
        beside = [
            asyncio.create_task(self._outbox.run()),
            asyncio.create_task(_again_and_again(self._tidy, TIDY_SECONDS)),
            asyncio.create_task(_again_and_again(self._runner.sweep, SWEEP_SECONDS)),
            asyncio.create_task(_again_and_again(self._files.sweep, FILES_SECONDS)),
            asyncio.create_task(
                _again_and_again(self._runner.renew, self._settings.lease_seconds / RENEWALS)
            ),
        ]
        await self._queue.listen(self._look, self._settings.concurrency)
        for task in beside:
            task.cancel()

    async def _look(self) -> None:
        """Do what a wake is for: a mail was promised, or a job is due."""
        self._outbox.wake()
        await self._runner.run_next()

    async def _tidy(self) -> None:
        """Forget what has expired."""
        async with self._begin(NOBODY) as uow:
            await uow.email_tokens.purge()
            await uow.mails.purge()
            await uow.login_guesses.purge()
            await uow.idempotency.purge()
            await uow.deliveries.purge()
            await uow.refresh_tokens.purge()
            await uow.commit()


@asynccontextmanager
async def create_worker(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Put a worker together, and close what it used when it is done."""
    url, role = str(settings.database_url), {"role": WORKER_ROLE}
    queue = ProcrastinateQueue(url, NAME, role)
    database = Database(
        url,
        NAME,
        StoreUnavailableError,
        pool_size=settings.concurrency + 2,
        session_settings=role,
    )
    announcer = Announcer(
        queue,
        Signer(bytes.fromhex(settings.audit_key.get_secret_value())),
        new_id,
        settings.delivery_attempts,
        settings.checkpoint_entries,
    )
    begin = partial(unit_of_work, database, NO_TOKENS, announcer)
    guard = EgressGuard(allow_private=settings.allow_private_destinations)
    tracer = tracer_of(settings.otel_exporter_otlp_endpoint, NAME)
    poster = TracedPoster(Poster(guard, settings.call_timeout_seconds), tracer)
    backoff = Backoff(settings.backoff_seconds)
    sealer = Sealer(bytes.fromhex(settings.sealing_key.get_secret_value()))
    failing = DisableRules(settings.disable_failures, timedelta(seconds=settings.disable_seconds))
    handlers: dict[str, Handler] = {
        PUBLISH: Publisher(begin, poster),
        RECEIVE: Receiver(begin),
        DELIVER: Deliverer(begin, queue, poster, sealer, failing, backoff, new_id),
    }
    rules = Rules(timedelta(seconds=settings.lease_seconds), backoff)
    smtp = SmtpServer(settings.smtp_url, settings.mail_from)
    life = timedelta(seconds=settings.mail_token_seconds)
    outbox = Outbox(begin, smtp.send, settings.public_origin, life)
    files = FileSweeper(begin, Blobs(settings.data_dir), settings.file_link_seconds)
    yield Worker(begin, Runner(begin, queue, handlers, rules, tracer), outbox, files, queue, settings)
    await database.close()
    tracer.close()


async def _again_and_again(work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    while True:
        try:
            await work()
        except StoreUnavailableError as error:
            log.warning("the store does not answer", reason=str(error))
        await asyncio.sleep(pause_seconds)
