"""The processes of a bench: what measures itself, and what is measured over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from kata.bench.load import Outcome, Request, written
from kata.system.ports import HOST, free_port

_START_TIMEOUT_SECONDS = 20.0
_STOP_TIMEOUT_SECONDS = 10.0

type Measure = Callable[[float], float]
"""Takes seconds, gives a rate."""


class Contestant:
    """A process that measures itself for as many seconds as a line of its stdin says.

    Several are told first and asked then, so that they measure at the same time.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def begin(self, seconds: float) -> None:
        """Have it measure."""
        stdin, _ = self._pipes()
        stdin.write(f"{seconds}\n")
        stdin.flush()

    def result(self) -> list[str]:
        """Return the words of the line that it answers with."""
        return self._pipes()[1].readline().split()

    def close(self) -> None:
        """Let it end."""
        stdin, stdout = self._pipes()
        stdin.close()
        self._process.wait(_STOP_TIMEOUT_SECONDS)
        stdout.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a contestant is started with pipes")
        return self._process.stdin, self._process.stdout


def together(crew: Sequence[Contestant]) -> Measure:
    """Measure what several reach at the same time, in sum."""

    def measure(seconds: float) -> float:
        for contestant in crew:
            contestant.begin(seconds)
        return sum(float(contestant.result()[0]) for contestant in crew)

    return measure


class Load:
    """Requests that are sent to the server at that port while it is told to."""

    def __init__(
        self, name: str, port: int, requests: Sequence[Request], connections: int, stack: ExitStack
    ) -> None:
        command = ["-m", "kata.bench.load", str(port), str(connections), written(requests)]
        self._name = name
        self._process = Contestant([sys.executable, *command])
        stack.callback(self._process.close)

    def begin(self, seconds: float) -> None:
        """Have it send requests for so long."""
        self._process.begin(seconds)

    def outcome(self) -> Outcome:
        """Return what came of it. Raises SystemExit: an answer was not the expected one."""
        rate, wrong, p50_ms, p99_ms = self._process.result()
        if wrong != "0":
            raise SystemExit(f"{self._name}: {wrong} answers were not the expected ones")
        return Outcome(float(rate), int(wrong), float(p50_ms), float(p99_ms))


def load_on(name: str, port: int, requests: Sequence[Request], connections: int, stack: ExitStack) -> Measure:
    """Measure the answers per second of the server at that port.

    Raises SystemExit: one of them was not the expected one.
    """
    load = Load(name, port, requests, connections, stack)

    def measure(seconds: float) -> float:
        load.begin(seconds)
        return load.outcome().rate

    return measure


def serve(command: Sequence[str], environment: Mapping[str, str], folder: Path, stack: ExitStack) -> int:
    """Start a server until the stack is closed, and return its port.

    The server is told by PORT, and by `{port}` in its command.
    """
    port = free_port()
    process = subprocess.Popen(
        [word.format(port=port) for word in command],
        env={**os.environ, **environment, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    stack.callback(_stop, process)
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not _accepts(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{command[0]} did not start")
        time.sleep(0.05)
    return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
