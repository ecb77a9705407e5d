"""The processes in which checks run side by side."""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

from kata.catalog.projects import Project
from kata.check.run import Answer, Begin, Order, Run
from kata.check.worker import work_in_process
from kata.errors import KataError
from kata.options import Options
from kata.servers.databases import PostgresServer
from kata.servers.postgres import EmbeddedPostgres
from kata.system.child import describe_exit

_END_SECONDS = 30.0  # a worker that ends stops its services first, each within ten seconds
_SHOWN_LINES = 120  # the stack of a crash has a hundred, and its first line says which

type _Channel = Connection[Order, Answer]


@dataclass(eq=False)
class _WorkerProcess:
    number: int
    process: BaseProcess
    channel: _Channel
    said: Path
    busy: bool = field(default=True)  # until it has collected

    def last_words(self) -> list[str]:
        return self.said.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]


class Pool:
    """Worker processes, each in a session of its own: Ctrl-C reaches them through this process alone.

    On Linux they are forked from this process, which has imported already what takes them most of a second.
    They are forked before anything else is started: a fork copies one thread, and the locks of all.
    """

    def __init__(self, project: Project, options: Options, run: Run, most_workers: int) -> None:
        self._project = project
        self._options = options
        self._run = run
        self._most_workers = most_workers
        self._stack = ExitStack()
        self._idle: list[_WorkerProcess] = []
        self._workers: list[_WorkerProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def work(self) -> None:
        """Do all that the run asks for.

        Raises:
            KataError: a worker died.

        """
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kata-")))
        folder.chmod(0o755)  # PostgreSQL may run under another uid and has to reach its folder
        for number in range(self._most_workers):
            self._start(number, folder / f"worker-{number + 1}")
        postgres = self._postgres(folder) if "postgres" in self._project.needs else None
        self._employ(postgres)  # the first one says how many are of use
        while not self._run.over:
            while 0 < len(self._workers) < self._run.workers:
                self._employ(postgres)
            self._give_orders()
            self._take_answers()

    def _start(self, number: int, said: Path) -> None:
        forks = sys.platform == "linux" and threading.active_count() == 1
        context = multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
        ours, its = multiprocessing.Pipe()
        process = context.Process(
            target=work_in_process, args=(self._project, self._options, its, os.getpid(), said)
        )
        process.start()
        its.close()
        self._idle.append(_WorkerProcess(number, process, ours, said))

    def _postgres(self, folder: Path) -> PostgresServer:
        """Start one server for all workers, so that what one has prepared in it the others can copy."""
        server = EmbeddedPostgres(folder / "postgres", syncs=False, clients=self._most_workers)
        self._stack.callback(server.kill)
        server.start()
        return server.address

    def _employ(self, postgres: PostgresServer | None) -> None:
        employed = self._idle.pop(0)
        self._workers.append(employed)
        self._send(employed, Begin(postgres))

    def _give_orders(self) -> None:
        for worker in self._workers:
            if not worker.busy and (order := self._run.order_for(worker.number)) is not None:
                self._send(worker, order)
                worker.busy = True

    def _take_answers(self) -> None:
        by_channel = {worker.channel: worker for worker in self._workers}
        for channel in wait(list(by_channel)):
            assert isinstance(channel, Connection)
            worker = by_channel[channel]
            try:
                answer: Answer = channel.recv()
            except (EOFError, ConnectionError):
                raise _death(worker) from None
            worker.busy = False
            self._run.take(worker.number, answer)

    def _send(self, worker: _WorkerProcess, message: Order) -> None:
        try:
            worker.channel.send(message)
        except ConnectionError:
            raise _death(worker) from None

    def _close(self) -> None:
        """Interrupt what still works, and wait until each has closed its world."""
        started = [*self._workers, *self._idle]
        for worker in started:
            if worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT)
            worker.channel.close()
        deadline = time.monotonic() + _END_SECONDS
        for worker in started:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        self._stack.close()


def _death(worker: _WorkerProcess) -> KataError:
    worker.process.join()
    words = "".join(f"\n  | {line}" for line in worker.last_words())
    return KataError(
        f"worker {worker.number + 1} of the verifier {describe_exit(worker.process.exitcode)}{words}"
    )
