from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from flags.tables import METADATA
from service_kit.database import driver_url
from service_kit.migrations import migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def differences(url: str) -> list[object]:
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), METADATA))
    finally:
        engine.dispose()


def test_the_migrations_make_the_tables(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    assert differences(postgres_url) == []


def test_the_migrations_can_be_undone(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    migrate(postgres_url, MIGRATIONS, "base")
    assert differences(postgres_url) != []
