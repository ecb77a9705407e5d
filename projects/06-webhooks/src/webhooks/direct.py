"""One connection to PostgreSQL for the way of a delivery, with nothing between it and the driver.

All else goes through a pool and SQLAlchemy, which asks the same question for five times the processor time. A
batch waits for the one before it anyway, so it needs no pool: one connection, made when it is first used, and
made anew when it was lost.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from select import POLLIN, poll
from typing import Final

from psycopg import AsyncConnection, Error
from psycopg.rows import DictRow, dict_row
from sqlalchemy.dialects.postgresql.psycopg import dialect

from service_kit.database import (
    BOUNDS,
    CONNECT_TIMEOUT_SECONDS,
    PINNED,
    SETTINGS,
    bounded,
    check_settings,
    driver_url,
    session_options,
)
from webhooks.errors import StoreUnavailableError
from webhooks.statements import statement

type Connection = AsyncConnection[DictRow]

DIALECT: Final = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's


class DirectConnection:
    """One connection, for one caller at a time. Each statement commits by itself.

    All that goes wrong is a StoreUnavailableError, in bounded time, and ends the connection.
    """

    def __init__(self, url: str) -> None:
        address = driver_url(url).set(drivername="postgresql")
        self._address = address.render_as_string(hide_password=False)
        self._connection: Connection | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Connection]:
        async with bounded(StoreUnavailableError):
            try:
                if self._connection is None or is_lost(self._connection):
                    self.close()
                    self._connection = await connect(self._address)
                yield self._connection
            except BaseException as error:
                self.close()
                if isinstance(error, Error):
                    raise StoreUnavailableError(f"PostgreSQL: {type(error).__name__}") from error
                raise

    def close(self) -> None:
        """End it, without a word to a server that may not answer."""
        if self._connection is not None:
            self._connection.pgconn.finish()
        self._connection = None


async def connect(address: str) -> Connection:
    connection = await AsyncConnection.connect(
        address,
        autocommit=True,
        row_factory=dict_row,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        application_name="webhooks",
        options=session_options(PINNED, BOUNDS),
    )
    rows = await (await connection.execute(SETTINGS)).fetchall()
    check_settings({row["name"]: row["setting"] for row in rows})
    return connection


def is_lost(connection: Connection) -> bool:
    """Tell whether the server has gone: it says so, or closes, and there is something to read."""
    if connection.closed:
        return True
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    return bool(waiting.poll(0))


async def run(connection: Connection, name: str, **parameters: object) -> Sequence[DictRow]:
    """Run sql/NAME.sql."""
    cursor = await connection.execute(driver_text(name), parameters)
    return await cursor.fetchall() if cursor.description else []


@cache
def driver_text(name: str) -> bytes:
    """Write a statement as the driver has it, with its arrays in binary: a body is not escaped then."""
    return str(statement(name).compile(dialect=DIALECT)).replace(")s", ")b").encode()
