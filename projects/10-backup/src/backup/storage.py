"""Versions in a folder. The manifest comes last: what has none is no version.

{database}/{time}-{ulid}/database.dump.zst   what `zstd -d | pg_restore` takes
{database}/{time}-{ulid}/manifest.json       written last, and never changed
{database}/{time}-{ulid}/marks.json          whether it is pinned, and how it was verified
{database}/incoming/                         foreign dumps, to be imported
"""

import errno
import fcntl
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from backup import manifests
from backup.domain import Manifest, Marks, Version
from backup.durable import locked, replace_file, sync_folder
from backup.errors import (
    DamagedManifestError,
    MissingError,
    StorageFailedError,
    StorageFullError,
    UnknownFileError,
    UnknownVersionError,
)
from backup.ulid import LENGTH, PATTERN, time_of
from backup.version_files import MANIFEST, Draft, manifest_in, missing_files, size

MARKS: Final = "marks.json"
INCOMING: Final = "incoming"
FOLDER: Final = re.compile(rf"\d{{8}}T\d{{6}}Z-({PATTERN.pattern})")
FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FolderStorage:
    """The versions of one database, in a folder that several services may share."""

    def __init__(self, root: Path, database: str, limit_bytes: int | None = None) -> None:
        name = quote(database, safe="")
        self.folder = root / (name if name.strip(".") else name.replace(".", "%2E"))
        self._limit_bytes = limit_bytes

    def ping(self) -> None:
        """Look whether versions could be listed."""
        next(self.folder.iterdir(), None)

    def prepare(self) -> None:
        """Make the folder, where nobody else may look."""
        for folder in (self.folder, self.folder / INCOMING):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def versions(self) -> list[Version]:
        """Return all versions, the newest first."""
        found = [version for folder in self._folders() if (version := _version(folder)) is not None]
        return sorted(found, key=lambda version: version.id, reverse=True)

    def newest(self) -> str | None:
        """Return the id of the newest version, without a look at what is in it."""
        return max(
            (folder.name[-LENGTH:] for folder in self._folders() if (folder / MANIFEST).exists()),
            default=None,
        )

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
        folder = self.folder / folder_name(version_id)
        with translated():
            self.prepare()
            folder.mkdir(mode=0o700)
            with locked(folder, fcntl.LOCK_EX):
                try:
                    yield Draft(folder, self._room())
                except BaseException:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise

    @contextmanager
    def used(self, version_id: str) -> Iterator[Path]:
        """Keep a version from being deleted for the duration of the block."""
        folder = self.folder_of(version_id)
        with locked(folder, fcntl.LOCK_SH):
            if not (folder / MANIFEST).exists():
                raise UnknownVersionError(version_id)
            yield folder

    @contextmanager
    def files_of(self, version_id: str) -> Iterator[Path]:
        """Have the files of a version that is used in a folder: they are in one."""
        yield self.folder_of(version_id)

    def missing_files(self, version: Version) -> list[tuple[str, str]]:
        """Look for what can be seen to be missing without reading it: each with the code of what it is."""
        folder = self.folder_of(version.id)
        return missing_files(
            version.manifest.files if version.manifest else [], lambda name: size(folder / name)
        )

    def delete(self, version_id: str) -> bool:
        """Delete a version, unless it is in use; return whether it was.

        The manifest goes first: a version that is half gone is none.
        """
        folder = self.folder_of(version_id)
        with suppress(BlockingIOError), locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            (folder / MANIFEST).unlink(missing_ok=True)
            sync_folder(folder)
            shutil.rmtree(folder)
            return True
        return False

    def remove_abandoned(self) -> None:
        """Remove what has no manifest and nobody writes."""
        for folder in self._folders():
            if not (folder / MANIFEST).exists():
                with (
                    suppress(BlockingIOError, FileNotFoundError),
                    locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB),
                ):
                    if not (folder / MANIFEST).exists():
                        shutil.rmtree(folder, ignore_errors=True)

    def mark(self, version_id: str, change: Callable[[Marks], Marks]) -> Version:
        """Change what is known of a version beside its manifest."""
        with self.used(version_id) as folder, locked(folder / MANIFEST, fcntl.LOCK_EX):
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

    def room_bytes(self) -> int:
        """Return how much more fits: by the limit, and by the disk."""
        room, free = self._room(), shutil.disk_usage(self.folder).free
        return free if room is None else min(room, free)

    def _room(self) -> int | None:
        if self._limit_bytes is None:
            return None
        return max(0, self._limit_bytes - sum(map(_size_of, self._folders())))


def folder_name(version_id: str) -> str:
    """Name the folder of a version, so that a person can read when it was taken."""
    return f"{time_of(version_id):%Y%m%dT%H%M%SZ}-{version_id}"


def _size_of(folder: Path) -> int:
    """Return how many bytes a version has; what is deleted meanwhile has none."""
    size_bytes = 0
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            size_bytes += path.stat().st_size
    return size_bytes


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


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFullError("There is no room for the version.") from error
        raise StorageFailedError(f"The storage cannot be written: {error.strerror}.") from error
