import asyncio

import psycopg
import pytest

from kata.servers.postgres import EmbeddedPostgres
from webhooks.direct import DirectConnection
from webhooks.errors import StoreUnavailableError

type Connection = psycopg.Connection[tuple[object, ...]]

pytestmark = pytest.mark.anyio


async def test_a_connection_is_kept_and_made_anew_when_it_was_lost(
    direct: DirectConnection, connection: Connection
) -> None:
    backends = []
    for _ in range(2):
        async with direct.lent() as lent:
            backends.append(lent.info.backend_pid)
    assert backends[0] == backends[1]
    connection.execute("SELECT pg_terminate_backend(%s)", [backends[0]])
    await asyncio.sleep(0.05)
    async with direct.lent() as lent:
        assert lent.info.backend_pid != backends[0]
        assert await (await lent.execute("SELECT 1 AS one")).fetchone() == {"one": 1}


async def test_what_went_wrong_ends_the_connection_and_the_next_one_works(direct: DirectConnection) -> None:
    with pytest.raises(StoreUnavailableError, match="UndefinedTable"):
        async with direct.lent() as lent:
            await lent.execute("SELECT * FROM nothing")
    async with direct.lent() as lent:
        await lent.execute("SELECT 1")


async def test_a_statement_that_takes_too_long_is_given_up(direct: DirectConnection) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(StoreUnavailableError):
        async with direct.lent() as lent:
            await lent.execute("SELECT pg_sleep(30)")
    assert loop.time() - began < 3


async def test_nobody_there_is_an_outage(postgres_server: EmbeddedPostgres) -> None:
    nobody = DirectConnection(postgres_server.url().replace(str(postgres_server.port), "1"))
    with pytest.raises(StoreUnavailableError):
        async with nobody.lent():
            pass
