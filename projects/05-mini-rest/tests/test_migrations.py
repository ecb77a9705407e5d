from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from mini_rest.tables import Base
from service_kit.database import driver_url
from service_kit.migrations import migrate

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def differences(url: str) -> list[object]:
    """Return what the ORM's classes and the tables do not have alike; of indexes the classes know nothing."""
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
            return [one for one in found if one[0] != "remove_index"]
    finally:
        engine.dispose()


def test_the_migrations_make_the_tables(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    assert differences(postgres_url) == []


@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
def test_a_moment_that_would_break_each_list_it_is_in_is_refused(postgres_url: str, value: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET session_replication_role = replica")  # without the rows that it refers to
        with pytest.raises(psycopg.errors.CheckViolation, match="tasks_range_check"):
            connection.execute(
                "INSERT INTO tasks"
                " (id, organisation_id, owner_id, title, status, version, is_deleted, due_at)"
                " SELECT one, one, one, 'tea', 'open', 1, false, %s FROM gen_random_uuid() AS one",
                (value,),
            )


def test_the_migrations_can_be_undone(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    migrate(postgres_url, MIGRATIONS, "base")
    assert differences(postgres_url) != []
