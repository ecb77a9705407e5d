"""PostgreSQL for a service that must not hang: a pool of connections in which every wait has a bound."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

from sqlalchemy import URL, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

TIMEOUT_SECONDS: Final = 1.5
"""For all that is done with one connection: a client is to hear within three seconds what is wrong."""
CLEAN_UP_SECONDS: Final = 0.25
CONNECT_TIMEOUT_SECONDS: Final = 2
"""Whole seconds, and two are libpq's least: what is longer than TIMEOUT_SECONDS is cut off by that."""
SESSION_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "timezone": "UTC",
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
    ) -> None:
        """Name the service to PostgreSQL, and say which error of the service stands for its loss."""
        self._unavailable = unavailable
        options = {**SESSION_SETTINGS, **session_settings}
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=TIMEOUT_SECONDS,
            # Without it one query fails for each connection of the pool after PostgreSQL was restarted.
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": name,
                "options": " ".join(f"-c {setting}={value}" for setting, value in options.items()),
            },
        )
        # Each statement commits by itself: no BEGIN and no COMMIT around it, two round trips less.
        self._autocommit_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; what is not committed at the end is rolled back.

        Raises: the service's error for a loss of PostgreSQL, within TIMEOUT_SECONDS and a little.
        """
        async with bounded(self._unavailable), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection on which each statement is a transaction; it raises what `transaction` does."""
        async with bounded(self._unavailable), self._autocommit_engine.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Ask for something small, for `/ready`; it raises what `transaction` does."""
        async with self.autocommit() as connection:
            await connection.execute(select(1))

    async def close(self) -> None:
        await self._engine.dispose()


@asynccontextmanager
async def bounded(unavailable: type[Exception]) -> AsyncIterator[None]:
    """Give up on a PostgreSQL that is silent, and translate what the driver raises when it is lost.

    Errors that say something of the statement, such as a violated constraint, pass as they are.
    """
    try:
        # Cancelled once, psycopg asks the server to cancel the query, and would wait ten seconds for an
        # answer. Cancelled twice, it drops the connection.
        async with asyncio.timeout(TIMEOUT_SECONDS + CLEAN_UP_SECONDS), asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except (OperationalError, InterfaceError, PoolTimeoutError, TimeoutError, OSError) as error:
        raise unavailable(f"PostgreSQL: {type(error).__name__}") from error


def driver_url(url: str) -> URL:
    """Take a `postgresql://` address to the driver that is installed."""
    return make_url(url).set(drivername="postgresql+psycopg")
