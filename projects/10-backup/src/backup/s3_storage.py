"""Versions in a bucket, with the same names as in a folder; what is this machine's alone stays in a folder.

{prefix}/{database}/{time}-{ulid}/…    as in `storage`: the manifest comes last
DATA_DIR/{database}/drafts/            versions that are being made here, before they are uploaded
DATA_DIR/{database}/fetched/           the files of the version that a run reads
DATA_DIR/{database}/held/{ulid}        locked while a run reads a version
"""

import fcntl
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from backup import manifests
from backup.bucket import Bucket, Object
from backup.domain import Manifest, Marks, Version
from backup.durable import locked
from backup.errors import DamagedManifestError, StorageFailedError, UnknownVersionError, VersionExistsError
from backup.storage import FOLDER, MARKS, FolderStorage, folder_name, translated
from backup.ulid import LENGTH, time_of
from backup.version_files import MANIFEST, Draft, missing_files, read_manifest

type Objects = Mapping[str, Object]
"""The objects of one version, by the names of the files that they are."""


class UploadedDraft(Draft):
    """A version that is made in a folder and uploaded when it is complete."""

    def __init__(self, folder: Path, room_bytes: int | None, bucket: Bucket, prefix: str) -> None:
        super().__init__(folder, room_bytes)
        self._bucket = bucket
        self._prefix = prefix

    def complete(self, manifest: Manifest) -> None:
        """Store each file and read it back, then the manifest, which is no other's."""
        if self._bucket.read(self._prefix + MANIFEST) is not None:
            raise VersionExistsError
        for stored in manifest.files:
            self._bucket.upload(self.folder / stored.name, self._prefix + stored.name)
        self._bucket.write_new(self._prefix + MANIFEST, manifests.written(manifest))


class S3Storage:
    """The versions of one database, in a bucket.

    Who shares it and has another DATA_DIR knows nothing of what is held here.
    """

    def __init__(self, bucket: Bucket, local: FolderStorage, limit_bytes: int | None = None) -> None:
        self.folder = local.folder
        self._local = local
        self._bucket = bucket
        self._prefix = f"{local.folder.name}/"
        self._limit_bytes = limit_bytes
        self._read_before: dict[str, tuple[str | None, bytes]] = {}

    def ping(self) -> None:
        self._bucket.list(f"{self._prefix}none")

    def prepare(self) -> None:
        self._local.prepare()
        for folder in (self._drafts, self._fetched, self._held):
            folder.mkdir(mode=0o700, exist_ok=True)

    def versions(self) -> list[Version]:
        found = [self._version(name, objects) for name, objects in self._listed().items()]
        return sorted((one for one in found if one), key=lambda version: version.id, reverse=True)

    def newest(self) -> str | None:
        whole = [name[-LENGTH:] for name, objects in self._listed().items() if MANIFEST in objects]
        return max(whole, default=None)

    def find(self, version_id: str) -> Version:
        version = self._version(*self._objects_of(version_id))
        if version is None:
            raise UnknownVersionError(version_id)
        return version

    def incoming(self, name: str) -> Path:
        return self._local.incoming(name)

    @contextmanager
    def draft(self, version_id: str) -> Iterator[Draft]:
        """Have a folder; it is there for as long as objects of it may have to be removed."""
        self.prepare()
        name = folder_name(version_id)
        folder = self._drafts / name
        with translated():
            folder.mkdir(mode=0o700)
            try:
                yield UploadedDraft(folder, self._room(), self._bucket, f"{self._prefix}{name}/")
            except VersionExistsError:  # what lies there is another's
                shutil.rmtree(folder)
                raise
            except BaseException:
                for path in folder.iterdir():
                    path.unlink()
                with suppress(StorageFailedError):  # else the next run removes what is uploaded
                    self._remove(name)
                    folder.rmdir()
                raise
            shutil.rmtree(folder)

    @contextmanager
    def used(self, version_id: str) -> Iterator[None]:
        self._objects_of(version_id)
        with self._lock(version_id, fcntl.LOCK_SH):
            if MANIFEST not in self._objects_of(version_id)[1]:
                raise UnknownVersionError(version_id)
            yield

    @contextmanager
    def files_of(self, version_id: str) -> Iterator[Path]:
        name, objects = self._objects_of(version_id)
        folder = self._fetched / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with translated():
                folder.mkdir(mode=0o700, parents=True)
                for file, stored in objects.items():
                    self._bucket.download(stored.key, folder / file)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def missing_files(self, version: Version) -> list[tuple[str, str]]:
        _, objects = self._objects_of(version.id)
        sizes = {name: stored.size_bytes for name, stored in objects.items()}
        return missing_files(version.manifest.files if version.manifest else [], sizes.get)

    def delete(self, version_id: str) -> bool:
        """Delete a version, unless it is in use here; the manifest goes first."""
        name, _ = self._objects_of(version_id)
        with suppress(BlockingIOError), self._lock(version_id, fcntl.LOCK_EX | fcntl.LOCK_NB):
            self._bucket.delete(f"{self._prefix}{name}/{MANIFEST}")
            self._remove(name)
            (self._held / version_id).unlink(missing_ok=True)
            return True
        return False

    def remove_abandoned(self) -> None:
        """Remove what this machine has begun to upload; what others do it does not know."""
        for folder in (*self._drafts.iterdir(), *self._fetched.iterdir()):
            if folder.parent == self._drafts:
                self._remove(folder.name)
            shutil.rmtree(folder, ignore_errors=True)

    def mark(self, version_id: str, change: Callable[[Marks], Marks]) -> Version:
        with self.used(version_id), locked(self._held, fcntl.LOCK_EX):
            name, objects = self._objects_of(version_id)
            marks = change(self._marks(objects))
            self._bucket.write(f"{self._prefix}{name}/{MARKS}", manifests.MARKS.dump_json(marks))
        return self.find(version_id)

    def last_proven(self) -> datetime | None:
        proven = [self._marks(objects).proven_at for objects in self._listed().values()]
        return max((at for at in proven if at is not None), default=None)

    def room_bytes(self) -> int:
        room, free = self._room(), shutil.disk_usage(self.folder).free
        return free if room is None else min(room, free)

    def _room(self) -> int | None:
        if self._limit_bytes is None:
            return None
        sizes = [one.size_bytes for objects in self._listed().values() for one in objects.values()]
        return max(0, self._limit_bytes - sum(sizes))

    def _remove(self, name: str) -> None:
        """Delete what has no manifest."""
        objects = self._listed(f"{name}/").get(name, {})
        if MANIFEST not in objects:
            for stored in objects.values():
                self._bucket.delete(stored.key)

    def _listed(self, below: str = "") -> Mapping[str, Objects]:
        """List the objects of all versions, and forget what was read of those that are gone."""
        found: dict[str, dict[str, Object]] = defaultdict(dict)
        for stored in self._bucket.list(self._prefix + below):
            name, _, file = stored.key.removeprefix(self._prefix).partition("/")
            if FOLDER.fullmatch(name) and file and "/" not in file:
                found[name][file] = stored
        if not below:
            keys = {stored.key for objects in found.values() for stored in objects.values()}
            self._read_before = {key: read for key, read in self._read_before.items() if key in keys}
        return found

    def _objects_of(self, version_id: str) -> tuple[str, Objects]:
        try:
            name = folder_name(version_id)
        except (ValueError, OverflowError) as error:  # no ULID, or one of the year 10000
            raise UnknownVersionError(version_id) from error
        objects = self._listed(f"{name}/").get(name)
        if objects is None:
            raise UnknownVersionError(version_id)
        return name, objects

    def _version(self, name: str, objects: Objects) -> Version | None:
        content = self._content(objects, MANIFEST)
        if content is None:
            return None
        manifest: Manifest | None = None
        with suppress(DamagedManifestError):
            manifest = read_manifest(name, content)
        return Version(name[-LENGTH:], time_of(name[-LENGTH:]), manifest, self._marks(objects))

    def _marks(self, objects: Objects) -> Marks:
        content = self._content(objects, MARKS)
        try:
            return manifests.MARKS.validate_json(content) if content else Marks()
        except ValueError:
            return Marks()

    def _content(self, objects: Objects, file: str) -> bytes | None:
        """Read an object, once for each of its states: the list of all versions is looked at all the time."""
        stored = objects.get(file)
        if stored is None:
            return None
        tag, content = self._read_before.get(stored.key, (None, None))
        if content is None or tag is None or tag != stored.tag:
            content = self._bucket.read(stored.key)
            if content is not None:
                self._read_before[stored.key] = (stored.tag, content)
        return content

    @contextmanager
    def _lock(self, version_id: str, operation: int) -> Iterator[None]:
        path = self._held / version_id
        path.touch(mode=0o600)
        with locked(path, operation):
            yield

    @property
    def _drafts(self) -> Path:
        return self.folder / "drafts"

    @property
    def _fetched(self) -> Path:
        return self.folder / "fetched"

    @property
    def _held(self) -> Path:
        return self.folder / "held"
