"""What the embedded servers share: a program from a wheel, a folder, a private port, a bounded start."""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from kata.errors import LaunchError
from kata.system.child import ChildProcess, describe_exit
from kata.system.ports import HOST, free_port, is_free

_START_TIMEOUT_SECONDS = 20.0
_STOP_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.01
_SHOWN_LINES = 10


class EmbeddedServer(ABC):
    """A server that this process starts, owns and ends; it keeps its port over restarts."""

    label: str
    stop_signal: signal.Signals

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.port = free_port(HOST) if port is None else port
        self._process: ChildProcess | None = None

    @property
    def alive(self) -> bool:
        """True while the server's process exists."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """None before the first start and while it runs."""
        return self._process.exit_code if self._process is not None else None

    def log(self) -> list[str]:
        """Return the last lines that the server wrote since it was started."""
        return self._process.output() if self._process is not None else []

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises: LaunchError in one line if the port is taken, else with the end of the server's log.
        """
        if self.alive:
            return
        if not is_free(HOST, self.port):
            raise LaunchError(f"{self.label} can't start: port {self.port} is in use")
        try:
            self._prepare()
        except OSError as error:
            raise LaunchError(f"{self.label} can't start: {error}") from error
        self._process = ChildProcess(
            self.label,
            self._argv(),
            self.data_dir,
            self._environment(),
            before_exec=self._before_exec(),
            death_signal=self.stop_signal,
        )
        self._process.start()
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        """Stop the server cleanly, and with SIGKILL if it takes longer than ten seconds."""
        if self._process is not None:
            self._process.terminate(_STOP_TIMEOUT_SECONDS, self.stop_signal)

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash does."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop and start with the same data on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server: it accepts connections and never answers."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._process is not None:
            self._process.resume()

    @abstractmethod
    def _argv(self) -> Sequence[str]:
        """Return the server's command line."""

    @abstractmethod
    def _answers(self) -> bool:
        """Ask the server something small, within a second."""

    def _prepare(self) -> None:
        """Make the data folder fit for a start."""
        self.data_dir.mkdir(parents=True, exist_ok=True)

    def _before_exec(self) -> Callable[[], None] | None:
        return None

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

    def _wait_until_it_answers(self, process: ChildProcess) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while process.alive:
            if self._answers():
                return
            if time.monotonic() > deadline:
                process.kill()
                raise self._failure(f"did not answer within {_START_TIMEOUT_SECONDS:g} s", process)
            time.sleep(_POLL_SECONDS)
        raise self._failure(f"{describe_exit(process.exit_code)} before it answered", process)

    def _failure(self, what: str, process: ChildProcess) -> LaunchError:
        log = "\n".join(f"  {line}" for line in process.output()[-_SHOWN_LINES:])
        return LaunchError(f"{self.label} {what}:\n{log}")
