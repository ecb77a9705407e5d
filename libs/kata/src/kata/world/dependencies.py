"""The servers that a solution needs, each behind a fault proxy."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from kata.network.fault_proxy import FaultProxy
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.valkey import EmbeddedValkey
from kata.solution.target import Target
from kata.system.ports import HOST


class RedisUnderTest:
    """One Redis server that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedValkey, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.proxy = proxy
        self.url = url
        self.client: redis.Redis = redis.Redis.from_url(server.url, decode_responses=True)

    def close(self) -> None:
        self.client.close()
        self.proxy.stop()
        self.server.kill()


class PostgresUnderTest:
    """One database that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedPostgres, database: str, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.database = database
        self.proxy = proxy
        self.url = url

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection of the verifier's own, past the proxy."""
        return psycopg.connect(self.server.url(self.database), autocommit=True)

    def close(self) -> None:
        self.proxy.stop()


class Dependencies:
    """Makes them for one service after another: a Redis each, and a database each of one PostgreSQL."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._postgres_server: EmbeddedPostgres | None = None
        self._count = 0

    def redis(self) -> RedisUnderTest:
        """Start a server: services with other settings must not count the same client in the same place."""
        self._count += 1
        server = EmbeddedValkey(self._folder / f"redis-{self._count}")
        server.start()
        proxy = self._proxy(server.port)
        return RedisUnderTest(server, proxy, f"redis://{self._target.dependency_host}:{proxy.port}/0")

    def postgres(self) -> PostgresUnderTest:
        """Make a database, and the server with the first of them."""
        self._count += 1
        if self._postgres_server is None:
            self._postgres_server = EmbeddedPostgres(self._folder / "postgres", syncs=False)
            self._postgres_server.start()
        server = self._postgres_server
        database = f"check_{self._count}"
        own = urlsplit(server.create_database(database))
        proxy = self._proxy(server.port)
        login = own.netloc.rpartition("@")[0]
        url = own._replace(netloc=f"{login}@{self._target.dependency_host}:{proxy.port}").geturl()
        return PostgresUnderTest(server, database, proxy, url)

    def close(self) -> None:
        if self._postgres_server:
            self._postgres_server.kill()

    def _proxy(self, port: int) -> FaultProxy:
        proxy = FaultProxy(HOST, port, listen_host=self._target.proxy_host)
        proxy.start()
        return proxy
