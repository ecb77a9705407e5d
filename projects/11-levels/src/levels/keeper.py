"""Runs one program, and leaves nothing of it behind: no process, and so no port.

`python keeper.py SECONDS COMMAND…`. All that the program starts ends with it, also what has a session of its
own or outlives its parent: on Linux orphans come to this process, which is their subreaper. It ends the
program when stdin is closed, which is what the death of a worker looks like, or when SECONDS are over without
a line on stdin that gives it more: so a worker that stands still past its lease is outlived by nothing. The
exit code is the program's own, or 128 and the number of the signal that ended it.

A process of its own, and nothing but the standard library: it has to be there when the worker is not.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

GRACE_SECONDS: Final = 3.0
"""From SIGINT, at which a verifier can put its own house in order, to SIGKILL: as far as there is time."""
EX_NOT_FOUND: Final = 127
PR_SET_CHILD_SUBREAPER: Final = 36
POLL_SECONDS: Final = 0.01


class Keeper:
    """Keeps one program."""

    def __init__(self, command: list[str]) -> None:
        self._told, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the byte in the pipe is what counts
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        become_subreaper()
        self._program = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            # Its stdin is not ours; and who was started in the background of a shell would ignore SIGINT.
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setpgroup=0,
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
        )
        self._exit_code: int | None = None

    def keep(self, seconds: float) -> int:
        """Wait for the program's end while there is time, end the rest, and return the exit code."""
        deadline = time.monotonic() + seconds
        while self._exit_code is None and (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([0, self._told], [], [], left)
            if 0 in ready:
                given = os.read(0, 4096).split()
                if not given:
                    break
                deadline = time.monotonic() + float(given[-1])
            if self._told in ready:
                os.read(self._told, 4096)
                self._reap()
        if self._exit_code is None:
            self._interrupt(min(deadline, time.monotonic() + GRACE_SECONDS))
        while descendants := self._descendants():
            for process in descendants:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
            self._reap()
        return 128 + signal.SIGKILL if self._exit_code is None else self._exit_code

    def _interrupt(self, deadline: float) -> None:
        """Ask the program to end, and wait for that a while, but no longer than there is time."""
        with suppress(ProcessLookupError):
            os.kill(self._program, signal.SIGINT)
        while self._exit_code is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            self._reap()

    def _reap(self) -> None:
        """Take note of all that has ended; orphans, too, are ours to bury."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._program:
                    code = os.waitstatus_to_exitcode(ended[1])
                    self._exit_code = 128 - code if code < 0 else code

    def _descendants(self) -> list[int]:
        """Return what descends from this process and has not been buried."""
        parents = {process: parent for process in processes() if (parent := parent_of(process)) is not None}
        found = [os.getpid()]
        for ancestor in found:
            found += [process for process, parent in parents.items() if parent == ancestor]
        return found[1:]


def become_subreaper() -> None:
    """Have orphans come to this process, and not to the system's first; Linux alone can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def parent_of(process: int) -> int | None:
    """Return the parent of a process that still is one."""
    with suppress(OSError, ValueError):
        # The second field is a name in parentheses, which may hold blanks and parentheses.
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[1])
    return None


def main() -> None:
    try:
        keeper = Keeper(sys.argv[2:])
    except OSError as error:
        sys.stderr.write(f"{sys.argv[2]}: {error.strerror}\n")
        raise SystemExit(EX_NOT_FOUND) from None
    # Nothing is left to be flushed, and at the exit nothing may fail.
    os._exit(keeper.keep(float(sys.argv[1])))


if __name__ == "__main__":
    main()
