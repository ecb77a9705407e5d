import os
import re
import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, inspect

from service_kit.database import driver_url
from service_kit.migrations import EMPTY, LATEST, migrate
from webhooks.__main__ import MIGRATIONS
from webhooks.app import TABLES
from webhooks.domain import EventState, Outcome, SourceState

if TYPE_CHECKING:
    from collections.abc import Iterable

type Connection = psycopg.Connection[tuple[object, ...]]


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


SOURCE = {
    "id": "gen_random_uuid()",
    "name": "'one'",
    "scheme": "'github'",
    "destination": "'https://receiver.example/'",
    "signing_secret": "'s'",
    "key_pointers": "'[]'",
}
EVENT = {
    "id": "gen_random_uuid()",
    "source_id": "(SELECT id FROM sources)",
    "key": "'k'",
    "key_by": "'id'",
    "message_id": "'m'",
    "body": "'x'",
    "body_sha256": "'x'",
    "size_bytes": "1",
    "received_at": "now()",
}


def insert(connection: Connection, table: str, row: dict[str, str]) -> None:
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})".encode())


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("sources", {"created_at": "'infinity'"}),
        ("sources", {"name": "'UPPER'"}),
        ("sources", {"scheme": "'none'"}),
        ("sources", {"hmac": "'[]'"}),
        ("sources", {"key_pointers": "'{}'"}),
        ("sources", {"limit_per_minute": "-1"}),
        ("events", {"received_at": "'-infinity'"}),
        ("events", {"received_at": "'0044-03-15 BC'"}),
        ("events", {"due_at": "'20000-01-01'"}),
        ("events", {"body": "NULL"}),
        ("events", {"size_bytes": "-1"}),
        ("events", {"round": "2147483647"}),
        ("events", {"attempt_count": "2147483647"}),
        ("events", {"lease_token": "9223372036854775807"}),
    ],
    ids=str,
)
def test_what_no_process_could_read_is_refused(
    connection: Connection, table: str, wrong: dict[str, str]
) -> None:
    insert(connection, "sources", SOURCE)
    row = {**(EVENT if table == "events" else {**SOURCE, "name": "'two'"}), **wrong}
    with pytest.raises(psycopg.errors.CheckViolation, match=f"{table}_range_check"):
        insert(connection, table, row)
    connection.rollback()


def test_two_releases_at_once_both_succeed(postgres_url: str) -> None:
    command = [sys.executable, "-m", "webhooks", "migrate"]
    environment = {**os.environ, "DATABASE_URL": postgres_url}
    releases = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
