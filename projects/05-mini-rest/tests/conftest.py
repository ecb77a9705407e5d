from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from kata.servers.postgres import EmbeddedPostgres
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from mini_rest.__main__ import MIGRATIONS
from mini_rest.account_repository import AccountRepository
from mini_rest.accounts import AccountService
from mini_rest.app import new_id
from mini_rest.domain import Actor, Role
from mini_rest.errors import DatabaseUnavailableError
from service_kit.database import Database
from service_kit.migrations import migrate

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated_url(postgres_server: EmbeddedPostgres) -> str:
    url = postgres_server.create_database("mini_rest")
    migrate(url, MIGRATIONS)
    return url


@pytest.fixture
def connection(migrated_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the test's own, to an empty database."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("TRUNCATE users, organisations, memberships, tasks, idempotency_keys")
        yield connection


@pytest.fixture
async def database(
    migrated_url: str, connection: psycopg.Connection[tuple[object, ...]]
) -> AsyncIterator[Database]:
    assert not connection.closed
    database = Database(migrated_url, "mini-rest", DatabaseUnavailableError)
    yield database
    await database.close()


@pytest.fixture
def accounts(database: Database) -> AccountService:
    return AccountService(AccountRepository(database), "operator-token", new_id)


@pytest.fixture
async def actor(accounts: AccountService) -> Actor:
    """A user of an organisation."""
    user, _ = await accounts.register("ada@example.com", "Ada")
    organisation = await accounts.found("Analytical Engines")
    await accounts.admit(organisation.id, user.id, Role.USER)
    return Actor(user.id, organisation.id, Role.USER)


@pytest.fixture(scope="session")
def session_world() -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres",), Draw())
    yield world
    world.close()
