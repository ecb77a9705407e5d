from pathlib import Path

from sqlalchemy import create_engine, inspect

from core_backend.app import TABLES
from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def tables_of(url: str) -> set[str]:
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            return set(inspect(connection).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrations_go_forward_and_back_and_forward_again(postgres_url: str) -> None:
    for revision, expected in ((LATEST, set(TABLES)), (EMPTY, set())) * 2:
        migrate(postgres_url, MIGRATIONS, revision)
        assert tables_of(postgres_url) == expected
