"""What both kinds of connections promise, asked of a server that can be anything."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from hiredis import ReplyError

from kata.servers.valkey import EmbeddedValkey
from redis_wire import (
    RedisUnavailableError,
    RedisUrlError,
    Script,
    Sockets,
    Streams,
    checked,
    command,
    parse_address,
)

PING = command(b"PING")
TIMEOUT_SECONDS = 2.0
BOUND_SECONDS = 4.0
"""For an answer, on a machine that may be busy."""


class Ask(Protocol):
    """Send commands one after the other, on connections that stay open; errors are returned."""

    def __call__(self, url: str, *steps: bytes | Callable[[], object]) -> list[object]: ...


def over_sockets(url: str, *steps: bytes | Callable[[], object]) -> list[object]:
    sockets = Sockets(parse_address(url), TIMEOUT_SECONDS)
    replies: list[object] = []
    for step in steps:
        try:
            replies.append(sockets.ask(step) if isinstance(step, bytes) else step())
        except RedisUnavailableError as error:
            replies.append(error)
    sockets.close()
    return replies


def over_streams(url: str, *steps: bytes | Callable[[], object]) -> list[object]:
    async def ask_all() -> list[object]:
        streams = Streams(parse_address(url), TIMEOUT_SECONDS)
        replies: list[object] = []
        for step in steps:
            try:
                replies.append(await streams.ask(step) if isinstance(step, bytes) else step())
            except RedisUnavailableError as error:
                replies.append(error)
            # Whoever connected has waited a little longer than the stream, which is given up only then.
            await asyncio.sleep(0.05)
        await streams.aclose()
        return replies

    return asyncio.run(ask_all())


@pytest.fixture(params=[over_sockets, over_streams], ids=["sockets", "streams"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


class Puppet(NamedTuple):
    """A server that answers each read with what stands next in its script, whoever asks."""

    url: str
    connections: list[socket.socket]


@pytest.fixture
def puppet() -> Iterator[Callable[[Sequence[Sequence[bytes]]], Puppet]]:
    """Start one; the pieces of an answer are 0.1 s apart."""
    servers: list[socket.socket] = []

    def start(answers: Sequence[Sequence[bytes]]) -> Puppet:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        found = Puppet(f"redis://127.0.0.1:{server.getsockname()[1]}", [])

        def serve() -> None:
            left = iter(answers)
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                found.connections.append(connection)
                threading.Thread(target=answer, args=(connection, left), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return found

    def answer(connection: socket.socket, left: Iterator[Sequence[bytes]]) -> None:
        with connection, suppress(OSError):
            while connection.recv(65_536):
                for piece in next(left, ()):
                    connection.sendall(piece)
                    time.sleep(0.1)

    yield start
    for server in servers:
        server.close()


def test_replies_of_every_kind(ask: Ask, redis: EmbeddedValkey) -> None:
    script = Script("return {KEYS[1], ARGV[1]}")
    replies = ask(
        redis.url,
        command(b"SCRIPT", b"FLUSH"),
        command(b"SET", "Füchs".encode(), b"\x00\r\n\xff"),
        command(b"GET", "Füchs".encode()),
        command(b"GET", b"none"),
        command(b"LLEN", "Füchs".encode()),
        script.by_hash([b"key"], [b"argument"]),
        script.with_text([b"key"], [b"argument"]),
        script.by_hash([b""], [b""]),
    )

    assert replies[:4] == [b"OK", b"OK", b"\x00\r\n\xff", None]
    assert [type(reply) for reply in replies[4:6]] == [ReplyError, ReplyError]
    assert replies[6:] == [[b"key", b"argument"], [b"", b""]]
    with pytest.raises(RedisUnavailableError, match="WRONGTYPE"):
        checked(replies[4])


def test_an_answer_in_pieces_has_as_much_time_as_a_whole_one(
    ask: Ask, puppet: Callable[[Sequence[Sequence[bytes]]], Puppet]
) -> None:
    slow = puppet([[b"$50\r\n", *[b"x"] * 50, b"\r\n"]])
    started = time.monotonic()
    (error,) = ask(slow.url, PING)

    assert isinstance(error, RedisUnavailableError)
    assert time.monotonic() - started < BOUND_SECONDS


@pytest.mark.parametrize(
    "nonsense", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x00\x01", b"$-7\r\n", b"*99999999999999\r\n"]
)
def test_what_is_no_redis_is_unavailable(
    ask: Ask, puppet: Callable[[Sequence[Sequence[bytes]]], Puppet], nonsense: bytes
) -> None:
    (error, after) = ask(puppet([[nonsense], [b"+PONG\r\n"]]).url, PING, PING)

    assert isinstance(error, RedisUnavailableError)
    assert after == b"PONG"  # on another connection


def test_a_late_reply_is_nobody_s(ask: Ask, puppet: Callable[[Sequence[Sequence[bytes]]], Puppet]) -> None:
    late = puppet([[], [b"+second\r\n"]])

    first, second = ask(late.url, PING, PING)

    assert isinstance(first, RedisUnavailableError)
    assert second == b"second"
    assert len(late.connections) == 2


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", f"redis://{'x' * 300}.example", "unix:///nowhere"])
def test_nobody_there(ask: Ask, url: str) -> None:
    assert isinstance(ask(url, PING)[0], RedisUnavailableError)


def test_a_server_that_was_restarted_costs_a_stream_one_answer_at_most(ask: Ask, tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "redis")
    server.start()

    def restart() -> None:
        server.kill()
        server.start()
        time.sleep(0.15)  # a socket that was in use more recently is not checked

    replies = ask(server.url, PING, restart, PING, PING)
    server.kill()

    assert replies[0] == b"PONG"
    assert replies[-1] == b"PONG"


def test_a_unix_socket_and_a_password(ask: Ask, tmp_path: Path) -> None:
    """The socket's path is short: there is room for 107 bytes."""
    path = Path("/tmp") / f"wire-{tmp_path.name[-20:]}.sock"

    class OnASocket(EmbeddedValkey):
        def _argv(self) -> Sequence[str]:
            return [*super()._argv(), "--unixsocket", str(path)]

    server = OnASocket(tmp_path / "redis")
    server.start()
    ask(server.url, command(b"CONFIG", b"SET", b"requirepass", b"p@ss"))
    try:
        assert ask(f"unix://:p%40ss@{path}?db=2", PING) == [b"PONG"]
        assert "NOAUTH" in str(ask(f"unix://{path}", PING)[0])
    finally:
        server.kill()
        path.unlink(missing_ok=True)


def test_many_threads_share_the_connections_and_get_their_own_replies(redis: EmbeddedValkey) -> None:
    with closing(Sockets(parse_address(redis.url), 10)) as sockets:
        wrong: list[object] = []

        def talk(name: bytes) -> None:
            for number in range(200):
                word = b"%b-%d" % (name, number)
                if sockets.ask(command(b"ECHO", word)) != word:
                    wrong.append(word)

        threads = [threading.Thread(target=talk, args=(b"%d" % number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert not wrong


def test_tasks_of_one_tick_get_their_own_replies(redis: EmbeddedValkey) -> None:
    async def talk() -> list[object]:
        streams = Streams(parse_address(redis.url), 10)
        words = [b"%d" % number for number in range(1_000)]
        replies = await asyncio.gather(*[streams.ask(command(b"ECHO", word)) for word in words])
        await streams.aclose()
        return replies

    assert asyncio.run(talk()) == [b"%d" % number for number in range(1_000)]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nowhere", "scheme"),
        ("redis://:hidden@host?socket_timeout=3", "socket_timeout"),
        ("redis://host:99999", "[Pp]ort"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, reason: str) -> None:
    with pytest.raises(RedisUrlError, match=reason) as raised:
        parse_address(url)
    assert "hidden" not in str(raised.value)


def test_the_guide_s_example_prints_what_is_said(redis: EmbeddedValkey) -> None:
    guide = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (said,) = re.findall(r"It prints:\n\n```\n(.*?)```", guide, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example],
        env={**os.environ, "REDIS_URL": redis.url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == said, done.stderr
