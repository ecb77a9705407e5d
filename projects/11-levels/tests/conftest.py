from collections.abc import AsyncIterator

import pytest

from kata.servers.postgres import EmbeddedPostgres
from levels.__main__ import MIGRATIONS
from levels.app import TABLES
from levels.errors import DatabaseUnavailableError
from service_kit.database import Database
from service_kit.migrations import migrate


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(
    postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    url = postgres_server.create_database(request.node.name[:60])
    migrate(url, MIGRATIONS)
    database = Database(url, "levels", DatabaseUnavailableError, tables=TABLES)
    yield database
    await database.close()
