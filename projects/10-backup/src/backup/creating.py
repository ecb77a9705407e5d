"""Versions come to be: from the database itself, or from somebody else's dump."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backup.archives import Archives
from backup.database import Server
from backup.domain import Manifest, Reason, Source
from backup.dumping import Dump, compress
from backup.manifests import FORMAT
from backup.ports import Storage
from backup.runs import Report
from backup.snapshots import exported_snapshot
from backup.ulid import time_of
from backup.version_files import DUMP

FOREIGN: Final = "unknown"


@dataclass(frozen=True)
class Creator:
    """Makes versions in the storage."""

    storage: Storage
    server: Server
    archives: Archives
    lock_wait_seconds: float
    compression_level: int

    def create(self, version_id: str, reason: Reason, labels: Mapping[str, str], report: Report) -> None:
        """Dump the database and prove what was dumped, at one snapshot.

        Raises: RunFailedError, and then there is nothing of it.
        """
        report("connecting")
        dump = Dump(self.archives.programs, self.server, self.lock_wait_seconds, self.compression_level)
        with (
            exported_snapshot(self.server, self.lock_wait_seconds) as snapshot,
            self.storage.draft(version_id) as draft,
        ):
            with (
                draft.file(DUMP) as file,
                dump.into(file, snapshot.name, lambda done: report("dumping", done, snapshot.size_bytes)),
            ):
                tables, large_objects = snapshot.proofs(), snapshot.large_objects()
            report("proving")
            source = Source(
                snapshot.server_version,
                snapshot.lsn,
                snapshot.size_bytes,
                snapshot.properties,
                snapshot.roles,
                snapshot.extensions,
                tables,
                self.archives.sequences(draft.folder / DUMP),
                large_objects,
            )
            draft.complete(
                Manifest(
                    FORMAT,
                    version_id,
                    self.server.database,
                    time_of(version_id),
                    reason,
                    labels,
                    self.archives.programs.version(),
                    [file.stored],
                    source,
                )
            )

    def take_in(self, version_id: str, foreign: Path, labels: Mapping[str, str], report: Report) -> None:
        """Make a version of a dump in pg_dump's own format; nothing is known of it but that it can be listed.

        Raises: RunFailedError, and then there is nothing of it.
        """
        total_bytes = foreign.stat().st_size
        with self.storage.draft(version_id) as draft:
            with draft.file(DUMP) as file, foreign.open("rb") as dump:
                compress(
                    dump, file, self.compression_level, lambda done: report("importing", done, total_bytes)
                )
            report("proving")
            self.archives.sequences(draft.folder / DUMP)
            taken_at = time_of(version_id)
            manifest = Manifest(
                FORMAT,
                version_id,
                self.server.database,
                taken_at,
                Reason.IMPORT,
                labels,
                FOREIGN,
                [file.stored],
                None,
            )
            draft.complete(manifest)
