"""Versions in a folder. The manifest comes last: what has none is no version.

{database}/{time}-{ulid}/database.dump.zst   what `zstd -d | pg_restore` takes
{database}/{time}-{ulid}/manifest.json       written last, and never changed
{database}/{time}-{ulid}/marks.json          whether it is pinned, and how it was verified
{database}/incoming/                         foreign dumps, to be imported
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from backup import manifests
from backup.domain import Manifest, Marks, StoredFile, Version
from backup.errors import (
    ChecksumError,
    DamagedManifestError,
    MissingError,
    StorageFailedError,
    StorageFullError,
    TruncatedError,
    UnknownFileError,
    UnknownVersionError,
)
from backup.ulid import PATTERN, time_of

MANIFEST: Final = "manifest.json"
MARKS: Final = "marks.json"
DUMP: Final = "database.dump.zst"
INCOMING: Final = "incoming"
FOLDER: Final = re.compile(rf"\d{{8}}T\d{{6}}Z-({PATTERN.pattern})")
BLOCK_BYTES: Final = 1 << 20
FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FolderStorage:
    """The versions of one database, in a folder that several services may share."""

    def __init__(self, root: Path, database: str, limit_bytes: int | None = None) -> None:
        name = quote(database, safe="")
        self.folder = root / (name if name.strip(".") else name.replace(".", "%2E"))
        self._limit_bytes = limit_bytes

    def ping(self) -> None:
        """Look whether versions could be listed."""
        with os.scandir(self.folder):
            pass

    def prepare(self) -> None:
        """Make the folder, where nobody else may look."""
        for folder in (self.folder, self.folder / INCOMING):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def versions(self) -> list[Version]:
        """Return all versions, the newest first."""
        found = [version for folder in self._folders() if (version := _version(folder)) is not None]
        return sorted(found, key=lambda version: version.id, reverse=True)

    def find(self, version_id: str) -> Version:
        """Return a version.

        Raises: UnknownVersionError.
        """
        version = _version(self.folder_of(version_id))
        if version is None:
            raise UnknownVersionError(version_id)
        return version

    def folder_of(self, version_id: str) -> Path:
        """Return where a version is.

        Raises: UnknownVersionError.
        """
        for folder in self._folders():
            if folder.name.endswith(f"-{version_id}"):
                return folder
        raise UnknownVersionError(version_id)

    def incoming(self, name: str) -> Path:
        """Return a file that is to be imported.

        Raises: UnknownFileError.
        """
        path = self.folder / INCOMING / name
        if name in {"", ".", ".."} or "/" in name or "\0" in name or not path.is_file() or path.is_symlink():
            raise UnknownFileError
        return path

    @contextmanager
    def draft(self, version_id: str) -> Iterator["Draft"]:
        """Make a folder for a version; if the block fails nothing is left of it."""
        name = f"{time_of(version_id):%Y%m%dT%H%M%SZ}-{version_id}"
        folder = self.folder / name
        with _translated():
            self.prepare()
            folder.mkdir(mode=0o700)
            with _locked(folder, fcntl.LOCK_EX):
                try:
                    yield Draft(folder, self._room())
                except BaseException:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise

    @contextmanager
    def used(self, version_id: str) -> Iterator[Path]:
        """Keep a version from being deleted for the duration of the block."""
        folder = self.folder_of(version_id)
        with _locked(folder, fcntl.LOCK_SH):
            if not (folder / MANIFEST).exists():
                raise UnknownVersionError(version_id)
            yield folder

    def delete(self, version_id: str) -> bool:
        """Delete a version, unless it is in use; return whether it was.

        The manifest goes first: a version that is half gone is none.
        """
        folder = self.folder_of(version_id)
        with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            (folder / MANIFEST).unlink(missing_ok=True)
            _sync(folder)
            shutil.rmtree(folder)
            return True
        return False

    def remove_abandoned(self) -> None:
        """Remove what has no manifest and nobody writes."""
        for folder in self._folders():
            if not (folder / MANIFEST).exists():
                with (
                    suppress(BlockingIOError, FileNotFoundError),
                    _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB),
                ):
                    if not (folder / MANIFEST).exists():
                        shutil.rmtree(folder, ignore_errors=True)

    def mark(self, version_id: str, change: Callable[[Marks], Marks]) -> Version:
        """Change what is known of a version beside its manifest."""
        with self.used(version_id) as folder, _locked(folder / MANIFEST, fcntl.LOCK_EX):
            marks = change(_marks(folder))
            replace_file(folder / MARKS, manifests.MARKS.dump_json(marks))
        return self.find(version_id)

    def _folders(self) -> list[Path]:
        try:
            return [entry for entry in self.folder.iterdir() if FOLDER.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailedError(f"The storage cannot be read: {error.strerror}.") from error

    def last_proven(self) -> datetime | None:
        """Return when a version was last proven by a restore, of all that are still here."""
        proven = [at for folder in self._folders() if (at := _marks(folder).proven_at) is not None]
        return max(proven, default=None)

    def _room(self) -> int | None:
        if self._limit_bytes is None:
            return None
        used = sum(path.stat().st_size for folder in self._folders() for path in folder.iterdir())
        return max(0, self._limit_bytes - used)


class Draft:
    """A version that is being written."""

    def __init__(self, folder: Path, room_bytes: int | None) -> None:
        self.folder = folder
        self._room_bytes = room_bytes

    @contextmanager
    def file(self, name: str) -> Iterator["Writer"]:
        """Write a file of the version; it is on the disk when the block ends."""
        with create_privately(self.folder / name) as file:
            writer = Writer(name, file.write, self._room_bytes)
            yield writer
            file.flush()
            os.fsync(file.fileno())

    def complete(self, manifest: Manifest) -> None:
        """Make it a version, in one step."""
        replace_file(self.folder / MANIFEST, manifests.written(manifest))
        _sync(self.folder.parent)


class Writer:
    """Hashes and counts what goes into a file."""

    def __init__(self, name: str, write: Callable[[bytes], int], room_bytes: int | None) -> None:
        self._name = name
        self._write = write
        self._room_bytes = room_bytes
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Append.

        Raises: StorageFullError.
        """
        if self._room_bytes is not None and self.size_bytes + len(data) > self._room_bytes:
            raise StorageFullError("The versions would take more than STORAGE_LIMIT_BYTES.")
        self._write(data)
        self._hash.update(data)
        self.size_bytes += len(data)

    @property
    def stored(self) -> StoredFile:
        return StoredFile(self._name, self.size_bytes, self._hash.hexdigest())


def missing_files(folder: Path, manifest: Manifest) -> list[tuple[str, str]]:
    """Look for what can be seen to be missing without reading it: each with the code of what it is."""
    found = []
    for stored in manifest.files:
        try:
            _check_size(folder, stored)
        except (MissingError, TruncatedError) as error:
            found.append((error.code, str(error)))
    return found


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare the files of a version with its manifest.

    Raises: MissingError, TruncatedError, ChecksumError, each naming the file.
    """
    for stored in manifest.files:
        path = folder / stored.name
        _check_size(folder, stored)
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise StorageFailedError(f"{stored.name} cannot be read: {error.strerror}.") from error
        if sha256 != stored.sha256:
            raise ChecksumError(f"{stored.name} has other bytes than were written.")


def _check_size(folder: Path, stored: StoredFile) -> None:
    try:
        size_bytes = (folder / stored.name).stat().st_size
    except FileNotFoundError as error:
        raise MissingError(f"{stored.name} is gone.") from error
    if size_bytes < stored.size_bytes:
        raise TruncatedError(f"{stored.name} has {size_bytes} bytes of {stored.size_bytes}.")


def manifest_in(folder: Path) -> Manifest:
    """Read the manifest of a version.

    Raises: MissingError, DamagedManifestError, also where it is another version's.
    """
    try:
        manifest = manifests.read((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise MissingError("The manifest is gone.") from error
    if not folder.name.endswith(f"-{manifest.id}"):
        raise DamagedManifestError("The manifest is another version's.")
    return manifest


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it gets the old bytes or the new ones."""
    beside = path.with_name(f".{path.name}")
    with create_privately(beside) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    _sync(path.parent)


def _version(folder: Path) -> Version | None:
    match = FOLDER.fullmatch(folder.name)
    if match is None:
        return None
    manifest: Manifest | None = None
    try:
        manifest = manifest_in(folder)
    except MissingError:
        return None
    except DamagedManifestError:
        pass
    return Version(match[1], time_of(match[1]), manifest, _marks(folder))


def _marks(folder: Path) -> Marks:
    try:
        return manifests.MARKS.validate_json((folder / MARKS).read_bytes())
    except (FileNotFoundError, ValueError):
        return Marks()


def create_privately(path: Path) -> BinaryIO:
    """Open a file for writing that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    """Hold a lock on a file or a folder; it ends with the process, however that ends.

    Raises: BlockingIOError, if it was not to wait.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFullError("There is no room for the version.") from error
        raise StorageFailedError(f"The storage cannot be written: {error.strerror}.") from error
