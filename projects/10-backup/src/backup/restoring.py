"""A version becomes a database beside the live one, and is proven equal before anybody can see it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from backup import fingerprints
from backup.archives import Archives, differing
from backup.database import Server, is_lost
from backup.domain import Level, Manifest, SequenceValue, TableProof
from backup.errors import ConnectionFailedError, ContentDiffersError, RestoreFailedError
from backup.large_objects import prove_large_objects
from backup.properties import Connection
from backup.runs import Report
from backup.version_files import check_files, dump_in, manifest_in

SHOWN: Final = 10
SEQUENCES: Final = """
    SELECT format('%I.%I', nspname, relname), nspname, relname
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'S' ORDER BY 1
"""


@dataclass(frozen=True)
class Restorer:
    """Restores versions into scratch databases."""

    server: Server
    archives: Archives

    @contextmanager
    def scratch(
        self, folder: Path, name: str, report: Report, options: Sequence[str] = ()
    ) -> Iterator[tuple[Manifest, Level]]:
        """Have a version, or what options say of it, as a database of this name while the block runs.

        It is dropped at the end, if it still has the name.

        Raises: RunFailedError.
        """
        report("checking")
        manifest = manifest_in(folder)
        check_files(folder, manifest)
        with translated():
            try:
                self.server.create(name, manifest.source.properties if manifest.source else None)
                total_bytes = manifest.source.size_bytes if manifest.source else None
                self.archives.restore(
                    dump_in(folder, manifest),
                    self.server,
                    name,
                    lambda done: report("restoring", done, total_bytes),
                    options,
                )
                report("comparing")
                yield manifest, self._compare(manifest, name)
            finally:
                self.server.drop(name)

    def _compare(self, manifest: Manifest, database: str) -> Level:
        """Compare what was restored with what was dumped.

        Raises: ContentDiffersError, with the names of what differs.
        """
        source = manifest.source
        if source is None:
            return Level.RESTORED
        with self.server.connect(database) as connection:
            fingerprints.pin(connection)
            got = [
                fingerprints.fingerprint(connection, table) for table in fingerprints.leaf_tables(connection)
            ]
            sequences = _sequence_values(connection, {sequence.name for sequence in source.sequences})
            large_objects = prove_large_objects(connection)
        names = [
            *(f"table {name}" for name in _differing_tables(source.tables, got)),
            *(f"sequence {name}" for name in differing(source.sequences, sequences)),
            *(["large objects"] if large_objects != source.large_objects else []),
        ]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise ContentDiffersError(f"Not as dumped: {', '.join(names[:SHOWN])}{more}.")
        return Level.COMPARED


def _differing_tables(wanted: Iterable[TableProof], got: Iterable[TableProof]) -> list[str]:
    return sorted({f"{proof.schema}.{proof.name}" for proof in set(wanted) ^ set(got)})


def _sequence_values(connection: Connection, names: Collection[str]) -> list[SequenceValue]:
    values = []
    for shown, schema, name in connection.execute(SEQUENCES).fetchall():
        if shown in names:
            select = sql.SQL("SELECT last_value, is_called FROM {}").format(
                sql.Identifier(str(schema), str(name))
            )
            row = connection.execute(select).fetchone()
            if row is not None:
                values.append(SequenceValue(str(shown), int(str(row[0])), bool(row[1])))
    return values


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the server says into what the run has failed of."""
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary or "the connection was lost"
        failed = ConnectionFailedError if is_lost(error) else RestoreFailedError
        raise failed(f"The server says: {message}.") from error
