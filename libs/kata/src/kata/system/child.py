"""A child process in a group of its own, and all that can be done to it from outside."""

import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from pathlib import Path

from kata.errors import LaunchError
from kata.system.processes import group_runs, signal_group
from kata.system.spawned import Child, Spawned

KEPT_LINES = 200
_POLL_MILLISECONDS = 50
_READ_BYTES = 65_536
# A "line" that never ends is cut here, so that no output can fill the memory.
_LONGEST_LINE_BYTES = 65_536

OnLine = Callable[[str, str], None]


class ChildProcess:
    """One program in its own session: Ctrl-C in the terminal does not reach it, and signals go to its group.

    It is forked, read and reaped by one thread of its own. PR_SET_PDEATHSIG, by which it does not outlive
    a launcher that is killed with SIGKILL, fires when the *thread* that forked ends: after the child, here.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        on_line: OnLine | None = None,
        *,
        before_exec: Callable[[], None] | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._cwd = cwd
        self._env = dict(env)
        self._on_line = on_line
        self._before_exec = before_exec
        self._death_signal = death_signal
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._partial = b""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._spawned = futures.Future[None]()
        self._spawned.set_result(None)
        self._pid: int | None = None
        self._exit_code: int | None = None
        self._grace_until = 0.0
        self._had_to_be_killed = False

    @property
    def pid(self) -> int | None:
        """The group leader's id while it runs, else None."""
        return self._pid

    @property
    def alive(self) -> bool:
        """True until the whole group is gone."""
        return self._pid is not None

    @property
    def exit_code(self) -> int | None:
        """None before the start and while it runs; the negative signal number if a signal ended it."""
        return None if self.alive else self._exit_code

    def output(self) -> list[str]:
        """Return the last 200 lines of stdout and stderr, over all starts; the last may be unfinished."""
        with self._lock:
            return [*self._lines, _decode(self._partial)] if self._partial else list(self._lines)

    def start(self) -> None:
        """Start the command, again if it has ended.

        Raises: LaunchError if it can't be executed.
        """
        if self.alive:
            raise LaunchError(f"{self.name} is already running")
        if self._thread is not None:
            self._thread.join()
        self._exit_code = None
        self._grace_until = 0.0
        self._had_to_be_killed = False
        self._spawned = futures.Future[None]()
        self._thread = threading.Thread(
            target=self._run, args=(self._spawned,), name=f"process-{self.name}", daemon=True
        )
        self._thread.start()
        try:
            self._spawned.result()
        except (OSError, subprocess.SubprocessError) as error:
            raise LaunchError(f"{self.name} could not be started: {error}") from error

    def wait(self, timeout_seconds: float) -> int | None:
        """Wait for the end of the whole group; None if it still runs after the time-out."""
        if self._thread is not None:
            self._thread.join(timeout_seconds)
            if self._thread.is_alive():
                return None
        return self.exit_code

    def terminate(
        self, timeout_seconds: float = 10.0, stop_signal: signal.Signals = signal.SIGTERM
    ) -> int | None:
        """Ask the group to stop and wait; return the exit code, or None if it had to be killed."""
        self._grace_until = time.monotonic() + timeout_seconds
        self._signal(stop_signal)
        self._signal(signal.SIGCONT)  # a stopped process would not see the request
        if self.alive and self.wait(timeout_seconds) is None and self.alive:
            self._had_to_be_killed = True
            self.kill()
        elif self._thread is not None:
            self._thread.join()
        return None if self._had_to_be_killed else self.exit_code

    def kill(self) -> None:
        """End the group with SIGKILL and wait until it is gone."""
        self._grace_until = 0.0
        self._signal(signal.SIGKILL)
        if self._thread is not None:
            self._thread.join()

    def pause(self) -> None:
        """Freeze the group (SIGSTOP): its sockets stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused group go on; nothing happens to one that runs."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        futures.wait([self._spawned])  # start() may have been interrupted, by Ctrl-C for one
        with self._lock:
            if self._pid is not None:  # until the group is gone: no other process can have the id
                signal_group(self._pid, number)

    def _run(self, spawned: futures.Future[None]) -> None:
        try:
            process = self._spawn()
        except (OSError, subprocess.SubprocessError) as error:
            spawned.set_exception(error)
            return
        self._pid = process.pid
        spawned.set_result(None)
        with process.stdout as stdout:
            self._read_until_exit(process, stdout.fileno())
            if not self._grace_until:
                signal_group(process.pid, signal.SIGKILL)  # what a leader that ended by itself left behind
            exit_code = process.reap()
            self._end_leftovers(process.pid)
            self._read_what_is_left(stdout.fileno())
        with self._lock:
            self._exit_code = exit_code
            self._pid = None

    def _spawn(self) -> Spawned:
        """Start it. Raises: OSError, SubprocessError."""
        return Child(self._argv, self._cwd, self._env, self._death_signal, self._before_exec)

    def _read_until_exit(self, process: Spawned, descriptor: int) -> None:
        """Read until the leader has ended (not reaped yet); a grandchild may hold the pipe open longer."""
        poll = select.poll()  # not select(): a burst of clients takes more descriptors than its 1024
        poll.register(descriptor, select.POLLIN)
        while True:
            if poll.poll(_POLL_MILLISECONDS) and not self._read(descriptor):
                process.wait()
                return
            if process.has_ended():
                return

    def _end_leftovers(self, group: int) -> None:
        """Give what the leader left behind the rest of terminate()'s time, then kill it."""
        while time.monotonic() < self._grace_until and group_runs(group):
            time.sleep(_POLL_MILLISECONDS / 1000)
        if group_runs(group):
            self._had_to_be_killed |= self._grace_until > 0
            signal_group(group, signal.SIGKILL)

    def _read_what_is_left(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while poll.poll(0) and self._read(descriptor):
            pass
        if self._partial:
            self._take(b"\n")

    def _read(self, descriptor: int) -> bool:
        """Take what can be read; False at the end of the output."""
        data = os.read(descriptor, _READ_BYTES)
        if data:
            self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        with self._lock:
            *complete, partial = (self._partial + data).split(b"\n")
            if len(partial) > _LONGEST_LINE_BYTES:
                complete.append(partial)
                partial = b""
            lines = [_decode(line) for line in complete]
            self._lines.extend(lines)
            self._partial = partial
        if self._on_line is not None:
            for line in lines:
                self._on_line(self.name, line)


def describe_exit(exit_code: int | None) -> str:
    """Say how a process ended: `exited with code 1`, `was killed by SIGKILL`."""
    if exit_code is None:
        return "is still running"
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-exit_code}"


def _decode(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
