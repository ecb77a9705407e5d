import os
import re
import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from kata.servers.postgres import EmbeddedPostgres
from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate
from webhooks.__main__ import MIGRATIONS
from webhooks.app import TABLES
from webhooks.domain import EventState, Outcome, SourceState

if TYPE_CHECKING:
    from collections.abc import Iterable

type Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def empty_url(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    return postgres_server.create_database(request.node.name[:60])


def tables_of(url: str) -> set[str]:
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            return set(inspect(connection).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrations_go_forward_and_back_and_forward_again(empty_url: str) -> None:
    wanted: list[tuple[str, Iterable[str]]] = [(LATEST, TABLES), (EMPTY, ())]
    for revision, expected in wanted * 2:
        migrate(empty_url, MIGRATIONS, revision)
        assert tables_of(empty_url) == set(expected)


@pytest.mark.parametrize(
    ("constraint", "names"),
    [
        ("sources_state_check", SourceState),
        ("events_state_check", EventState),
        ("attempts_outcome_check", Outcome),
    ],
)
def test_a_column_takes_the_names_of_its_enum_and_no_others(
    connection: Connection, constraint: str, names: type[StrEnum]
) -> None:
    found = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", (constraint,)
    ).fetchone()
    assert found is not None
    assert set(re.findall(r"'(\w+)'", str(found[0]))) == set(names)


def test_two_releases_at_once_both_succeed(empty_url: str) -> None:
    command = [sys.executable, "-m", "webhooks", "migrate"]
    environment = {**os.environ, "DATABASE_URL": empty_url}
    releases = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
