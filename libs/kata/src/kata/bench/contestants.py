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


def load_on(
    name: str,
    port: int,
    path: str,
    connections: int,
    stack: ExitStack,
    *,
    body: bytes | None = None,
    status: int = 200,
) -> Measure:
    """Measure the answers per second of the server at that port; it is posted the JSON text, if there is one.

    Raises SystemExit: one of them had another status.
    """
    arguments = [str(port), str(connections), path, str(status), *([] if body is None else [body.decode()])]
    load = Contestant([sys.executable, "-m", "kata.bench.load", *arguments])
    stack.callback(load.close)

    def measure(seconds: float) -> float:
        load.begin(seconds)
        rate, wrong = load.result()
        if wrong != "0":
            raise SystemExit(f"{name}: {wrong} answers were not {status}")
        return float(rate)

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
