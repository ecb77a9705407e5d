"""How many bytes the entries have, a number for each folder of them: shared by all processes, kept on disk.

Whoever calls holds the lock of the files. A process that is killed between moving a file and writing its
size here leaves a number that is wrong by one file, and so does who removes a file by hand: clean-up counts
each folder anew.
"""

import os
from pathlib import Path
from struct import Struct

CELL = Struct("=q")


class Ledger:
    """A file of numbers."""

    def __init__(self, path: Path, cells: int) -> None:
        """Open the file, and make it if it is not there. Raises: OSError."""
        self._cells = cells
        self._all = Struct(f"={cells}q")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._descriptor).st_size < self._all.size:
            os.truncate(self._descriptor, self._all.size)

    def add(self, cell: int, size_bytes: int) -> None:
        (present,) = CELL.unpack(os.pread(self._descriptor, CELL.size, cell * CELL.size))
        self.set(cell, max(0, present + size_bytes))

    def set(self, cell: int, size_bytes: int) -> None:
        os.pwrite(self._descriptor, CELL.pack(size_bytes), cell * CELL.size)

    def total(self) -> int:
        """Return the bytes of all entries, without asking the files."""
        return sum(self._all.unpack(os.pread(self._descriptor, self._all.size, 0)))
