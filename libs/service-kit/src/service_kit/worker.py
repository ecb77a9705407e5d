"""A worker's process: start, work until a signal, stop in time, end with 0."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Annotated, Final, Protocol

import structlog
from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit import collector, logs
from service_kit.settings import LogLevel

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS: Final = 1.8
"""For a last word to a dependency that is silent: with the default time to stop, less than ten seconds."""

log = structlog.get_logger()


class WorkerSettings(BaseSettings):
    """The variables that every worker reads; it listens on no port."""

    model_config = SettingsConfigDict(frozen=True)

    log_level: Annotated[
        LogLevel,
        BeforeValidator(str.lower),
        Field(description="What is logged"),
    ] = "info"
    # Half of the 10 s that a supervisor waits between SIGTERM and SIGKILL: a last word to a dependency that
    # is silent comes after it, and on a busy machine all takes longer.
    shutdown_timeout_seconds: Annotated[
        int, Field(ge=1, le=60, description="How long a stop waits for what still runs")
    ] = 5


class Worker(Protocol):
    """What a process runs."""

    async def run(self) -> None:
        """Work; once told to stop, finish what is held or give it back, and return."""
        ...

    def stop(self, by: float) -> None:
        """Take nothing new, and have `run` return by then, a time of the event loop's clock."""
        ...


def worker_name() -> str:
    """Return what this process is called in its log, and wherever it leaves its name."""
    return f"{socket.gethostname()}:{os.getpid()}"


type CreateWorker[S] = Callable[[S], AbstractAsyncContextManager[Worker]]


def work(target: str, settings: WorkerSettings) -> None:
    """Run what `module:factory` makes of the settings, until SIGTERM or SIGINT.

    The factory is an asynchronous context manager: it yields the worker, and closes afterwards what it
    opened. Exits with 1 if the worker ends by itself, with an error or without, or does not stop in time.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))  # without a worker there is nothing to finish
    logs.configure(settings.log_level)
    module, _, factory = target.partition(":")
    with collector.paused():
        create: CreateWorker[WorkerSettings] = getattr(import_module(module), factory)
    try:
        asyncio.run(run_until_signal(create(settings), settings.shutdown_timeout_seconds))
    except Exception:
        log.critical("worker died", exc_info=True)
        raise SystemExit(1) from None


async def run_until_signal(
    created: AbstractAsyncContextManager[Worker], shutdown_timeout_seconds: float
) -> None:
    """Run a worker until a signal, and then no longer than it may take to stop."""
    name = worker_name()
    async with created as worker:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, told.set)
        log.info("starting", worker=name)
        running = asyncio.ensure_future(worker.run())
        telling = asyncio.ensure_future(told.wait())
        await asyncio.wait((running, telling), return_when=asyncio.FIRST_COMPLETED)
        if not told.is_set():
            telling.cancel()
            await running
            raise RuntimeError("the worker ended, and nobody had told it to")
        by = loop.time() + shutdown_timeout_seconds
        worker.stop(by)
        async with asyncio.timeout_at(by + GRACE_SECONDS):
            await running
    log.info("stopped", worker=name)
