"""The terminal of `kata run`."""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import cycle
from typing import TextIO

_COLOURS = ("\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m")
_PLAIN = "\033[0m"


class Console:
    """The terminal, shared by the threads that read the processes: whole lines, named."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self._coloured = stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours = cycle(_COLOURS)
        self._colour_of: dict[str, str] = {}
        self._width = 0
        self._lock = threading.Lock()
        self.closed = False

    def align(self, names: Iterable[str]) -> None:
        """Make the column of names wide enough for these."""
        self._width = max(map(len, names), default=0)

    def log(self, name: str, line: str) -> None:
        """Print a line of a process."""
        prefix = f"{name:<{self._width}} |"
        if self._coloured:
            with self._lock:
                if name not in self._colour_of:
                    self._colour_of[name] = next(self._colours)
            prefix = f"{self._colour_of[name]}{prefix}{_PLAIN}"
        self.say(f"{prefix} {line}")

    def say(self, text: str) -> None:
        """Print a message of our own."""
        with self._lock:
            try:
                self._stdout.write(f"{text}\n")
                self._stdout.flush()
            except (OSError, ValueError):  # `| head` has had enough, or the terminal is gone
                self.closed = True
                drop_what_is_unread(self._stdout)


def drop_what_is_unread(stream: TextIO) -> None:
    """Have what is still buffered go nowhere: at its end Python would try again, and exit with 120."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
