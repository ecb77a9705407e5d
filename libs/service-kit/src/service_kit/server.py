"""Runs an application on granian: a parent that listens to signals, and workers that answer requests."""

import contextlib
import fcntl
import logging
import math
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.synchronize import Lock
from pathlib import Path
from typing import Literal, Protocol, override

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from service_kit import collector, logs
from service_kit.metrics import MULTIPROCESS_DIRECTORY
from service_kit.settings import EX_SOFTWARE, ServiceSettings
from service_kit.stop import STOP_SIGNALS, Stop

# A request's line and headers together; more gets 431. granian's own default is 400 KiB.
HEADERS_LIMIT_BYTES = 32 * 1024
METRICS = "service-metrics-"
LOCK = "lock"
# Connections a worker holds open, idle ones included: granian accepts no more until one closes.
CONNECTIONS_PER_WORKER = 1024

log = structlog.get_logger()


def serve(
    target: str,
    settings: ServiceSettings,
    interface: Literal["wsgi", "asgi"] = "wsgi",
    *,
    drain_seconds: float = 0.0,
) -> None:
    """Serve `module:factory` until SIGTERM or SIGINT; each worker calls the factory with the settings.

    Told to stop, it goes on for `drain_seconds`, in which `/health` and `/ready` are 503: so a proxy can take
    it out first.
    Returns after a stop, once the requests that were running are answered. Exits with 1 if the address cannot
    be listened on, or a worker dies or cannot start: the supervisor's task is to restart the whole.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))  # until granian sets its own
    logs.configure(settings.log_level)
    address = listenable(settings.listen_address, settings.port)
    with metrics_directory(settings.web_concurrency):
        server = Server(
            target,
            address=address,
            port=settings.port,
            interface=Interfaces(interface),
            workers=settings.web_concurrency,
            blocking_threads=settings.web_threads if interface == "wsgi" else 1,
            backlog=CONNECTIONS_PER_WORKER,
            backpressure=CONNECTIONS_PER_WORKER,
            loop=Loops.asyncio,  # another one, were it installed, would take the signals from `stop`
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(max_buffer_size=HEADERS_LIMIT_BYTES),
            websockets=False,
            workers_kill_timeout=settings.shutdown_timeout_seconds + math.ceil(drain_seconds),
            log_level=LogLevels.warning,
            log_dictconfig={"loggers": {}, "handlers": {}, "formatters": {}},
        )
        # Said by Server.shutdown, which knows whether it was unexpected.
        logging.getLogger("_granian").addFilter(lambda record: "Unexpected exit" not in record.getMessage())
        log.info("starting", address=address, port=settings.port, workers=settings.web_concurrency)
        loader = partial(load_application, target, settings, multiprocessing.Lock(), drain_seconds)
        server.serve(target_loader=loader, wrap_loader=False)
    log.info("stopped")


def listenable(host: str, port: int) -> str:
    """Return the address of a host after trying to bind it, or say in one line why that fails and exit.

    granian binds with SO_REUSEPORT, so that two services on one port would silently share its connections.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:  # the second for a name with a part that is too long
        reason = error.strerror if isinstance(error, OSError) else "it is no host"
        sys.stderr.write(f"server: cannot listen on port {port} of {host}: {reason}\n")
        raise SystemExit(1) from error
    return str(address[0])


@contextlib.contextmanager
def metrics_directory(workers: int) -> Iterator[None]:
    """Give several workers a place where their metrics meet; see `service_kit.metrics`."""
    for name in (MULTIPROCESS_DIRECTORY, MULTIPROCESS_DIRECTORY.lower()):
        os.environ.pop(name, None)  # of the program that has started this one, where it counts its own
    if workers == 1:
        yield
        return
    # In memory, and writable in a container with a read-only root.
    shared_memory = Path("/dev/shm")  # noqa: S108 - the directory made in it is private
    parent = shared_memory if shared_memory.is_dir() else Path(tempfile.gettempdir())
    remove_abandoned(parent)
    starting = Path(tempfile.mkdtemp(prefix="starting-", dir=parent))
    # The lock is held until the last of the processes has ended, however it ends.
    with (starting / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = starting.rename(parent / starting.name.replace("starting-", METRICS, 1))
        os.environ[MULTIPROCESS_DIRECTORY] = str(directory)
        try:
            yield
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def remove_abandoned(parent: Path) -> None:
    """Remove what services that were killed have left."""
    for directory in parent.glob(f"{METRICS}*"):
        with contextlib.suppress(OSError), (directory / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)


class Server(MPServer):
    """granian's server, with our view of what counts as a failure."""

    @override
    def _spawn_workers(self, spawn_target: object, target_loader: object) -> None:
        # A forked worker begins with its parent's handlers, in which a signal would vanish. So signals wait
        # until it has its own, and until the parent has all its workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # granian's
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        for worker in self.wrks:
            worker.is_alive = partial(is_running, worker.inner.sentinel)  # type: ignore[method-assign]

    @override
    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers, and exit with 1 if one has failed.

        To granian each end that it did not ask for is a failure. But one with code 0 only means that the
        signal, sent to the whole process group, reached the worker before its parent.
        """
        failures = [code for worker in self.wrks if (code := worker.inner.exitcode)]
        with contextlib.suppress(SystemExit):
            super().shutdown(exit_code)  # type: ignore[no-untyped-call]  # granian's
        for code in failures:
            if code != EX_SOFTWARE:  # else the worker has said why
                log.critical("worker died", exit_code=code)
        if failures:
            raise SystemExit(1)


def is_running(sentinel: int) -> bool:
    """Tell by its sentinel whether a process has not ended yet.

    `Process.is_alive` cannot tell at this moment: a thread of granian's waits for each worker too, and of two
    that wait for a process the second is told that there is none, and takes it for alive.
    """
    return not wait([sentinel], timeout=0)


class Application(Protocol):
    """What WSGI and ASGI have in common: it is called."""

    def __call__(self, *arguments: object) -> object:
        """Answer a request."""
        ...


def load_application(
    target: str, settings: ServiceSettings, reporter: Lock, drain_seconds: float
) -> Application:
    """Make the application, in a worker. What prevents it is logged once, by the first worker to meet it."""
    stop = Stop(drain_seconds)
    stop.listen()
    logs.configure(settings.log_level)
    try:
        module, _, factory = target.partition(":")
        with collector.paused():
            application: Application = getattr(import_module(module), factory)(settings)
    except Exception:
        # The parent stops all workers as soon as one has failed, and that may not be the one that reports.
        stop.defer()
        if reporter.acquire(block=False):
            log.critical("cannot start", target=target, exc_info=True)
        sys.exit(EX_SOFTWARE)
    stop.defer()
    return application
