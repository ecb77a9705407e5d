"""The transaction, and how long PostgreSQL may take: every way to the database begins here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from reminders.errors import DatabaseUnavailableError
from reminders.repository import IdempotencyKeys, Reminders

TIMEOUT_SECONDS = 1.5
CLEAN_UP_SECONDS = 0.25


def make_engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """Make an engine; nothing is connected to yet."""
    return create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=TIMEOUT_SECONDS,
        # Else one query fails for each connection of the pool after PostgreSQL was restarted.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 2,  # whole seconds, and libpq's least
            "application_name": "reminders",
            # A process that was frozen, or cut off, must not keep its row locks: claims pass locked rows by.
            # Plans are made for the LIMIT at hand (for any, one expects a tenth of the table and reads all)
            # and for pages in memory: so a claim goes by its index, however small or large the table is.
            "options": "-c idle_in_transaction_session_timeout=5s -c statement_timeout=5s"
            " -c plan_cache_mode=force_custom_plan -c random_page_cost=1.1 -c timezone=UTC",
        },
    )


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """Give up on a silent PostgreSQL in time.

    Cancelled once, psycopg asks the server to cancel the query, and would wait ten seconds for its answer;
    cancelled twice, it drops the connection.

    Raises: DatabaseUnavailableError.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS + CLEAN_UP_SECONDS), asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except (OperationalError, InterfaceError, PoolTimeoutError, TimeoutError, OSError) as error:
        raise DatabaseUnavailableError(f"PostgreSQL: {type(error).__name__}") from error


class UnitOfWork:
    """One transaction. What is not committed is rolled back."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.reminders = Reminders(session)
        self.idempotency_keys = IdempotencyKeys(session)

    async def now(self) -> datetime:
        """Return when the transaction began, by PostgreSQL's clock: the only one that decides here."""
        return (await self._session.execute(select(func.now()))).scalar_one()

    async def commit(self) -> None:
        await self._session.commit()


class Database:
    """Begins units of work."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """Begin a transaction.

        Raises: DatabaseUnavailableError, in bounded time.
        """
        async with bounded(), AsyncSession(self._engine, expire_on_commit=False) as session:
            yield UnitOfWork(session)

    async def ping(self) -> None:
        """Raises: DatabaseUnavailableError, in bounded time."""
        async with bounded(), self._engine.connect() as connection:
            await connection.execute(select(1))

    async def close(self) -> None:
        await self._engine.dispose()
