"""pg_dump and pg_restore as processes that never outlive this one."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from backup.errors import ProgramMissingError

PR_SET_PDEATHSIG: Final = 1
SHOWN_CHARACTERS: Final = 500
# What they say is read by people, and by `dumping`.
BASE: Final = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
LIBC: Final = ctypes.CDLL(None)


@dataclass(frozen=True)
class Programs:
    """Where PostgreSQL's own programs are."""

    folder: Path | None

    def path(self, name: str) -> str:
        return str(self.folder / name) if self.folder else name

    def version(self) -> str:
        """Return what pg_dump says of itself.

        Raises: OSError, if there is none.
        """
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own
            [self.path("pg_dump"), "--version"], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()


@dataclass(frozen=True)
class Running:
    """A program that runs, and what it complains of."""

    process: subprocess.Popen[bytes]
    complaints: IO[bytes]

    @property
    def stdin(self) -> IO[bytes]:
        if self.process.stdin is None:
            raise AssertionError("it was started without a pipe to write into")
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        if self.process.stdout is None:
            raise AssertionError("it was started without a pipe to read from")
        return self.process.stdout

    def last_words(self) -> str:
        """Return the end of what it wrote to stderr."""
        self.complaints.seek(0)
        return self.complaints.read().decode(errors="replace").strip()[-SHOWN_CHARACTERS:]


@contextmanager
def running(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[Running]:
    """Run a program for the duration of the block; what still runs then is killed.

    Raises: ProgramMissingError.
    """
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own
                argv,
                env={**BASE, **environment},
                stdin=stdin,
                stdout=stdout,
                stderr=complaints,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, of a function that is loaded
            )
        except OSError as error:
            raise ProgramMissingError(f"{argv[0]} cannot be run: {error.strerror}.") from error
        with process:
            try:
                yield Running(process, complaints)
            finally:
                process.kill()


def _die_with_parent() -> None:
    """Be killed when the thread ends that has started this.

    Else a pg_dump whose service was killed would go on as long as the dump takes, and hold its locks so long.
    """
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
