"""One database takes another's name under load, within a tenth of a second.

To end all sessions and then rename does not work: those that come back at once are faster, and the rename
gives up after five seconds. So the rename comes first: it locks the database, and waits for its sessions. Who
comes meanwhile waits for the lock, and is told that there is no such database; a moment later there is.
"""

import time
from concurrent.futures import Future
from typing import Final

import psycopg
from psycopg import sql

from backup.database import Server
from backup.errors import SwapFailedError
from backup.properties import Connection
from service_kit.daemon_thread import on_daemon_thread

# The server's own patience with sessions that stay is 5 s.
PATIENCE_MILLISECONDS: Final = 4000
PAUSE_SECONDS: Final = 0.005
RENAMES_BEGIN_SECONDS: Final = 0.01
END_SESSIONS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datid IN (SELECT oid FROM pg_database WHERE datname = ANY(%s))
"""


def swap(server: Server, *renames: tuple[str, str]) -> float:
    """Give each database its new name, all in one transaction, and return how many seconds that took.

    Raises: SwapFailedError; no name has changed then.
    """
    started = time.monotonic()
    with server.connect(server.elsewhere) as renaming, server.connect(server.elsewhere) as ending:
        done = on_daemon_thread(lambda: _rename(renaming, renames), "swap")
        try:
            _end_sessions(ending, [old for old, _ in renames], done)
            done.result()
        except psycopg.Error as error:
            message = error.diag.message_primary or "the connection was lost"
            raise SwapFailedError(f"The server says: {message}.") from error
    return time.monotonic() - started


def _rename(connection: Connection, renames: tuple[tuple[str, str], ...]) -> None:
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [str(PATIENCE_MILLISECONDS)])
        for old, new in renames:
            statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))


def _end_sessions(connection: Connection, databases: list[str], done: Future[None]) -> None:
    time.sleep(RENAMES_BEGIN_SECONDS)
    while not done.done():
        connection.execute(END_SESSIONS, [databases])
        time.sleep(PAUSE_SECONDS)
