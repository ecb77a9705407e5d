"""Fixtures for every test of the repository: the servers and the network that a service meets.

They come with the plugin and need no import:

- `redis_server`: one Redis-compatible server for the whole session; `redis_url`: its address, emptied first
- `own_redis`: one of the test's own, which it may stop, kill and freeze
- `postgres_server`: one PostgreSQL for the whole session; `postgres_url`: the address of an empty database
- `fault_proxy`: makes a proxy to a port, which fails on command
- `callback_server`: takes in and remembers the requests of a service
- `browser`: one page of a real browser, where there is one
- `free_port`: finds a TCP port on which nobody listens
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from kata.network.browser import BROWSERS, Browser, browser_here
from kata.network.callback_server import CallbackServer
from kata.network.fault_proxy import FaultProxy
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.valkey import EmbeddedValkey
from kata.system import ports

type ProxyTo = Callable[[int], FaultProxy]
type FreePort = Callable[[], int]


def pytest_configure() -> None:
    """Hear Ctrl-C again, and let what the tests start hear it: a shell's background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Redis-compatible server that all tests share: no test may stop it."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server: EmbeddedValkey) -> str:
    """The address of the shared Redis, which is empty when the test begins."""
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
    return redis_server.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Redis-compatible server that the test may stop, kill and freeze."""
    server = EmbeddedValkey(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that all tests share: no test may stop it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), syncs=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def postgres_url(postgres_server: EmbeddedPostgres) -> str:
    """The address of an empty database that is this test's own."""
    return postgres_server.create_database(f"test_{uuid4().hex}")


@pytest.fixture
def fault_proxy() -> Iterator[ProxyTo]:
    """Make a proxy to a port of this machine; it ends with the test."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(FaultProxy(ports.HOST, port))


@pytest.fixture
def callback_server() -> Iterator[CallbackServer]:
    """The world that a service calls."""
    with CallbackServer() as server:
        yield server


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """One page of a browser without a window; it ends with the test."""
    command = browser_here()
    if command is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on this machine")
    browser = Browser(command, tmp_path / "profile")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def free_port() -> FreePort:
    """Find a port on which nobody listens, another at nearly each call."""
    return ports.free_port
