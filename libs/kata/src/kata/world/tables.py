"""The database of a solution as the verifier sees it: past the proxy, and whatever its tables are called."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from kata.judge.intervals import Inconclusive
from kata.world.dependencies import PostgresUnderTest

TABLE_HELD: Final = sql.SQL("LOCK TABLE {} IN SHARE MODE NOWAIT")
ROWS_HELD: Final = sql.SQL("SELECT FROM {} FOR NO KEY UPDATE NOWAIT")

_PATIENCE_SECONDS = 1.0
_POLL_SECONDS = 0.005
_TABLES = """
    SELECT schemaname, tablename FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""

type Session = Connection[tuple[object, ...]]


def tables(session: Session) -> list[sql.Identifier]:
    """Return the solution's tables."""
    return [sql.Identifier(*map(str, name)) for name in session.execute(_TABLES).fetchall()]


def rows_in(session: Session) -> int:
    """Count what is committed in all of them, in one look."""
    counts = [sql.SQL("(SELECT count(*) FROM {})").format(table) for table in tables(session)]
    return _number(session, sql.SQL("SELECT {}").format(sql.SQL(" + ").join(counts)))


def _number(session: Session, query: str | sql.Composed) -> int:
    found = session.execute(query).fetchone()
    return int(str(found[0])) if found else 0


class Onlooker:
    """Sees who waits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def wait_for(self, count: int, patience_seconds: float) -> bool:
        """Wait until so many sessions want to write; say whether they do."""
        deadline = time.monotonic() + patience_seconds
        while _number(self._session, _WAITING) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


@contextmanager
def writers_held(postgres: PostgresUnderTest, how: sql.SQL = TABLE_HELD) -> Iterator[Onlooker]:
    """Let everybody read and nobody write, until the end: then all that want to go on at once.

    Whoever reads first and writes later has read by then what another one changes just before. TABLE_HELD
    stops a statement before it has read anything itself, ROWS_HELD at the first row that it wants to change;
    whoever skips such rows is not stopped.

    Raises: Inconclusive, where the tables are never free.
    """
    with postgres.connect() as holder, postgres.connect() as onlooker:
        _hold(holder, sql.SQL("; ").join(how.format(table) for table in tables(holder)))
        try:
            yield Onlooker(onlooker)
        finally:
            holder.execute("COMMIT")


def _hold(holder: Session, lock: sql.Composed) -> None:
    """Begin a transaction with the locks, all at once: to wait for one with another in hand may deadlock."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        holder.execute("BEGIN")
        try:
            holder.execute(lock)
        except LockNotAvailable:
            holder.execute("ROLLBACK")
        else:
            return
        if time.monotonic() > deadline:
            raise Inconclusive("the service's tables were never free to be locked")
        time.sleep(_POLL_SECONDS)
