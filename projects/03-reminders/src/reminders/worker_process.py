"""The worker's process: puts its parts together, as app.py does for the API, and runs it until a signal."""

import asyncio
import os
import random
import signal
import socket

import structlog

from reminders.callbacks import CallbackGuard
from reminders.delivery import Carrier, LogChannel, WebhookChannel
from reminders.domain import Channel
from reminders.lease import Leases
from reminders.mail import MailChannel
from reminders.scheduler import DueIndex
from reminders.settings import WorkerSettings
from reminders.unit_of_work import make_engine
from reminders.worker import Limits, Worker
from service_kit import logs

log = structlog.get_logger()


def work(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT."""
    logs.configure(settings.log_level)
    asyncio.run(run_worker(settings))


async def run_worker(settings: WorkerSettings) -> None:
    """Put a worker together and run it until SIGTERM or SIGINT."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    engine = make_engine(str(settings.database_url), pool_size=4)
    index = DueIndex(str(settings.redis_url))
    webhooks = WebhookChannel(
        CallbackGuard(allow_private=settings.allow_private_callbacks), settings.signing_key
    )
    carriers: dict[Channel, Carrier] = {Channel.LOG: LogChannel(), Channel.WEBHOOK: webhooks}
    if settings.smtp_url is not None:
        carriers[Channel.EMAIL] = MailChannel(
            str(settings.smtp_url), settings.smtp_from, settings.delivery_timeout_seconds
        )
    worker = Worker(
        Leases(engine, name, settings.lease_seconds, settings.max_attempts),
        index,
        carriers,
        settings.backoff,
        Limits(
            settings.worker_concurrency,
            settings.lease_seconds,
            settings.delivery_timeout_seconds,
            settings.shutdown_timeout_seconds,
        ),
        random.uniform,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    log.info("starting", worker=name)
    await worker.run()
    await webhooks.close()
    await index.close()
    await engine.dispose()
    log.info("stopped", worker=name)
