"""The servers that a solution needs, each behind a fault proxy."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from kata.judge.verdicts import NotRunError
from kata.network.fault_proxy import FaultProxy
from kata.servers.databases import PostgresServer
from kata.servers.mail import MailServer
from kata.servers.postgres import EmbeddedPostgres
from kata.servers.s3 import KEY, EmbeddedS3
from kata.servers.valkey import EmbeddedValkey
from kata.solution.target import Target
from kata.system.ports import HOST

# Where it is, and the server itself if it is this world's.
type _Postgres = tuple[PostgresServer, EmbeddedPostgres | None]


class RedisUnderTest:
    """One Redis server that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedValkey, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.proxy = proxy
        self.url = url
        database = int(urlsplit(url).path[1:])
        self.client: redis.Redis = redis.Redis(HOST, server.port, database, decode_responses=True)

    def close(self) -> None:
        self.client.close()
        self.proxy.stop()
        self.server.kill()


class PostgresUnderTest:
    """One database that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(
        self,
        address: PostgresServer,
        database: str,
        proxy: FaultProxy,
        url: str,
        own: EmbeddedPostgres | None = None,
        *,
        ends_with_it: bool = False,
    ) -> None:
        self.address = address
        self.database = database
        self.proxy = proxy
        self.url = url
        self._own = own
        self._ends_with_it = ends_with_it

    @property
    def server(self) -> EmbeddedPostgres:
        """The server itself, which can be stopped and killed where no other checks use it."""
        if self._own is None:
            raise NotRunError("it needs a PostgreSQL of its own, and other checks use this one")
        return self._own

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Open a connection of the verifier's own, past the proxy."""
        return self.address.connect(self.database)

    def count_statements(self) -> int:
        """Return how many statements this database was sent so far."""
        return self.address.count_statements(self.database)

    def close(self) -> None:
        self.proxy.stop()
        if self._own is not None and self._ends_with_it:
            self._own.kill()


class MailUnderTest:
    """One mail server that a solution reaches through a fault proxy; the verifier reads what it took in."""

    def __init__(self, server: MailServer, proxy: FaultProxy, url: str) -> None:
        self.server = server
        self.proxy = proxy
        self.url = url

    def close(self) -> None:
        self.proxy.stop()
        self.server.stop()


class BucketUnderTest:
    """An empty bucket that a solution reaches through a fault proxy, and the verifier directly."""

    def __init__(self, server: EmbeddedS3, name: str, proxy: FaultProxy, endpoint: str) -> None:
        self.server = server
        self.name = name
        self.proxy = proxy
        self.settings = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_REGION": "us-east-1",
        }

    def keys(self, prefix: str = "") -> list[str]:
        return self.server.keys(self.name, prefix)

    def read(self, key: str) -> bytes:
        return self.server.read(self.name, key)

    def write(self, key: str, content: bytes) -> None:
        self.server.write(self.name, key, content)

    def delete(self, key: str) -> None:
        self.server.delete(self.name, key)


class Dependencies:
    """Makes them for one service after another: a Redis each, and a database each of one PostgreSQL.

    Worlds side by side share the PostgreSQL that they are given. A world without one has its own.
    """

    def __init__(self, target: Target, folder: Path, postgres: PostgresServer | None = None) -> None:
        self._target = target
        self._folder = folder
        self._postgres: _Postgres | None = (postgres, None) if postgres else None
        self._s3: EmbeddedS3 | None = None
        self._proxies: list[FaultProxy] = []
        self._count = 0

    def redis(self, database: int) -> RedisUnderTest:
        """Start a server: services with other settings must not count the same client in the same place."""
        self._count += 1
        server = EmbeddedValkey(self._folder / f"redis-{self._count}")
        server.start()
        proxy = self._proxy(server.port)
        return RedisUnderTest(
            server, proxy, f"redis://{self._target.dependency_host}:{proxy.port}/{database}"
        )

    def postgres(self, *, alone: bool = False) -> PostgresUnderTest:
        """Give a database a name and a way to it; it is yet to be made. `alone`: on a server of its own."""
        if alone:
            server = self._start_postgres()
        else:
            server = self._postgres = self._postgres or self._start_postgres()
        address, own = server
        database = f"app_{secrets.token_hex(6)}"
        direct = urlsplit(address.url(database))
        proxy = self._proxy(address.port)
        login = direct.netloc.rpartition("@")[0]
        url = direct._replace(netloc=f"{login}@{self._target.dependency_host}:{proxy.port}").geturl()
        return PostgresUnderTest(address, database, proxy, url, own, ends_with_it=alone)

    def mail(self) -> MailUnderTest:
        """Start a server: what a service sends is read by nobody else's checks."""
        server = MailServer()
        server.start()
        proxy = self._proxy(server.port)
        return MailUnderTest(server, proxy, f"smtp://{self._target.dependency_host}:{proxy.port}")

    def bucket(self) -> BucketUnderTest:
        """Make a bucket, in the S3 that the first one starts: few checks ask for it."""
        if self._s3 is None:
            self._s3 = EmbeddedS3(self._folder / "s3")
            self._s3.start()
        name = f"bucket-{secrets.token_hex(6)}"
        self._s3.make_bucket(name)
        proxy = self._proxy(self._s3.port)
        self._proxies.append(proxy)
        return BucketUnderTest(self._s3, name, proxy, f"http://{self._target.dependency_host}:{proxy.port}")

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.stop()
        if self._s3:
            self._s3.kill()
        if self._postgres and self._postgres[1]:
            self._postgres[1].kill()

    def _start_postgres(self) -> _Postgres:
        self._count += 1
        server = EmbeddedPostgres(self._folder / f"postgres-{self._count}", syncs=False)
        server.start()
        return server.address, server

    def _proxy(self, port: int) -> FaultProxy:
        proxy = FaultProxy(HOST, port, listen_host=self._target.proxy_host)
        proxy.start()
        return proxy
