"""PostgreSQL for a service that must not hang: a pool of connections in which every wait has a bound."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from select import POLLIN, poll
from types import MappingProxyType
from typing import Final, Protocol

from sqlalchemy import URL, event, func, select, table, text
from sqlalchemy.engine import AdaptedConnection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, NoResultFound
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm.exc import FlushError, StaleDataError

TIMEOUT_SECONDS: Final = 1.5
"""For all that is done with one connection: a client is to hear within three seconds what is wrong."""
CLEAN_UP_SECONDS: Final = 0.25
CONNECT_TIMEOUT_SECONDS: Final = 2
"""Whole seconds, and two are libpq's least: what is longer than TIMEOUT_SECONDS is cut off by that."""
PINNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "array_nulls": "on",
        "bytea_output": "hex",
        "client_encoding": "UTF8",
        "datestyle": "ISO",
        "default_transaction_deferrable": "off",
        "default_transaction_isolation": r"read\ committed",
        "exit_on_error": "off",
        "extra_float_digits": "1",
        "gin_fuzzy_search_limit": "0",
        "idle_session_timeout": "0",  # connections of a pool wait
        "intervalstyle": "postgres",
        "row_security": "on",
        # PostgreSQL's own default: a schema of the role's name, if there is one, and else the public one.
        "search_path": '"$user",public',
        "standard_conforming_strings": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "transform_null_equals": "off",
    }
)
"""What a service relies on, whatever the server, the database or the role has set."""
BOUNDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The server's own bounds, for a client that is frozen or cut off: it must not keep its row locks.
        "statement_timeout": "5s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "5s",
        "transaction_timeout": "10s",
    }
)


FOREIGN_KEY_VIOLATION: Final = "23503"
UNIQUE_VIOLATION: Final = "23505"
REQUIRED: Final[Mapping[str, str]] = MappingProxyType(
    {
        # In another, most of the characters of the world are errors.
        "server_encoding": "UTF8",
        # In `replica`, foreign keys and triggers are not looked at.
        "session_replication_role": "origin",
    }
)
"""What a service relies on, too, and a role without special rights cannot set."""
SETTINGS: Final = (
    "SELECT name, setting FROM pg_settings WHERE name IN ('server_encoding', 'session_replication_role')"
)


class UnfitDatabaseError(Exception):
    """Somebody has set, or made of the tables, what a service cannot live with."""


class Written(Protocol):
    """What PostgreSQL says of a statement."""

    @property
    def rowcount(self) -> int: ...


class Database:
    """A pool of connections. Nothing is connected to before the first use."""

    def __init__(
        self,
        url: str,
        name: str,
        unavailable: type[Exception],
        *,
        pool_size: int = 10,
        session_settings: Mapping[str, str] = MappingProxyType({}),
        tables: Sequence[str] = (),
        constraints: Collection[str] | None = None,
    ) -> None:
        """Name the service to PostgreSQL, and say which error of the service stands for its loss.

        `tables` are what the service is not ready without. `constraints` are those of its migrations that
        what a client sends may violate, None all that are unique or refer to another table.
        """
        self._unavailable = unavailable
        self._tables = tables
        self._constraints = constraints
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            execution_options={"preserve_rowcount": True},  # of an INSERT too, for expect_written
            pool_timeout=TIMEOUT_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": name,
                "options": session_options(PINNED, BOUNDS, session_settings),
            },
        )
        event.listen(self._engine.sync_engine, "connect", refuse_if_unfit)
        event.listen(self._engine.sync_engine, "checkout", refuse_if_lost)
        # Each statement commits by itself: no BEGIN and no COMMIT around it, two round trips less.
        self._autocommit_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; what is not committed at the end is rolled back.

        Raises: the service's error for a loss of PostgreSQL, within TIMEOUT_SECONDS and a little.
        """
        async with self._lent(self._engine) as connection:
            yield connection

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection on which each statement is a transaction; it raises what `transaction` does."""
        async with self._lent(self._autocommit_engine) as connection:
            yield connection

    @asynccontextmanager
    async def _lent(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with bounded(self._unavailable, self._constraints), engine.connect() as connection:
            try:
                yield connection
            except DBAPIError as error:
                # What was prepared before its table was changed fails on this connection for ever.
                if not is_expected(error, self._constraints):
                    await connection.invalidate()
                raise

    async def ping(self) -> None:
        """Ask for what the service needs, for `/ready`; it raises what `transaction` does."""
        async with self.autocommit() as connection:
            query = select(func.current_setting("transaction_read_only"))
            if (await connection.execute(query)).scalar_one() != "off":
                raise self._unavailable("PostgreSQL: it is read-only")
            for name in self._tables:
                await connection.execute(select(text("*")).select_from(table(name)).limit(0))

    async def close(self) -> None:
        await self._engine.dispose()


def refuse_if_unfit(connection: DBAPIConnection, _: object) -> None:
    """Ask a new session for what it cannot pin. Raises: UnfitDatabaseError."""
    cursor = connection.cursor()
    cursor.execute(SETTINGS)
    check_settings(dict(cursor.fetchall()))
    cursor.close()
    connection.rollback()


def check_settings(found: Mapping[str, str]) -> None:
    """Judge what SETTINGS has found. Raises: UnfitDatabaseError."""
    for name, value in found.items():
        if value != REQUIRED[name]:
            raise UnfitDatabaseError(f"{name} is {value}, and not {REQUIRED[name]}")


def expect_written(result: Written, rows: int = 1) -> None:
    """Take a row that is not there, swallowed by somebody else's trigger, for a loss and no success.

    Raises: UnfitDatabaseError, which `Database` translates.
    """
    if result.rowcount != rows:
        raise UnfitDatabaseError(f"{result.rowcount} rows are written, and not {rows}")


def refuse_if_lost(connection: AdaptedConnection, *_: object) -> None:
    """Have the pool open new connections after PostgreSQL was restarted, instead of failing once for each.

    A server that goes says so, or closes: an idle connection then has something to read. To ask it, as
    `pool_pre_ping` does, is one more round trip before each use: a tenth of a short request.
    """
    driver = connection.driver_connection
    waiting = poll()
    if not driver.closed:
        waiting.register(driver.fileno(), POLLIN)
    if driver.closed or waiting.poll(0):
        raise InvalidatePoolError


@asynccontextmanager
async def bounded(
    unavailable: type[Exception], constraints: Collection[str] | None = None
) -> AsyncIterator[None]:
    """Give up on a PostgreSQL that is silent, and translate what the driver raises.

    Any error counts as a loss: read-only after a failover, a table that is being changed, a missing right, a
    constraint that somebody else has made. Only one that the service expects passes as it is.
    """
    try:
        # Cancelled once, psycopg asks the server to cancel the query, and would wait ten seconds for an
        # answer. Cancelled twice, it drops the connection.
        async with asyncio.timeout(TIMEOUT_SECONDS + CLEAN_UP_SECONDS), asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except (UnfitDatabaseError, NoResultFound, FlushError, StaleDataError) as error:
        # A row that must be there is not.
        raise unavailable(f"PostgreSQL: {error}") from error
    except (DBAPIError, PoolTimeoutError, TimeoutError, OSError) as error:
        if isinstance(error, DBAPIError) and is_expected(error, constraints):
            raise
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        raise unavailable(f"PostgreSQL: {type(error).__name__}{f' {state}' if state else ''}") from error


def is_expected(error: DBAPIError, constraints: Collection[str] | None) -> bool:
    """Tell whether a constraint is violated that says something of the values; None: any but a rule of a row.

    A column that is new to the service, or a rule for what it writes, says nothing of what a client sent.
    """
    if constraints is None:
        return getattr(error.orig, "sqlstate", None) in {FOREIGN_KEY_VIOLATION, UNIQUE_VIOLATION}
    return any(violates(error, constraint) for constraint in constraints)


def violates(error: DBAPIError, constraint: str) -> bool:
    """Tell whether that one is violated, and not another."""
    told = getattr(error.orig, "diag", None)
    return isinstance(error, IntegrityError) and getattr(told, "constraint_name", None) == constraint


def session_options(*settings: Mapping[str, str]) -> str:
    """Return what libpq calls `options`; of a setting that stands twice the last counts."""
    merged = {name: value for some in settings for name, value in some.items()}
    return " ".join(f"-c {name}={value}" for name, value in merged.items())


def driver_url(url: str) -> URL:
    """Take a `postgresql://` address to the driver that is installed."""
    return make_url(url).set(drivername="postgresql+psycopg")
