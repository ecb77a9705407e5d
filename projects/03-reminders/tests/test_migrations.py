import os
import re
import subprocess
import sys
from collections import defaultdict
from enum import StrEnum

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from reminders.__main__ import MIGRATIONS
from reminders.domain import Channel, Outcome, State
from reminders.tables import ATTEMPTS, IDEMPOTENCY_KEYS, REMINDERS
from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate

TABLES = {table.name for table in (REMINDERS, ATTEMPTS, IDEMPOTENCY_KEYS)}

type Connection = psycopg.Connection[tuple[object, ...]]


def test_migrations_go_forward_and_back_and_forward_again(postgres_url: str) -> None:
    engine = create_engine(driver_url(postgres_url))
    with engine.connect() as connection:
        for revision, expected in [(LATEST, TABLES), (EMPTY, set[str]())] * 2:
            migrate(postgres_url, MIGRATIONS, revision)
            assert set(inspect(connection).get_table_names()) - {"alembic_version"} == expected
            connection.rollback()
    engine.dispose()


def test_the_columns_that_are_read_and_written_are_those_of_the_tables(connection: Connection) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    for table_name, column_name in connection.execute(columns):
        found[str(table_name)].add(str(column_name))
    for table, only_in_sql in (
        (REMINDERS, {"lease_token"}),
        (ATTEMPTS, {"worker"}),
        (IDEMPOTENCY_KEYS, set()),
    ):
        assert found[table.name] == set(table.c.keys()) | only_in_sql


@pytest.mark.parametrize(
    ("constraint", "names"),
    [
        ("reminders_state_check", State),
        ("reminders_channel_check", Channel),
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


@pytest.mark.parametrize("moment", ["remind_at", "due_at", "anchor", "created_at", "updated_at"])
@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01"])
def test_a_moment_that_no_process_could_read_is_refused(
    connection: Connection, moment: str, value: str
) -> None:
    row = {"remind_at": "now", "due_at": "now", "anchor": "now", "created_at": "now", "updated_at": "now"}
    row |= {"rrule": "FREQ=DAILY", "zone": "UTC", moment: value}
    query = f"""INSERT INTO reminders (id, message, channel, state, {", ".join(row)})
        VALUES (gen_random_uuid(), 'tea', 'log', 'scheduled', {", ".join(["%s"] * len(row))})"""
    with pytest.raises(psycopg.errors.CheckViolation, match="reminders_range_check"):
        connection.execute(query.encode(), list(row.values()))
    connection.rollback()


@pytest.mark.parametrize(
    ("counter", "value"),
    [("occurrence", 2**31 - 1), ("attempt_count", -1), ("version", 2**31 - 1), ("lease_token", 2**63 - 1)],
)
def test_a_counter_that_could_not_go_on_is_refused(connection: Connection, counter: str, value: int) -> None:
    query = f"""INSERT INTO reminders
        (id, message, channel, state, remind_at, due_at, created_at, updated_at, {counter})
        VALUES (gen_random_uuid(), 'tea', 'log', 'scheduled', now(), now(), now(), now(), {value})"""
    with pytest.raises(psycopg.errors.CheckViolation, match="reminders_range_check"):
        connection.execute(query.encode())
    connection.rollback()


def test_two_releases_at_once_both_succeed(postgres_url: str) -> None:
    command = [sys.executable, "-m", "reminders", "migrate"]
    environment = {**os.environ, "DATABASE_URL": postgres_url}
    releases = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
