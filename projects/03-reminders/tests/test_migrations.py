import os
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from kata.servers.postgres import EmbeddedPostgres
from reminders.__main__ import MIGRATIONS
from reminders.tables import METADATA
from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    return postgres_server.create_database(request.node.name[:60])


def test_migrations_go_forward_and_back_and_forward_again(empty_url: str) -> None:
    engine = create_engine(driver_url(empty_url))
    with engine.connect() as connection:
        for revision, expected in [(LATEST, set(METADATA.tables)), (EMPTY, set[str]())] * 2:
            migrate(empty_url, MIGRATIONS, revision)
            assert set(inspect(connection).get_table_names()) - {"alembic_version"} == expected
            connection.rollback()
    engine.dispose()


def test_the_tables_are_what_the_migrations_make(migrated_url: str) -> None:
    engine = create_engine(driver_url(migrated_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_the_checks_of_the_tables_are_those_of_the_database(
    migrated_url: str, postgres_server: EmbeddedPostgres
) -> None:
    """Alembic compares no check constraints: so PostgreSQL's own words for them are."""
    made_url = postgres_server.create_database("made_from_tables")
    found = []
    for url in (migrated_url, made_url):
        engine = create_engine(driver_url(url))
        with engine.begin() as connection:
            METADATA.create_all(connection)
            rows = connection.execute(
                text(
                    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                    " WHERE contype = 'c' AND conrelid <> 0 ORDER BY 1"
                )
            )
            found.append([tuple(row) for row in rows])
        engine.dispose()
    assert found[0] == found[1]
    assert len(found[0]) == 6


def test_two_releases_at_once_both_succeed(empty_url: str) -> None:
    command = [sys.executable, "-m", "reminders", "migrate"]
    environment = {**os.environ, "DATABASE_URL": empty_url}
    releases = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
