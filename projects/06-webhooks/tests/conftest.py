from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from kata.servers.postgres import EmbeddedPostgres
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from service_kit.database import Database
from service_kit.migrations import migrate
from webhooks.__main__ import MIGRATIONS
from webhooks.direct import DirectConnection
from webhooks.errors import StoreUnavailableError

PROJECT = Path(__file__).parents[1]

type Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated_url(postgres_server: EmbeddedPostgres) -> str:
    url = postgres_server.create_database("webhooks")
    migrate(url, MIGRATIONS)
    return url


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    """A connection of the test's own, to an empty database."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("TRUNCATE sources, idempotency_keys CASCADE")
        yield connection


@pytest.fixture
async def database(migrated_url: str, connection: Connection) -> AsyncIterator[Database]:
    assert not connection.closed
    database = Database(migrated_url, "webhooks", StoreUnavailableError)
    yield database
    await database.close()


@pytest.fixture
def direct(migrated_url: str, connection: Connection) -> Iterator[DirectConnection]:
    assert not connection.closed
    direct = DirectConnection(migrated_url)
    yield direct
    direct.close()


@pytest.fixture(scope="session")
def session_world() -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres",), Draw())
    yield world
    world.close()


@pytest.fixture
def world(session_world: OwnedWorld) -> Iterator[OwnedWorld]:
    """The service's real processes, started by its Procfile; what a test starts alone ends with it."""
    yield session_world
    session_world.end()
