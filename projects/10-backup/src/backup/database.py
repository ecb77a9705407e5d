"""The server: how its databases are reached, by us and by pg_dump, and how they are made and dropped."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from backup.domain import Properties
from backup.errors import AuthenticationFailedError, ConnectionFailedError
from backup.heartbeat import Heartbeat
from backup.properties import Connection, apply_properties, read_properties

CONNECT_TIMEOUT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 2
# A server whose machine is gone says nothing: it is noticed within half a minute, and not within two hours.
KEEPALIVES: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A session whose client was killed ends within this time even in the midst of a query.
GONE_CLIENT_MILLISECONDS: Final = 2000
SUBSCRIPTIONS: Final = """
    SELECT subname FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid
    WHERE datname = current_database()
"""
# Classes of SQLSTATE: the connection is lost, or was ended by an operator or by a crash.
LOST: Final = ("08", "57P")
# A connection that is refused has no SQLSTATE: libpq passes on the text alone.
REFUSED: Final = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied|role .* does not exist"
)


@dataclass(frozen=True)
class Server:
    """A server, and the database on it that this service is for."""

    url: str
    silence_seconds: float = 30.0

    @cached_property
    def heartbeat(self) -> Heartbeat:
        return Heartbeat(self._answers, self.silence_seconds)

    @property
    def database(self) -> str:
        return str(conninfo_to_dict(self.url)["dbname"])

    @property
    def elsewhere(self) -> str:
        """A database to be connected to while ours is made, renamed or dropped."""
        return "postgres" if self.database != "postgres" else "template1"

    def conninfo(self, database: str) -> str:
        options = f"-c client_connection_check_interval={GONE_CLIENT_MILLISECONDS}"
        return make_conninfo(
            self.url,
            dbname=database,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            options=options,
            **KEEPALIVES,
        )

    @contextmanager
    def connect(self, database: str) -> Iterator[Connection]:
        """Connect for the duration of the block; each statement commits by itself, and none waits for ever.

        Raises: AuthenticationFailedError, ConnectionFailedError.
        """
        try:
            connection = psycopg.connect(self.conninfo(database), autocommit=True)
        except psycopg.OperationalError as error:
            raise _translated(error) from error
        # A descriptor of its own: that of the connection may be closed, and be somebody else's by then.
        with (
            socket.socket(fileno=os.dup(connection.fileno())) as line,
            self.heartbeat.beside(lambda: _hang_up(line)),
            connection,
        ):
            yield connection

    def _answers(self) -> bool:
        """Tell whether anything is said to who wants to connect, if only no."""
        try:
            psycopg.connect(self.conninfo(self.elsewhere), connect_timeout=ANSWER_SECONDS).close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.OperationalError:
            pass
        return True

    def program_target(self, database: str) -> tuple[str, Mapping[str, str]]:
        """Return what a program of PostgreSQL gets as --dbname, and its environment, which has the password.

        What stands on a command line, every user of the machine can read.
        """
        parameters = conninfo_to_dict(self.conninfo(database))
        password = parameters.pop("password", None)
        if password is None:
            password = os.environ.get("PGPASSWORD", "")
        return make_conninfo("", **parameters), {"PGPASSWORD": str(password)}

    def ping(self) -> None:
        with self.connect(self.elsewhere) as connection:
            connection.execute("SELECT 1")

    def has(self, database: str) -> bool:
        with self.connect(self.elsewhere) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
            return found.rowcount > 0

    def create(self, database: str, like: Properties | None) -> None:
        """Make an empty database with the encoding and the locale of another: they stay as they are made."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(database))
        if like is not None:
            statement += sql.SQL(" ") + _locale(like)
        with self.connect(self.elsewhere) as connection:
            connection.execute(statement)

    def properties(self) -> Properties | None:
        """Read what belongs to our database outside of it, if it is there."""
        if not self.has(self.database):
            return None
        with self.connect(self.database) as connection:
            return read_properties(connection)

    def apply(self, database: str, wanted: Properties) -> None:
        """Give a database what another had."""
        with self.connect(self.elsewhere) as connection:
            apply_properties(connection, database, wanted)

    def drop(self, database: str) -> None:
        """Drop a database if it is there, and whoever is connected to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        with self.connect(self.elsewhere) as connection:
            try:
                connection.execute(statement)
            except psycopg.errors.ObjectInUse:
                self._end_subscriptions(database)
                connection.execute(statement)

    def _end_subscriptions(self, database: str) -> None:
        """Drop the subscriptions of a database, and not their slots, which are those of the live one, too."""
        with self.connect(database) as connection:
            for (name,) in connection.execute(SUBSCRIPTIONS).fetchall():
                for end in ("ALTER {} DISABLE", "ALTER {} SET (slot_name = NONE)", "DROP {}"):
                    subscription = sql.SQL("SUBSCRIPTION {}").format(sql.Identifier(str(name)))
                    connection.execute(sql.SQL(end).format(subscription))


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether the server has ended the session, or has gone itself: then nothing is said of the data."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or LOST[0]).startswith(LOST)


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # it has hung up itself
        line.shutdown(socket.SHUT_RDWR)


def _locale(like: Properties) -> sql.Composed:
    parts: dict[str, str | None] = {
        "ENCODING": like.encoding,
        "LOCALE_PROVIDER": like.locale_provider,
        "LC_COLLATE": like.collate,
        "LC_CTYPE": like.ctype,
        "BUILTIN_LOCALE" if like.locale_provider == "builtin" else "ICU_LOCALE": like.locale,
        "ICU_RULES": like.icu_rules,
    }
    return sql.SQL(" ").join(
        sql.SQL("{} {}").format(sql.SQL(name), sql.Literal(value)) for name, value in parts.items() if value
    )


def _translated(error: psycopg.OperationalError) -> AuthenticationFailedError | ConnectionFailedError:
    if REFUSED.search(str(error)):
        return AuthenticationFailedError("The server does not let this user in.")
    return ConnectionFailedError("The server cannot be reached, or has no such database.")
