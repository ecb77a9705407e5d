"""Numbered files in a folder of their own, against a real PostgreSQL."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from kata.servers.postgres import EmbeddedPostgres
from service_kit.migrations import EMPTY, migrate

CREATE = """
from alembic import op
import sqlalchemy as sa

revision = "{number}"
down_revision = {before}

def upgrade():
    {upgrade}

def downgrade():
    op.drop_table("{table}")
"""
PATIENCE = 20
SLOW_TABLE = 'op.execute("SELECT pg_sleep(0.3)"); op.create_table("{table}", sa.Column("id", sa.Integer))'


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), syncs=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    return postgres.create_database(request.node.name[:60])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations, of a table each; a percent sign in the path means something to configuration files."""
    folder = tmp_path / "100% migrations"
    folder.mkdir()
    add(folder, 1, "events")
    add(folder, 2, "attempts")
    return folder


def add(folder: Path, number: int, table: str, upgrade: str = SLOW_TABLE) -> None:
    before = repr(f"{number - 1:04}") if number > 1 else None
    upgrade = upgrade.format(table=table)
    text = CREATE.format(number=f"{number:04}", before=before, table=table, upgrade=upgrade)
    (folder / f"{number:04}_create_{table}.py").write_text(text)


def tables(url: str) -> set[object]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows} - {"alembic_version"}


def test_all_that_is_new_is_applied_and_again_nothing(url: str, folder: Path) -> None:
    migrate(url, folder)
    assert tables(url) == {"events", "attempts"}
    migrate(url, folder)
    add(folder, 3, "keys")
    migrate(url, folder)
    assert tables(url) == {"events", "attempts", "keys"}


def test_it_goes_back_to_a_revision_and_to_nothing(url: str, folder: Path) -> None:
    migrate(url, folder)
    migrate(url, folder, "0001")
    assert tables(url) == {"events"}
    migrate(url, folder, EMPTY)
    assert tables(url) == set()


def test_a_migration_that_fails_leaves_all_as_it_was(url: str, folder: Path) -> None:
    add(folder, 3, "keys", 'raise ZeroDivisionError("{table}")')
    with pytest.raises(ZeroDivisionError):
        migrate(url, folder)
    assert tables(url) == set()


def test_of_two_at_once_the_second_waits_and_finds_nothing_to_do(url: str, folder: Path) -> None:
    script = "import sys; from pathlib import Path; from service_kit.migrations import migrate;"
    script += " migrate(sys.argv[1], Path(sys.argv[2]))"
    releases = [subprocess.Popen([sys.executable, "-c", script, url, str(folder)]) for _ in range(2)]
    assert [release.wait(timeout=60) for release in releases] == [0, 0]
    assert tables(url) == {"events", "attempts"}


def test_who_migrates_nothing_does_without_alembic() -> None:
    code = "import sys, service_kit.migrations; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_waits_for_a_table_a_moment_at_a_time(url: str, folder: Path) -> None:
    migrate(url, folder)
    add(folder, 3, "events", 'op.add_column("{table}", sa.Column("note", sa.Text))')
    asked = """
        SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass
    """
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as reader:
        reader.execute("SELECT FROM events")  # whoever holds this lock keeps the column waiting
        migrating = pool.submit(migrate, url, folder, lock_timeout_seconds=0.1)
        with psycopg.connect(url, autocommit=True) as observer:
            waits: list[bool] = []
            while waits.count(True) == 0 or waits[-1] or len(waits) < PATIENCE:
                waits.append(observer.execute(asked).fetchone() != (0,))
                assert len(waits) < PATIENCE * 100
                time.sleep(0.01)
            reader.commit()
        migrating.result()
    with psycopg.connect(url) as connection:
        connection.execute("SELECT note FROM events")


def test_it_gives_up_when_its_patience_ends(url: str, folder: Path) -> None:
    migrate(url, folder)
    add(folder, 3, "events", 'op.add_column("{table}", sa.Column("note", sa.Text))')
    with psycopg.connect(url) as reader:
        reader.execute("SELECT FROM events")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(url, folder, lock_timeout_seconds=0.05, patience_seconds=0.2)
