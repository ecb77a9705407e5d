"""Runs an application on granian: a parent that listens to signals, and workers that answer requests."""

import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from multiprocessing.synchronize import Lock
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol, override

import structlog
from granian import _signals
from granian._granian import WorkerSignal
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from service_kit import logs
from service_kit.metrics import MULTIPROCESS_DIRECTORY
from service_kit.settings import EX_SOFTWARE, ServiceSettings

# A request's line and headers together; more gets 431. granian's own default is 400 KiB.
HEADERS_LIMIT_BYTES = 32 * 1024
# Connections a worker holds open, idle ones included: granian accepts no more until one closes.
CONNECTIONS_PER_WORKER = 1024
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger()


def serve(target: str, settings: ServiceSettings, interface: Literal["wsgi", "asgi"] = "wsgi") -> None:
    """Serve `module:factory` until SIGTERM or SIGINT; each worker calls the factory with the settings.

    Returns after a stop, once the requests that were running are answered. Exits with 1 if the address cannot
    be listened on, or a worker dies or cannot start: the supervisor's task is to restart the whole.
    """
    set_stop_handler(lambda *_: sys.exit(0))  # until granian sets its own
    logs.configure(settings.log_level)
    address = listenable(settings.host, settings.port)
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
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(max_buffer_size=HEADERS_LIMIT_BYTES),
            websockets=False,
            workers_kill_timeout=settings.shutdown_timeout_seconds,
            log_level=LogLevels.warning,
            log_dictconfig={"loggers": {}, "handlers": {}, "formatters": {}},
        )
        # Said by Server.shutdown, which knows whether it was unexpected.
        logging.getLogger("_granian").addFilter(lambda record: "Unexpected exit" not in record.getMessage())
        log.info("starting", address=address, port=settings.port, workers=settings.web_concurrency)
        loader = partial(load_application, target, settings, multiprocessing.Lock())
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
    except OSError as error:
        sys.stderr.write(f"server: cannot listen on port {port} of {host}: {error.strerror}\n")
        raise SystemExit(1) from error
    return str(address[0])


@contextlib.contextmanager
def metrics_directory(workers: int) -> Iterator[None]:
    """Give several workers a place where their metrics meet; see `service_kit.metrics`."""
    if workers == 1:
        yield
        return
    # In memory, and writable in a container with a read-only root.
    shared_memory = Path("/dev/shm")  # noqa: S108 - the directory made in it is private
    directory = tempfile.mkdtemp(prefix="metrics-", dir=shared_memory if shared_memory.is_dir() else None)
    os.environ[MULTIPROCESS_DIRECTORY] = directory
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Server(MPServer):
    """granian's server, with our view of what counts as a failure, and deaf to no signal."""

    @override
    def _spawn_workers(self, spawn_target: object, target_loader: object) -> None:
        # A forked worker first has its parent's handlers, in which a signal would vanish. So signals wait
        # until it has its own, and the parent has all its workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # granian's
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    @override
    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers. One that ended by itself with code 0 got the signal before its parent did."""
        codes = [worker.inner.exitcode for worker in self.wrks]
        if not any(codes):
            self.interrupt_children.clear()
        for code in codes:
            if code not in {None, 0, EX_SOFTWARE}:
                log.critical("worker died", exit_code=code)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]  # granian's


class Application(Protocol):
    """What WSGI and ASGI have in common: it is called."""

    def __call__(self, *arguments: object) -> object:
        """Answer a request."""
        ...


def load_application(target: str, settings: ServiceSettings, reporter: Lock) -> Application:
    """Make the application, in a worker. What prevents it is logged once, by the first worker to meet it."""
    set_stop_handler(lambda *_: os._exit(0))  # until granian sets its own
    _signals.set_sync_signals = _signals.set_loop_signals = stop_once
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    threading.Thread(target=stop_with_parent, daemon=True).start()
    logs.configure(settings.log_level)
    try:
        module, _, factory = target.partition(":")
        application: Application = getattr(import_module(module), factory)(settings)
    except Exception:
        # The parent stops all workers as soon as one has failed, and that may not be the one that reports.
        set_stop_handler(signal.SIG_IGN)
        if reporter.acquire(block=False):
            log.critical("cannot start", target=target, exc_info=True)
        sys.exit(EX_SOFTWARE)
    return application


def stop_once(loop: AbstractEventLoop | None = None) -> WorkerSignal:
    """Listen to the first signal only, in place of granian's functions that make a worker listen.

    Theirs passes each signal into a channel with room for one, and the first that finds it full waits for ever
    with the interpreter's lock in its hands: two signals while a worker starts, or three later, such as those of
    an impatient supervisor, and it never stops.
    """
    stop = WorkerSignal()

    def handle(*_: object) -> None:
        set_stop_handler(signal.SIG_IGN)
        stop.set()

    if loop is None:
        set_stop_handler(handle)
    else:
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, handle)
    return stop


def set_stop_handler(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, handler)


def stop_with_parent() -> None:
    """End this worker if its parent is killed: it would hold the port, out of any supervisor's sight."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
