import os
import re
import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from levels.__main__ import MIGRATIONS
from levels.app import TABLES
from levels.domain import Kind, RunKind, State, Trust
from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate

if TYPE_CHECKING:
    from collections.abc import Iterable


def tables_of(url: str) -> set[str]:
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            return set(inspect(connection).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrations_go_forward_and_back_and_forward_again(postgres_url: str) -> None:
    wanted: list[tuple[str, Iterable[str]]] = [(LATEST, TABLES), (EMPTY, ())]
    for revision, expected in wanted * 2:
        migrate(postgres_url, MIGRATIONS, revision)
        assert tables_of(postgres_url) == set(expected)


@pytest.mark.parametrize(
    ("constraint", "names"),
    [
        ("runs_state_check", State),
        ("runs_kind_check", RunKind),
        ("run_events_kind_check", Kind),
        ("progress_trust_check", Trust),
    ],
)
def test_a_column_takes_the_names_of_its_enum_and_no_others(
    postgres_url: str, constraint: str, names: type[StrEnum]
) -> None:
    migrate(postgres_url, MIGRATIONS)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", (constraint,)
        ).fetchone()
    assert found is not None
    assert set(re.findall(r"'(\w+)'", str(found[0]))) == set(names)


def test_there_is_one_learner_without_an_account_and_no_second(postgres_url: str) -> None:
    migrate(postgres_url, MIGRATIONS)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT name FROM learners").fetchall() == [("local",)]
        with pytest.raises(psycopg.errors.UniqueViolation, match="learners_local"):
            connection.execute("INSERT INTO learners (id, name, created_at) VALUES (uuidv7(), 'b', now())")


def test_two_releases_at_once_both_succeed(postgres_url: str) -> None:
    command = [sys.executable, "-m", "levels", "migrate"]
    environment = {**os.environ, "DATABASE_URL": postgres_url}
    releases = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
