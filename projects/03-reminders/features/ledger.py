"""The service's database as the verifier sees it, past the proxy and whatever its tables are called."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from kata.steps import Inconclusive, Service

LONGEST_HOLD_SECONDS = 0.35  # a third of the shortest lease: nobody loses one by it
PATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.005
TABLE_HELD = sql.SQL("LOCK TABLE {} IN SHARE MODE NOWAIT")
ROWS_HELD = sql.SQL("SELECT FROM {} FOR NO KEY UPDATE NOWAIT")

type Ledger = Connection[tuple[object, ...]]


def tables(ledger: Ledger) -> list[sql.Identifier]:
    """Return the service's tables."""
    names = ledger.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    ).fetchall()
    return [sql.Identifier(*map(str, name)) for name in names]


def rows(ledger: Ledger) -> int:
    """Count what is committed."""
    return sum(number(ledger, sql.SQL("SELECT count(*) FROM {}").format(table)) for table in tables(ledger))


@contextmanager
def writers_held(service: Service, count: int, how: sql.SQL) -> Iterator[None]:
    """Let everybody read and nobody write, until so many want to: then they all go on at once.

    Whoever reads first and writes later has read by then what another one changes just before. TABLE_HELD
    stops a statement before it has read anything itself, ROWS_HELD at the first row that it wants to change;
    whoever skips such rows is not stopped.
    """
    with service.postgres.connect() as ledger, service.postgres.connect() as onlooker:
        every = sql.SQL("; ").join(how.format(table) for table in tables(ledger))
        with held(ledger, every):
            deadline = time.monotonic() + LONGEST_HOLD_SECONDS
            yield
            while waiting(onlooker) < count and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)


@contextmanager
def held(ledger: Ledger, lock: sql.Composed) -> Iterator[None]:
    """Take the locks all at once: to wait for one while holding another would be a deadlock some day."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not taken(ledger, lock):
        if time.monotonic() > deadline:
            raise Inconclusive("the service's tables were never free to be locked")
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        ledger.execute("COMMIT")


def taken(ledger: Ledger, lock: sql.Composed) -> bool:
    """Begin a transaction with the locks, if they are free."""
    ledger.execute("BEGIN")
    try:
        ledger.execute(lock)
    except LockNotAvailable:
        ledger.execute("ROLLBACK")
        return False
    return True


def waiting(onlooker: Ledger) -> int:
    """Count the sessions that wait to write."""
    query = sql.SQL(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return number(onlooker, query)


def number(ledger: Ledger, query: sql.SQL | sql.Composed) -> int:
    """Return the one number that the query asks for."""
    found = ledger.execute(query).fetchone()
    return int(str(found[0])) if found else 0
