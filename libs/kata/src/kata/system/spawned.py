"""A program that was started: as a child of this process, or of one that nobody can tell from any other."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from kata.system.preexec import die_with_parent, hear_signals


class Spawned(Protocol):
    """The leader of a group and a session of its own, until it is reaped: so long its id is nobody else's."""

    pid: int
    stdout: IO[bytes]

    def has_ended(self) -> bool:
        """Tell whether the leader has ended."""

    def wait(self) -> None:
        """Wait until the leader has ended."""

    def reap(self) -> int:
        """Give its id back and return its exit code, the negative signal number if a signal ended it."""


class Child:
    """A child of this process."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        death_signal: signal.Signals,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        """Start it.

        Raises: OSError, SubprocessError.
        """
        parent_pid = os.getpid()

        # preexec_fn can deadlock where it takes a lock that another thread held at the fork: this one makes
        # system calls only. The way without it, an interpreter that calls prctl and then exec, costs 16 ms.
        def prepare() -> None:
            hear_signals()
            if before_exec is not None:
                before_exec()
            die_with_parent(parent_pid, death_signal)

        self._process = subprocess.Popen(  # noqa: S603 - running the given program is the purpose
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 - see above
        )
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self.stdout: IO[bytes] = self._process.stdout

    def has_ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> int:
        return self._process.wait()


# Run by an interpreter of its own, whose command line is this text and names nobody. What was its parent
# ends at once, so that it belongs to init. It starts the program, says its id and how it ended, and reaps it
# when it is told to. When this process is gone, it passes the signal on.
_STARTER = """
import os, select, signal, sys
report, order, number = map(int, sys.argv[1:4])
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    select.select([], [], [], 0.0005)
os.set_inheritable(report, False)
os.set_inheritable(order, False)
begun, beginning = os.pipe()
woken, waking = os.pipe()
os.set_blocking(waking, False)
signal.set_wakeup_fd(waking)
signal.signal(signal.SIGCHLD, lambda *_: None)
child = os.fork()
if not child:
    signal.set_wakeup_fd(-1)
    for own in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(own, signal.SIG_DFL)
    try:
        os.setsid()
        os.execvp(sys.argv[4], sys.argv[4:])
    finally:
        os._exit(127)
null = os.open(os.devnull, os.O_RDWR)
os.dup2(null, 1)
os.dup2(null, 2)
os.close(beginning)
os.read(begun, 1)
os.write(report, b"%d\\n" % child)
while (end := os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG)) is None:
    if order in select.select([order, woken], [], [])[0]:
        os.kill(child, number)
        os._exit(0)
    os.read(woken, 64)
os.write(report, b"%d\\n" % (end.si_status if end.si_code == os.CLD_EXITED else -end.si_status))
os.read(order, 1)
os.waitpid(child, 0)
"""
# Not the one of a virtual environment, whose path may name the project.
_INTERPRETER = getattr(sys, "_base_executable", sys.executable)


class Detached:
    """A program whose ancestors say nothing of this one, and that has all else as a child has it."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], death_signal: signal.Signals
    ) -> None:
        """Start it.

        Raises: OSError, SubprocessError.
        """
        report, reporting = os.pipe()
        ordered, order = os.pipe()
        starter = [
            _INTERPRETER,
            "-I",
            "-S",
            "-c",
            _STARTER,
            str(reporting),
            str(ordered),
            str(int(death_signal)),
        ]
        try:
            process = subprocess.Popen(  # noqa: S603 - running the given program is the purpose
                [*starter, *argv],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=hear_signals,  # noqa: PLW1509 - system calls only
                pass_fds=(reporting, ordered),
            )
        except BaseException:
            os.close(report)
            os.close(order)
            raise
        finally:
            os.close(reporting)
            os.close(ordered)
        process.wait()
        assert process.stdout is not None
        self.stdout: IO[bytes] = process.stdout
        self._order = order
        # Unbuffered: what is read ahead, no poll would tell of.
        self._report = os.fdopen(report, "rb", buffering=0)
        self.pid = int(self._report.readline())
        self._exit_code: int | None = None

    def has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._report, select.POLLIN)
        return bool(poll.poll(0))

    def wait(self) -> None:
        if self._exit_code is None:
            self._exit_code = int(self._report.readline())

    def reap(self) -> int:
        self.wait()
        os.close(self._order)
        with self._report:
            self._report.read()  # until the one that has reaped it has ended
        assert self._exit_code is not None
        return self._exit_code
