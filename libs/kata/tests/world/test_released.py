"""What `release:` leaves behind is copied where a copy says the same, and made again elsewhere."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from kata.catalog.projects import Project
from kata.errors import TargetError
from kata.judge.verdicts import NotRunError
from kata.servers.postgres import EmbeddedPostgres
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

SETTINGS = {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}
OTHER = {**SETTINGS, "LARGEST": "99"}
RELEASE = """
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

with Path("runs").open("a") as runs:
    runs.write(os.environ["LARGEST"] + "\\n")
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS numbers (number serial, largest text)")
    connection.execute("INSERT INTO numbers (largest) VALUES (%s)", [os.environ["LARGEST"]])
"""
ALTERS = """
    name = psycopg.sql.Identifier(connection.info.dbname)
    connection.execute(psycopg.sql.SQL("ALTER DATABASE {} SET work_mem = '5MB'").format(name))
"""
GRANTS = """
    name = psycopg.sql.Identifier(connection.info.dbname)
    connection.execute(psycopg.sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
"""
ASKS_REDIS = """
    socket.create_connection(("127.0.0.1", urlsplit(os.environ["REDIS_URL"]).port)).close()
"""
LEAVES_A_FILE = """
    (Path(os.environ["DATA_DIR"]) / "left").touch()
"""

type Releasing = Callable[[str], Path]


@pytest.fixture
def releasing(doubler: Project, tmp_path: Path) -> Releasing:
    """Write a doubler with a release, which goes on as told."""

    def write(more: str = "") -> Path:
        folder = tmp_path / "mine"
        folder.mkdir()
        shutil.copy(doubler.path / "app.py", folder)
        (folder / "Procfile").write_text("release: python migrate.py\nweb: exec python app.py\n")
        (folder / "migrate.py").write_text(RELEASE + more)
        return folder

    return write


@pytest.fixture
def make_world(postgres_server: EmbeddedPostgres) -> Iterator[Callable[[Path], OwnedWorld]]:
    """Make worlds that share a server, as those of one verification do."""
    worlds = []

    def make(folder: Path) -> OwnedWorld:
        address = postgres_server.address
        target = ProcfileTarget(folder)
        worlds.append(OwnedWorld(target, ["postgres", "redis", "files"], Draw("5eed"), postgres=address))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:  # no test copies another's
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'released_'"):
            connection.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(name)))


type MakeWorld = Callable[[Path], OwnedWorld]


def runs(folder: Path) -> list[str]:
    return (folder / "runs").read_text().split()


def test_a_release_is_run_once_for_services_with_the_same_settings(
    make_world: MakeWorld, releasing: Releasing
) -> None:
    folder = releasing("")
    world = make_world(folder)
    first = world.start(SETTINGS).postgres
    with first.connect() as connection:
        connection.execute("INSERT INTO numbers (largest) VALUES ('first')")
    second = world.start_alone(SETTINGS).postgres
    assert second.database != first.database
    with second.connect() as connection:
        # The copy is of what the release has left, with its sequence, and not of what came later.
        assert connection.execute("SELECT * FROM numbers").fetchall() == [(1, "9")]
        added = connection.execute("INSERT INTO numbers (largest) VALUES ('second') RETURNING number")
        assert added.fetchone() == (2,)
    assert runs(folder) == ["9"]


def test_a_release_is_run_again_for_other_settings(make_world: MakeWorld, releasing: Releasing) -> None:
    folder = releasing("")
    world = make_world(folder)
    world.start(SETTINGS)
    with world.start(OTHER).postgres.connect() as connection:
        assert connection.execute("SELECT * FROM numbers").fetchall() == [(1, "99")]
    assert runs(folder) == ["9", "99"]


@pytest.mark.parametrize("more", [ALTERS, GRANTS, ASKS_REDIS, LEAVES_A_FILE])
def test_a_release_that_does_what_a_copy_does_not_show_is_run_each_time(
    make_world: MakeWorld, releasing: Releasing, more: str
) -> None:
    folder = releasing(more)
    world = make_world(folder)
    world.start(SETTINGS)
    world.start_alone(SETTINGS)
    assert runs(folder) == ["9", "9"]


def test_a_server_alone_can_be_killed_and_is_nobody_elses(
    make_world: MakeWorld, releasing: Releasing
) -> None:
    world = make_world(releasing(""))
    shared = world.start(SETTINGS).postgres
    alone = world.start_alone(SETTINGS, postgres_alone=True).postgres
    with pytest.raises(NotRunError):
        shared.server.kill()  # other checks use it
    with alone.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("INSERT INTO numbers (largest) VALUES ('lost')")
    alone.server.kill()
    with shared.connect() as connection:
        assert connection.execute("SELECT * FROM numbers").fetchall() == [(1, "9")]
    alone.server.start()
    with alone.connect() as connection:
        assert connection.execute("SELECT * FROM numbers").fetchall() == [(1, "9")]
    world.end()
    assert not alone.server.alive


def test_worlds_side_by_side_share_one_run(make_world: MakeWorld, releasing: Releasing) -> None:
    folder = releasing("")
    worlds = [make_world(folder) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        services = list(pool.map(lambda world: world.start(SETTINGS), worlds))
    assert len({service.postgres.database for service in services}) == 3
    assert runs(folder) == ["9"]


def test_a_release_that_fails_leaves_nothing_to_copy(make_world: MakeWorld, releasing: Releasing) -> None:
    folder = releasing("    raise SystemExit(3)\n")
    world = make_world(folder)
    for _ in range(2):
        with pytest.raises(TargetError, match="release exited with code 3"):
            world.start(SETTINGS)
    assert runs(folder) == ["9", "9"]


def test_a_release_can_be_run_again_on_what_it_has_prepared(
    make_world: MakeWorld, releasing: Releasing
) -> None:
    folder = releasing("    connection.execute('CREATE TABLE once ()')\n")
    service = make_world(folder).start(SETTINGS)
    with pytest.raises(TargetError, match="release exited with code 1") as caught:
        service.release()
    assert 'relation "once" already exists' in "\n".join(caught.value.output)
    assert runs(folder) == ["9", "9"]
