"""A service without HTTP, on a database of its own."""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from backup.app import create_backups
from backup.domain import Run, State
from backup.service import Backups
from backup.settings import StoreSettings
from kata.servers.postgres_programs import postgres_folder

type Execute = Callable[[str], list[tuple[object, ...]]]
type Finished = Callable[[Run], Run]


@pytest.fixture
def backups(postgres_url: str, tmp_path: Path) -> Backups:
    settings = {
        "database_url": postgres_url,
        "data_dir": tmp_path / "data",
        "postgres_bin": postgres_folder(),
    }
    backups = create_backups(StoreSettings.model_validate(settings))
    backups.storage.prepare()
    return backups


@pytest.fixture
def finished(backups: Backups) -> Finished:
    """Wait until a run has ended."""

    def wait(run: Run) -> Run:
        while (now := backups.runs.find(run.id)).state is State.RUNNING:
            time.sleep(0.01)
        return now

    return wait


@pytest.fixture
def execute(postgres_url: str) -> Execute:
    """Execute a statement in the live database."""

    def run(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run
