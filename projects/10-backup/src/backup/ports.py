"""What the service asks of a storage, whether that is a folder or a bucket."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from backup.domain import Marks, Version
from backup.version_files import Draft


class Storage(Protocol):
    """The versions of one database."""

    folder: Path
    """What is this machine's alone: the records of runs, and foreign dumps that are to be imported."""

    def ping(self) -> None:
        """Look whether versions could be listed."""

    def prepare(self) -> None:
        """Make the folder, where nobody else may look."""

    def versions(self) -> list[Version]:
        """Return all versions, the newest first."""

    def newest(self) -> str | None:
        """Return the id of the newest version, without a look at what is in it."""

    def find(self, version_id: str) -> Version:
        """Return a version.

        Raises: UnknownVersionError.
        """

    def incoming(self, name: str) -> Path:
        """Return a file that is to be imported.

        Raises: UnknownFileError.
        """

    def draft(self, version_id: str) -> AbstractContextManager[Draft]:
        """Have a folder for a version that is being made; if the block fails nothing is left of it."""

    def used(self, version_id: str) -> AbstractContextManager[object]:
        """Keep a version from being deleted for the duration of the block.

        Raises: UnknownVersionError.
        """

    def files_of(self, version_id: str) -> AbstractContextManager[Path]:
        """Have the files of a version that is used in a folder, for the duration of the block."""

    def missing_files(self, version: Version) -> list[tuple[str, str]]:
        """Look for what can be seen to be missing without reading it: each with the code of what it is."""

    def delete(self, version_id: str) -> bool:
        """Delete a version, unless it is in use; return whether it was."""

    def remove_abandoned(self) -> None:
        """Remove what is left of versions that nobody makes any more, and no run does at this moment."""

    def mark(self, version_id: str, change: Callable[[Marks], Marks]) -> Version:
        """Change what is known of a version beside its manifest."""

    def last_proven(self) -> datetime | None:
        """Return when a version was last proven by a restore, of all that are still here."""

    def room_bytes(self) -> int:
        """Return how much more fits: by the limit, and by the disk."""
