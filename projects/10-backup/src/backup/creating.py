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
            self.archives.head() as head,
            self.storage.draft(version_id) as draft,
        ):
            with (
                draft.file(self.archives.encryption.name(DUMP)) as file,
                self.archives.encryption.sealed(file) as sink,
                dump.into(
                    sink,
                    self.server.database,
                    [f"--snapshot={snapshot.name}"],
                    lambda done: report("dumping", done, snapshot.size_bytes),
                    head,
                ),
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
                self.archives.sequences(head),
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
        encryption = self.archives.encryption
        with self.archives.head() as head, self.storage.draft(version_id) as draft:
            with (
                draft.file(encryption.name(DUMP)) as file,
                encryption.sealed(file) as sink,
                foreign.open("rb") as dump,
            ):

                def count(done_bytes: int) -> None:
                    report("importing", done_bytes, total_bytes)

                compress(dump, sink, self.compression_level, count, head)
            report("proving")
            self.archives.sequences(head)
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
