"""Servers, and limiters over every storage. What is used of kata is used here alone."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest
from redis import Redis, RedisCluster
from redis.connection import Connection

from kata.servers.valkey import EmbeddedValkey
from kata.system.ports import free_port
from rate_limit import Algorithm, FailureMode, Limiter, MemoryStorage, Policy, RedisStorage

PATIENCE_SECONDS = 10
"""No busy machine drives a test that is not about time into failover."""


type MakeLimiter = Callable[[*tuple[Policy, ...]], Limiter]


class EmbeddedCluster(EmbeddedValkey):
    """A Redis Cluster of one node, which refuses what touches two slots at once."""

    def _argv(self) -> Sequence[str]:
        return [*super()._argv(), "--cluster-enabled", "yes"]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def session_redis_url(redis_server: EmbeddedValkey) -> str:
    return redis_server.url


@pytest.fixture(scope="session")
def session_redis(session_redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(session_redis_url) as redis:
        yield redis


@pytest.fixture
def redis(session_redis: Redis) -> Redis:
    session_redis.flushall()
    return session_redis


@pytest.fixture
def redis_url(redis: Redis, session_redis_url: str) -> str:
    assert redis.ping()
    return session_redis_url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Redis that the test may kill."""
    server = EmbeddedValkey(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that accepts and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def cluster_url(tmp_path: Path) -> Iterator[str]:
    server = EmbeddedCluster(tmp_path / "cluster")
    server.start()
    with Redis.from_url(server.url) as redis:
        redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        for _ in range(100):
            if redis.cluster("INFO")["cluster_state"] == "ok":
                break
            time.sleep(0.05)
    yield server.url
    server.kill()


@pytest.fixture
def cluster(cluster_url: str) -> Iterator[RedisCluster]:
    with RedisCluster.from_url(cluster_url) as client:
        yield client
    # redis-py loses the connection by which it found the Cluster, and leaves it open.
    for lost in [found for found in gc.get_objects() if type(found) is Connection]:
        if f":{lost.port}/" in cluster_url:
            lost.disconnect()  # type: ignore[no-untyped-call]  # redis-py leaves it undeclared


@pytest.fixture
def shared(redis_url: str) -> Iterator[RedisStorage]:
    """Redis, without a stand-in: a test must not pass by it."""
    storage = RedisStorage(redis_url, failure_mode=FailureMode.CLOSED, timeout_seconds=PATIENCE_SECONDS)
    yield storage
    storage.close()


@pytest.fixture(params=["memory", "redis", "redis-py"])
def storage(request: pytest.FixtureRequest) -> MemoryStorage | RedisStorage:
    """Every storage."""
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "redis":
        kept: RedisStorage = request.getfixturevalue("shared")
        return kept
    return RedisStorage(request.getfixturevalue("redis"), failure_mode=FailureMode.CLOSED)


@pytest.fixture(params=list(Algorithm))
def algorithm(request: pytest.FixtureRequest) -> Algorithm:
    kept: Algorithm = request.param
    return kept


@pytest.fixture
def limiter_of(storage: MemoryStorage | RedisStorage, algorithm: Algorithm) -> MakeLimiter:
    """Make a limiter of every storage and every algorithm."""

    def make(*policies: Policy) -> Limiter:
        return Limiter(storage, *policies, algorithm=algorithm)

    return make


_NUMBERS = count()


@pytest.fixture
def key() -> str:
    """A key that no other test has."""
    return f"client-{next(_NUMBERS)}"


@contextmanager
def served(folder: Path, interface: str, target: str, redis_url: str) -> Iterator[httpx.Client]:
    """Serve an application by one process of granian."""
    port = free_port()
    process = subprocess.Popen(
        [
            Path(sys.executable).with_name("granian"), "--interface", interface, "--no-ws",
            "--host", "127.0.0.1", "--port", str(port), "--log-level", "critical", target,
        ],
        cwd=folder,
        env={**os.environ, "REDIS_URL": redis_url},
    )  # fmt: skip
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            wait_for(client)
            yield client
        finally:
            process.terminate()
            process.wait(10)


def wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.get("/health")
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def serve() -> Callable[[Path, str, str, str], AbstractContextManager[httpx.Client]]:
    return served
