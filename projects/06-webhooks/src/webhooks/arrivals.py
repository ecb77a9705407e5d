"""Wakes a worker when an event has been committed, so that it need not ask PostgreSQL all the time.

A notification may be lost with its connection. So a worker asks now and then all the same, and loses no more
than time.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from psycopg import AsyncConnection, Error

from service_kit.database import driver_url

CHANNEL: Final = "webhooks_due"
ALIVE_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 2.0
TRY_AGAIN_SECONDS: Final = 0.5


async def listen_for_ever(url: str, wake: Callable[[], None]) -> None:
    """Call `wake` at each notification, over a connection of its own that is made anew when it is lost."""
    address = driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        with suppress(Error, OSError, TimeoutError):
            await _listen(address, wake)
        await asyncio.sleep(TRY_AGAIN_SECONDS)


async def _listen(address: str, wake: Callable[[], None]) -> None:
    async with asyncio.timeout(CONNECT_SECONDS):
        connection = await AsyncConnection.connect(
            address, autocommit=True, application_name="webhooks listen"
        )
    try:
        while True:
            async with asyncio.timeout(CONNECT_SECONDS):  # one that is silent is given up
                await connection.execute(f"LISTEN {CHANNEL}".encode())
            wake()  # what came before that
            async for _ in connection.notifies(timeout=ALIVE_SECONDS):
                wake()
    finally:
        connection.pgconn.finish()  # without a word to a server that may not answer
