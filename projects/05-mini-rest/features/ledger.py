"""The service's database as the verifier sees it, past the proxy and whatever its tables are called."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from kata.steps import Inconclusive, Service

PATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.005
ROWS_READ = """
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_user_tables
"""
WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
LOCK = sql.SQL("LOCK TABLE {} IN SHARE MODE NOWAIT")

type Ledger = Connection[tuple[object, ...]]


def tables(ledger: Ledger) -> list[sql.Identifier]:
    """Return the service's tables."""
    names = ledger.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    ).fetchall()
    return [sql.Identifier(*map(str, name)) for name in names]


@contextmanager
def writers_held(service: Service) -> Iterator["Onlooker"]:
    """Let everybody read and nobody write, until the end."""
    with service.postgres.connect() as ledger, service.postgres.connect() as onlooker:
        names = tables(ledger)
        lock = sql.SQL("; ").join(
            sql.SQL("LOCK TABLE {} IN SHARE MODE NOWAIT").format(name) for name in names
        )
        take(ledger, lock)
        try:
            yield Onlooker(onlooker)
        finally:
            ledger.execute("COMMIT")


def take(ledger: Ledger, lock: sql.Composed) -> None:
    """Begin a transaction with the locks, all at once: to wait for one with another in hand may deadlock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ledger.execute("BEGIN")
        try:
            ledger.execute(lock)
        except LockNotAvailable:
            ledger.execute("ROLLBACK")
        else:
            return
        if time.monotonic() > deadline:
            raise Inconclusive("the service's tables were never free to be locked")
        time.sleep(POLL_SECONDS)


class Onlooker:
    """Sees who waits."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def wait_for_a_waiter(self, patience_seconds: float) -> bool:
        """Wait until a session wants to write; say whether one does."""
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if number(self._ledger, WAITING):
                return True
            time.sleep(POLL_SECONDS)
        return False


WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def number(ledger: Ledger, query: str) -> int:
    """Return the one number that the query asks for."""
    found = ledger.execute(query).fetchone()
    return int(str(found[0])) if found else 0


def rows_read(ledger: Ledger) -> int:
    """Return how many rows of its tables PostgreSQL has read so far."""
    return number(ledger, ROWS_READ)
