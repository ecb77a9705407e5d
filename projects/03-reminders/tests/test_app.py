import pytest
from psycopg import Connection

from kata.servers.valkey import EmbeddedValkey
from reminders.app import make_database
from reminders.errors import DatabaseUnavailableError
from reminders.settings import WorkerSettings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("table", ["reminders", "attempts", "idempotency_keys"])
async def test_without_one_of_its_tables_the_service_is_not_ready(
    migrated_url: str, connection: Connection, redis_server: EmbeddedValkey, table: str
) -> None:
    settings = WorkerSettings.model_validate({"database_url": migrated_url, "redis_url": redis_server.url})
    database = make_database(settings)
    await database.ping()
    connection.execute(f"ALTER TABLE {table} RENAME TO elsewhere".encode())
    try:
        with pytest.raises(DatabaseUnavailableError):
            await database.ping()
    finally:
        connection.execute(f"ALTER TABLE elsewhere RENAME TO {table}".encode())
    await database.ping()
    await database.close()
