from collections.abc import AsyncIterator

import pytest

from levels.__main__ import MIGRATIONS
from levels.app import TABLES
from levels.errors import DatabaseUnavailableError
from service_kit.database import Database
from service_kit.migrations import migrate


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    migrate(postgres_url, MIGRATIONS)
    database = Database(postgres_url, "levels", DatabaseUnavailableError, tables=TABLES)
    yield database
    await database.close()
