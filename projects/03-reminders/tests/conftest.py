from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

import psycopg
import pytest

from kata.servers.postgres import EmbeddedPostgres
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld
from reminders.__main__ import MIGRATIONS
from reminders.app import SESSION_SETTINGS, new_id
from reminders.errors import DatabaseUnavailableError
from service_kit.database import Database
from service_kit.migrations import migrate

PROJECT = Path(__file__).parents[1]

type Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def migrated_url(postgres_server: EmbeddedPostgres) -> str:
    url = postgres_server.create_database("reminders")
    migrate(url, MIGRATIONS)
    return url


@pytest.fixture
def connection(migrated_url: str) -> Iterator[Connection]:
    """A connection of the test's own, to an empty database."""
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("TRUNCATE reminders, attempts, idempotency_keys")
        yield connection


@pytest.fixture
async def database(migrated_url: str, connection: Connection) -> AsyncIterator[Database]:
    assert not connection.closed
    database = Database(
        migrated_url, "reminders", DatabaseUnavailableError, session_settings=SESSION_SETTINGS
    )
    yield database
    await database.close()


@pytest.fixture(scope="session")
def session_world() -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres", "redis"), Draw())
    yield world
    world.close()


@pytest.fixture
def world(session_world: OwnedWorld) -> Iterator[OwnedWorld]:
    """The service's real processes, started by its Procfile; what a test starts alone ends with it."""
    yield session_world
    session_world.end()


class Insert(Protocol):
    def __call__(
        self, due_in_seconds: float = -1.0, *, message: str = "hello", rrule: str | None = None
    ) -> UUID: ...


@pytest.fixture
def insert(connection: Connection) -> Insert:
    """Write a reminder that is due so many seconds from now."""

    def insert(due_in_seconds: float = -1.0, *, message: str = "hello", rrule: str | None = None) -> UUID:
        reminder_id = new_id()
        now = datetime.now(UTC)
        due_at = now + timedelta(seconds=due_in_seconds)
        connection.execute(
            "INSERT INTO reminders (id, message, channel, remind_at, rrule, zone, anchor, state, due_at,"
            " created_at, updated_at) VALUES (%s, %s, 'log', %s, %s, %s, %s, 'scheduled', %s, %s, %s)",
            (
                reminder_id,
                message,
                due_at,
                rrule,
                rrule and "Europe/Berlin",
                rrule and due_at,
                due_at,
                now,
                now,
            ),
        )
        return reminder_id

    return insert


@pytest.fixture
def let_pass(connection: Connection) -> Callable[[float], None]:
    """Let time pass, as far as the database is concerned: everything in it gets older."""

    def let_pass(seconds: float) -> None:
        connection.execute(
            "UPDATE reminders SET due_at = due_at - %(age)s * interval '1 second',"
            " remind_at = remind_at - %(age)s * interval '1 second'",
            {"age": seconds},
        )

    return let_pass
