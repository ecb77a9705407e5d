"""A running PostgreSQL as its clients know it: where it is, and how it makes databases."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import psycopg
from psycopg import sql

from kata.servers.postgres_programs import postgres_folder
from kata.system.ports import HOST

USER = "postgres"
STATEMENTS = "pg_stat_statements"
_CONNECT_TIMEOUT_SECONDS = 2
_PROGRAM_SECONDS = 60.0
# What PostgreSQL keeps of a database outside of it, where CREATE DATABASE ... TEMPLATE does not look.
_NOT_COPIED = """
    SELECT datdba <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
        OR datacl IS NOT NULL
        OR datconnlimit <> -1
        OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = pg_database.oid)
        OR EXISTS (SELECT FROM pg_shdescription WHERE objoid = pg_database.oid)
        OR EXISTS (SELECT FROM pg_subscription WHERE subdbid = pg_database.oid)
        OR EXISTS (SELECT FROM pg_replication_slots WHERE database = datname)
    FROM pg_database WHERE datname = %s
"""
_STATEMENTS_OF = """
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database ON oid = dbid WHERE datname = %s
"""


@dataclass(frozen=True)
class PostgresServer:
    """A server on this machine, and the password of its superuser."""

    port: int
    password: str = field(repr=False)

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{quote(database, safe='')}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser; each statement commits by itself."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of `template`, to which nobody may be connected.

        Return its address.
        """
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with self.connect() as connection:
            connection.execute(create)
        return self.url(name)

    def run(
        self, program: str, *options: str, database: str = "postgres", stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one of PostgreSQL's own programs on a database, as the superuser, and return how it ended."""
        environment = {
            "PATH": os.defpath,
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": USER,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }
        argv = [str(postgres_folder() / program), *options]
        return subprocess.run(  # noqa: S603 - PostgreSQL's own
            argv, env=environment, input=stdin, capture_output=True, check=False, timeout=_PROGRAM_SECONDS
        )

    def count_statements(self, name: str) -> int:
        """Return how many statements a database was sent so far, those of the verifier's own there included.

        A prepared statement counts each time that it is executed, and so do BEGIN and COMMIT.
        """
        with self.connect() as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            row = connection.execute(_STATEMENTS_OF, [name]).fetchone()
        return int(str(row[0])) if row else 0

    def has_database(self, name: str) -> bool:
        with self.connect() as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            return found.rowcount > 0

    def copies_fully(self, name: str) -> bool:
        """Tell whether a copy of the database has all of it: some of its properties are kept outside."""
        with self.connect() as connection:
            row = connection.execute(_NOT_COPIED, [name]).fetchone()
        return row is not None and not row[0]


@contextmanager
def swallowing(url: str, table: str) -> Iterator[None]:
    """Have a trigger, as somebody else may make one, swallow what is written to a table."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NULL; END'"
        )
        name = sql.Identifier(table)
        connection.execute(
            sql.SQL(
                "CREATE TRIGGER swallow BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION swallow()"
            ).format(name)
        )
        try:
            yield
        finally:
            connection.execute(sql.SQL("DROP TRIGGER swallow ON {}").format(name))
