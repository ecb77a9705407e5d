"""One snapshot for the dump and for its proof: what is counted is what is dumped, whoever writes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from backup import fingerprints, properties
from backup.database import Server
from backup.domain import Extension, LargeObjects, Properties, Role, TableProof
from backup.errors import DumpFailedError, LockTimeoutError
from backup.large_objects import prove_large_objects
from backup.properties import Connection

FACTS: Final = """
    SELECT pg_export_snapshot(), current_setting('server_version'), pg_database_size(current_database()),
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text
"""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that stays for as long as its transaction, and under whose name others can see it."""

    name: str
    server_version: str
    size_bytes: int
    lsn: str
    properties: Properties
    roles: Sequence[Role]
    extensions: Sequence[Extension]
    connection: Connection

    def proofs(self) -> list[TableProof]:
        """Count and hash each table.

        Raises: RowSecurityError, DumpFailedError.
        """
        with translated():
            tables = fingerprints.leaf_tables(self.connection)
            return [fingerprints.fingerprint(self.connection, table) for table in tables]

    def large_objects(self) -> LargeObjects:
        """Count and hash the large objects.

        Raises: DumpFailedError.
        """
        with translated():
            return prove_large_objects(self.connection)


@contextmanager
def exported_snapshot(server: Server, lock_wait_seconds: float) -> Iterator[Snapshot]:
    """Take a snapshot of the database.

    Locks come first, and the snapshot behind them: TRUNCATE is not undone by a snapshot, so that pg_dump and
    the proof would disagree on a table that was emptied between them. ACCESS SHARE is what any SELECT takes.

    Raises: RunFailedError.
    """
    with server.connect(server.database) as connection, translated():
        fingerprints.pin(connection)
        tables = fingerprints.leaf_tables(connection)
        milliseconds = str(round(lock_wait_seconds * 1000))
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [milliseconds])
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if tables:
            only = sql.SQL(", ").join(sql.SQL("ONLY {}").format(table.identifier) for table in tables)
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(only))
        row = connection.execute(FACTS).fetchone()
        if row is None:
            raise AssertionError("a SELECT without FROM has one row")
        name, server_version, size_bytes, lsn = row
        yield Snapshot(
            str(name),
            str(server_version),
            int(str(size_bytes)),
            str(lsn),
            properties.read_properties(connection),
            properties.read_roles(connection),
            properties.read_extensions(connection),
            connection,
        )
        connection.execute("COMMIT")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the server says into what the run has failed of."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise LockTimeoutError("A table is locked by somebody else.") from error
    except psycopg.Error as error:
        message = error.diag.message_primary or "the connection was lost"
        raise DumpFailedError(f"The server says: {message}.") from error
