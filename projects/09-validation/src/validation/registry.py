"""Where versions are kept: one immutable file each, under the SHA-256 of its canonical form.

A file is written beside its place, synced, and then linked to it: no reader and no crash meets a part of one.
The link fails where the place is taken, so that of several processes one alone has made the version.
"""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from validation.canonical import canonical
from validation.errors import SchemaNotFoundError, StorageError
from validation.reader import read
from validation.value import Limits, Value

type Schema = dict[str, Value] | bool

_ID: Final = re.compile(r"[0-9a-f]{64}")
_NO_LIMITS: Final = Limits(2**10, 2**40, 2**40)


@dataclass(frozen=True, slots=True)
class Version:
    """A schema as it was registered, with the documents that its references may lead to, by their URIs."""

    schema: Schema
    resources: dict[str, Value]
    assert_format: bool

    def text(self) -> bytes:
        members: dict[str, Value] = {
            "schema": self.schema,
            "resources": dict(self.resources),
            "assert_format": self.assert_format,
        }
        return canonical(members).encode()

    @property
    def id(self) -> str:
        return hashlib.sha256(self.text()).hexdigest()


class Registry:
    """The folder of all versions; any number of processes may share it."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "schemas"

    def check(self) -> None:
        """Raise StorageError unless versions can be kept."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise StorageError from error

    def save(self, version: Version) -> bool:
        """Keep a version. Returns False if it is there already.

        Raises: StorageError. Then nothing is kept.
        """
        text, place = version.text(), self._folder / f"{version.id}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                return self._put(Path(file.name), place)
        except OSError as error:
            raise StorageError from error

    def _put(self, written: Path, place: Path) -> bool:
        try:
            place.hardlink_to(written)
        except FileExistsError:
            if _is_whole(place):
                return False
            place.unlink()  # somebody else has damaged it
            place.hardlink_to(written)
        folder = os.open(self._folder, os.O_RDONLY)
        with suppress(OSError):  # a file system that cannot sync a folder has nothing to sync there
            os.fsync(folder)
        os.close(folder)
        return True

    def text(self, version_id: str) -> bytes:
        """Return a version as it is kept. Raises: SchemaNotFoundError, StorageError."""
        if not _ID.fullmatch(version_id):
            raise SchemaNotFoundError
        place = self._folder / f"{version_id}.json"
        try:
            text = place.read_bytes()
        except FileNotFoundError as error:
            raise SchemaNotFoundError from error
        except OSError as error:
            raise StorageError from error
        if hashlib.sha256(text).hexdigest() != version_id:
            raise SchemaNotFoundError
        return text

    def load(self, version_id: str) -> Version:
        """Return a version. Raises: SchemaNotFoundError, StorageError."""
        # Written by `canonical`, and taken under limits that may have been others.
        members = read(self.text(version_id), _NO_LIMITS)
        match members:
            case {
                "schema": dict() | bool() as schema,
                "resources": dict(resources),
                "assert_format": bool(assert_format),
            }:
                return Version(schema, resources, assert_format)
        raise SchemaNotFoundError


def _is_whole(place: Path) -> bool:
    return hashlib.sha256(place.read_bytes()).hexdigest() == place.stem
