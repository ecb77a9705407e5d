"""The processes in which checks run side by side."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import IO, Self

from kata.catalog.projects import Project
from kata.check.run import Answer, Order, Run
from kata.errors import KataError
from kata.options import Options
from kata.system.child import describe_exit

_END_SECONDS = 30.0  # a worker that ends stops its services first, each within ten seconds
_SHOWN_LINES = 100  # the stack of a crash, whose first line says which

type _Channel = Connection[Order | tuple[Project, Options], Answer]


@dataclass(eq=False)
class _WorkerProcess:
    number: int
    process: subprocess.Popen[bytes]
    channel: _Channel
    said: IO[bytes]
    busy: bool = field(default=True)  # until it has collected

    def last_words(self) -> list[str]:
        self.said.seek(0)
        return self.said.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]


class Pool:
    """Worker processes, each in a session of its own: Ctrl-C reaches them through this process alone."""

    def __init__(self, project: Project, options: Options, run: Run) -> None:
        self._project = project
        self._options = options
        self._run = run
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
        self._add()  # the first one says how many are of use
        while not self._run.over:
            while 0 < len(self._workers) < self._run.workers:
                self._add()
            self._give_orders()
            self._take_answers()

    def _add(self) -> None:
        ours, its = Pipe()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "kata.check.worker", str(its.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
        its.close()
        self._workers.append(_WorkerProcess(len(self._workers), process, ours, said))
        ours.send((self._project, self._options))

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
                raise self._death(worker) from None
            worker.busy = False
            self._run.take(worker.number, answer)

    def _send(self, worker: _WorkerProcess, order: Order) -> None:
        try:
            worker.channel.send(order)
        except ConnectionError:
            raise self._death(worker) from None

    def _death(self, worker: _WorkerProcess) -> KataError:
        exit_code = worker.process.wait()
        words = "".join(f"\n  | {line}" for line in worker.last_words())
        return KataError(f"worker {worker.number + 1} of the verifier {describe_exit(exit_code)}{words}")

    def _close(self) -> None:
        """Interrupt what still works, and wait until each has closed its world."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGINT)
        deadline = time.monotonic() + _END_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.channel.close()
            worker.said.close()
