"""The files of one version: written with their hashes, and compared with them."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from backup import manifests
from backup.domain import Manifest, StoredFile
from backup.durable import create_privately, replace_file, sync_folder
from backup.errors import (
    ChecksumError,
    DamagedManifestError,
    MissingError,
    StorageFailedError,
    StorageFullError,
    TruncatedError,
)

MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump.zst"


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
        sync_folder(self.folder.parent)


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


def missing_files(files: Iterable[StoredFile], size_of: Callable[[str], int | None]) -> list[tuple[str, str]]:
    """Look for what can be seen to be missing without reading it: each with the code of what it is."""
    found = []
    for stored in files:
        try:
            _check_size(stored, size_of(stored.name))
        except (MissingError, TruncatedError) as error:
            found.append((error.code, str(error)))
    return found


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare the files of a version with its manifest.

    Raises: MissingError, TruncatedError, ChecksumError, each naming the file.
    """
    for stored in manifest.files:
        path = folder / stored.name
        _check_size(stored, size(path))
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise StorageFailedError(f"{stored.name} cannot be read: {error.strerror}.") from error
        if sha256 != stored.sha256:
            raise ChecksumError(f"{stored.name} has other bytes than were written.")


def dump_in(folder: Path, manifest: Manifest) -> Path:
    """Return the file that holds the dump, encrypted or not."""
    names = [stored.name for stored in manifest.files if stored.name.startswith(DUMP)]
    return folder / (names[0] if names else DUMP)


def size(path: Path) -> int | None:
    """Return how many bytes a file has, if it is there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _check_size(stored: StoredFile, size_bytes: int | None) -> None:
    if size_bytes is None:
        raise MissingError(f"{stored.name} is gone.")
    if size_bytes < stored.size_bytes:
        raise TruncatedError(f"{stored.name} has {size_bytes} bytes of {stored.size_bytes}.")


def manifest_in(folder: Path) -> Manifest:
    """Read the manifest of a version.

    Raises: MissingError, DamagedManifestError, also where it is another version's.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise MissingError("The manifest is gone.") from error
    return read_manifest(folder.name, content)


def read_manifest(folder_name: str, content: bytes) -> Manifest:
    """Read the manifest of the version in a folder of this name.

    Raises: DamagedManifestError, also where it is another version's.
    """
    manifest = manifests.read(content)
    if not folder_name.endswith(f"-{manifest.id}"):
        raise DamagedManifestError("The manifest is another version's.")
    return manifest
