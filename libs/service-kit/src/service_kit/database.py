"""PostgreSQL for a service that must not hang: a pool of connections in which every wait has a bound."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from select import POLLIN, poll
from types import MappingProxyType
from typing import Final

from sqlalchemy import URL, event, func, select, table, text
from sqlalchemy.engine import AdaptedConnection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

TIMEOUT_SECONDS: Final = 1.5
"""For all that is done with one connection: a client is to hear within three seconds what is wrong."""
CLEAN_UP_SECONDS: Final = 0.25
CONNECT_TIMEOUT_SECONDS: Final = 2
"""Whole seconds, and two are libpq's least: what is longer than TIMEOUT_SECONDS is cut off by that."""
PINNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bytea_output": "hex",
        "client_encoding": "UTF8",
        "datestyle": "ISO",
        "default_transaction_deferrable": "off",
        "default_transaction_isolation": r"read\ committed",
        "extra_float_digits": "1",
        "intervalstyle": "postgres",
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
    }
)


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
    ) -> None:
        """Name the service to PostgreSQL, and say which error of the service stands for its loss.

        `tables` are what the service is not ready without.
        """
        self._unavailable = unavailable
        self._tables = tables
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=TIMEOUT_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": name,
                "options": session_options(PINNED, BOUNDS, session_settings),
            },
        )
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
        async with bounded(self._unavailable), engine.connect() as connection:
            try:
                yield connection
            except IntegrityError:
                raise
            except DBAPIError:
                # What was prepared before its table was changed fails on this connection for ever.
                await connection.invalidate()
                raise

    async def ping(self) -> None:
        """Ask for what the service needs, for `/ready`; it raises what `transaction` does."""
        async with self.autocommit() as connection:
            read_only = await connection.scalar(select(func.current_setting("transaction_read_only")))
            if read_only != "off":
                raise self._unavailable("PostgreSQL: it is read-only")
            for name in self._tables:
                await connection.execute(select(text("*")).select_from(table(name)).limit(0))

    async def close(self) -> None:
        await self._engine.dispose()


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
async def bounded(unavailable: type[Exception]) -> AsyncIterator[None]:
    """Give up on a PostgreSQL that is silent, and translate what the driver raises.

    Any error counts as a loss: read-only after a failover, a table that is being changed, a missing right.
    Only a violated constraint says something of the values, and passes as it is.
    """
    try:
        # Cancelled once, psycopg asks the server to cancel the query, and would wait ten seconds for an
        # answer. Cancelled twice, it drops the connection.
        async with asyncio.timeout(TIMEOUT_SECONDS + CLEAN_UP_SECONDS), asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError, TimeoutError, OSError) as error:
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        raise unavailable(f"PostgreSQL: {type(error).__name__}{f' {state}' if state else ''}") from error


def session_options(*settings: Mapping[str, str]) -> str:
    """Return what libpq calls `options`; of a setting that stands twice the last counts."""
    merged = {name: value for some in settings for name, value in some.items()}
    return " ".join(f"-c {name}={value}" for name, value in merged.items())


def driver_url(url: str) -> URL:
    """Take a `postgresql://` address to the driver that is installed."""
    return make_url(url).set(drivername="postgresql+psycopg")
