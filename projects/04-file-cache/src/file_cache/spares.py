"""The idea: a file that was replaced is emptied, and is the next upload.

To remove a file and make another is dear on ext4 where much was removed lately: it gives no inode away again
for a minute, and looks at each of those at every creation. With ten thousand of them that is 0.37 ms of a PUT
that takes 0.2 ms otherwise. Whoever still reads a file has it open, and then it is left to them: only for a
file that nobody else has open the kernel grants a lease. Nobody can open it any more: its only name is in
the folder of this process.
Source: fcntl(2), leases; recently_deleted() in Linux, fs/ext4/ialloc.c.
"""

import fcntl
import os
import signal
from collections import deque
from typing import Final, NamedTuple

_MOST: Final = 16
# Of a file that was emptied to nothing ext4 writes out what is written into it then, when it is closed: see
# exchange. An entry is longer than this, and writes over it.
_LEFT_BYTES: Final = 1


class Spare(NamedTuple):
    """A file with nothing in it that counts, open for writing from its beginning."""

    path: str
    descriptor: int


class Spares:
    """Those of one process; they have a byte each, which is no room of the budget."""

    def __init__(self) -> None:
        self._kept: deque[Spare] = deque()

    def take(self) -> Spare | None:
        try:
            return self._kept.pop()
        except IndexError:
            return None

    def keep(self, path: str) -> bool:
        """Empty a file and keep it; False if it is not there, somebody reads it, or there are enough."""
        if len(self._kept) >= _MOST:
            return False
        try:
            descriptor = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # SIGIO would end the process
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            os.ftruncate(descriptor, _LEFT_BYTES)
        except OSError:
            os.close(descriptor)
            return False
        self._kept.append(Spare(path, descriptor))
        return True

    def close(self) -> None:
        while spare := self.take():
            os.close(spare.descriptor)
