"""Where the entries are: the file system is the index, and all processes of the service have the same.

DATA_DIR/trusted/ab/abcd…    an entry, named by the SHA-256 of its key: no key leads out of here
DATA_DIR/uploads/…           what is on its way, in a folder for each process; its lock says that it lives
DATA_DIR/damaged/            files that are not as they were written, for a person to look at
DATA_DIR/lock                held to make one step of look, compare and replace
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import struct
import tempfile
import uuid
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from file_cache.domain import Scope
from file_cache.entry_format import EntryReader, EntryWriter
from file_cache.errors import DamagedError
from file_cache.exchange import exchange
from file_cache.ledger import CELL, Ledger
from file_cache.spares import Spare, Spares

SHARDS = tuple(f"{number:02x}" for number in range(256))
MOST_DAMAGED = 16
PRIVATE = 0o600


class Upload:
    """A file that nobody else sees yet."""

    def __init__(self, path: str, on_full: Callable[[], bool], spares: Spares) -> None:
        spare = spares.take()
        if spare is None:
            spare = Spare(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        self.path, self.descriptor = spare
        self._spares = spares
        self.is_exchanged = False
        self.writer = EntryWriter(self.descriptor, on_full)

    def discard(self) -> None:
        """Close it, and remove it, or what it was exchanged for."""
        os.close(self.descriptor)
        if not self.is_exchanged or not self._spares.keep(self.path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)  # noqa: PTH108 - a Path takes long


class EntryFiles:
    """The files of all entries."""

    def __init__(self, root: Path) -> None:
        """Make the folders. Raises: OSError."""
        self._root = root
        self._folders = [root / scope / shard for scope in Scope for shard in SHARDS]
        self._cells = {str(folder): cell for cell, folder in enumerate(self._folders)}
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ledger = Ledger(root / "ledger", len(self._folders))
        self._numbers = itertools.count()
        self._spares = Spares()
        self._lock = str(root / "lock")
        self._reserved_bytes = 0
        self._uploads, self._damaged = root / "uploads", root / "damaged"
        for folder in (self._uploads, self._damaged):
            folder.mkdir(exist_ok=True, mode=0o700)
        with self.locked():  # else a sweep might find the folder before its lock is held
            self._own = tempfile.mkdtemp(dir=self._uploads)
            # Held until this process has ended, however it ends.
            self._alive = os.open(f"{self._own}/alive", os.O_RDWR | os.O_CREAT, PRIVATE)
            fcntl.flock(self._alive, fcntl.LOCK_EX)

    def begin(self, on_full: Callable[[], bool]) -> Upload:
        """Begin a file. Raises: OSError."""
        return Upload(f"{self._own}/{next(self._numbers)}", on_full, self._spares)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other threads and processes from replacing or removing anything.

        Each caller opens the file anew: a lock belongs to the open file, and so excludes threads too.
        """
        descriptor = os.open(self._lock, os.O_WRONLY | os.O_CREAT, PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def open(self, scope: Scope, key: bytes, *, put_aside: bool = True) -> EntryReader | None:
        """Open the entry of a key, None if there is none.

        `put_aside`: what is damaged goes where nobody finds it; who holds the lock leaves it where it is.
        Raises: DamagedError.
        """
        try:
            descriptor = os.open(self._place(scope, key), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return EntryReader(descriptor, (scope, key))
        except BaseException as error:
            if put_aside and isinstance(error, DamagedError):
                self._quarantine(self.path(scope, key), descriptor)
            os.close(descriptor)
            raise

    def place(self, upload: Upload, scope: Scope, key: bytes) -> None:
        """Put a finished file into its place: who opens it sees the old one whole, or the new one whole.

        The caller holds the lock, here and below.
        """
        path = self._place(scope, key)
        size_bytes = os.fstat(upload.descriptor).st_size - _size_of(path)
        upload.is_exchanged = exchange(upload.path, path)
        if not upload.is_exchanged:
            os.rename(upload.path, path)  # noqa: PTH104 - a Path takes long
        self.ledger.add(self._cell(path), size_bytes)

    def unlink(self, path: Path) -> None:
        """Remove an entry."""
        size_bytes = _size_of(path)
        path.unlink(missing_ok=True)
        self.ledger.add(self._cell(str(path)), -size_bytes)

    def remove(self, path: Path, reader: EntryReader) -> bool:
        """Remove an entry, if it is still the one that was opened."""
        if not _is_same(path, reader.descriptor):
            return False
        self.unlink(path)
        return True

    def reserve(self, size_bytes: int) -> None:
        """Note that so much more is on its way in this process, or so much less."""
        self._reserved_bytes += size_bytes
        os.pwrite(self._alive, CELL.pack(self._reserved_bytes), 0)

    def reserved_bytes(self) -> int:
        """Return how much is on its way, in all processes; what has died counts until it is swept."""
        own = self._own.rpartition("/")[2]
        others = (name for name in os.listdir(self._uploads) if name != own)  # noqa: PTH208 - as above
        return self._reserved_bytes + sum(_reserved_in(self._uploads / name / "alive") for name in others)

    def quarantine(self, scope: Scope, key: bytes, reader: EntryReader) -> None:
        """Put a file aside in which a block was found to be damaged; the caller does not hold the lock."""
        self._quarantine(self.path(scope, key), reader.descriptor)

    def folders(self) -> Iterator[Path]:
        """Go through the folders of all entries."""
        yield from self._folders

    def walk(self, *scopes: Scope) -> Iterator[list[Path]]:
        """Go through all files, or those of some scopes, a slice at a time, and count what they have.

        The caller does not hold the lock.
        """
        for cell, folder in enumerate(self._folders):
            if scopes and folder.parent.name not in scopes:
                continue
            with self.locked():
                found = list(folder.iterdir())
                self.ledger.set(cell, sum(map(_size_of, found)))
            yield found

    def sweep(self) -> int:
        """Remove what processes that are gone have left, and return how many of them there were."""
        swept = 0
        with self.locked():
            for folder in self._uploads.iterdir():
                with contextlib.suppress(OSError), (folder / "alive").open("a") as alive:
                    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                    swept += 1
        return swept

    def ping(self) -> None:
        """Raises: OSError: the folder cannot be read, or is gone."""
        with self.locked():
            Path(self._own).stat()

    def close(self) -> None:
        os.close(self._alive)
        self._spares.close()
        shutil.rmtree(self._own, ignore_errors=True)

    def path(self, scope: Scope, key: bytes) -> Path:
        """Return where the entry of a key is, if there is one."""
        return Path(self._place(scope, key))

    def _place(self, scope: Scope, key: bytes) -> str:
        name = sha256(key).hexdigest()
        return f"{self._root}/{scope}/{name[:2]}/{name}"  # as a Path it takes longer than to open it

    def _cell(self, path: str) -> int:
        return self._cells[path.rpartition("/")[0]]

    def _quarantine(self, path: Path, descriptor: int) -> None:
        with self.locked():
            if not _is_same(path, descriptor):
                return
            if sum(1 for _ in self._damaged.iterdir()) < MOST_DAMAGED:
                self.ledger.add(self._cell(str(path)), -_size_of(path))
                path.rename(self._damaged / f"{path.name}-{uuid.uuid4().hex[:8]}")
            else:
                self.unlink(path)


def _is_same(path: Path, descriptor: int) -> bool:
    """Say whether the path still leads to the open file, whose number nothing else has while it is open."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _size_of(path: str | Path) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - as above
    except FileNotFoundError:
        return 0


def _reserved_in(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError, struct.error):
        (reserved_bytes,) = CELL.unpack(path.read_bytes())
        return int(reserved_bytes)
    return 0
