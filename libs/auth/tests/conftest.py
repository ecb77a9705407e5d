"""Every store of every kind, and a way to let time pass in each of them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from auth import (
    ApiKeyStore,
    MemoryApiKeyStore,
    MemoryRefreshTokenStore,
    MemorySessionStore,
    PostgresApiKeyStore,
    PostgresRefreshTokenStore,
    RedisSessionStore,
    RefreshTokenStore,
    SessionStore,
    metadata,
)
from kata.servers.postgres import EmbeddedPostgres

type LetPass = Callable[[float], None]

CROWD = 20
"""Who come at one instant."""
PATIENCE_SECONDS = 10
"""No busy machine makes a store look lost in a test that is not about that."""


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.seconds = float(round(time.time()))

    def __call__(self) -> float:
        return self.seconds

    def let_pass(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis", "redis-py"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[AsyncRedis]:
    async with AsyncRedis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def session_store(
    kind: str, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[SessionStore]:
    if kind == "memory":
        yield MemorySessionStore(clock)
        return
    url: str = request.getfixturevalue("redis_url")
    if kind == "redis-py":
        async with AsyncRedis.from_url(url) as client:
            yield RedisSessionStore(client, timeout_seconds=PATIENCE_SECONDS)
        return
    store = RedisSessionStore(url, timeout_seconds=PATIENCE_SECONDS)
    yield store
    await store.aclose()


@pytest.fixture
def let_pass(kind: str, clock: Clock, request: pytest.FixtureRequest) -> LetPass:
    """Let time pass for the sessions. Redis's clock is its own, so there all that is written gets older."""
    if kind == "memory":
        return clock.let_pass
    url: str = request.getfixturevalue("redis_url")
    return lambda seconds: make_older(url, round(seconds * 1000))


def make_older(url: str, ms: int) -> None:
    with Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter():
            kind_of_key = client.type(key)
            if kind_of_key == "hash":
                for field in ("created", "authenticated", "seen"):
                    client.hincrby(key, field, -ms)
            elif kind_of_key == "zset":
                for member in client.zrange(key, 0, -1):
                    client.zincrby(key, -ms, str(member))
            elif ":voided:" in str(key):
                client.decrby(key, ms)
            client.pexpireat(key, int(str(client.pexpiretime(key))) - ms)


@pytest.fixture(scope="session")
def tables_url(postgres_server: EmbeddedPostgres) -> str:
    url = postgres_server.create_database("auth")
    engine = create_engine(driver_url(url))
    metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture
async def engine(tables_url: str) -> AsyncIterator[AsyncEngine]:
    """PostgreSQL with the library's tables, which are empty."""
    engine = create_async_engine(driver_url(tables_url), pool_size=CROWD)
    async with engine.begin() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(text(f"TRUNCATE {table.name} CASCADE"))
    yield engine
    await engine.dispose()


class Database[S]:
    """A store of either kind, in transactions, and its time."""

    def __init__(
        self, clock: Clock, memory: S, engine: AsyncEngine | None, store_of: Callable[[AsyncConnection], S]
    ) -> None:
        self._clock, self._memory, self._engine, self._store_of = clock, memory, engine, store_of

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[S]:
        if self._engine is None:
            yield self._memory
            return
        async with self._engine.begin() as connection:
            yield self._store_of(connection)

    async def get_ready_for_a_crowd(self) -> None:
        """Open the connections, so that those who come at once are not put in order by that."""
        if self._engine is None:
            return
        async with AsyncExitStack() as opened:
            for _ in range(CROWD):
                connection = await opened.enter_async_context(self._engine.connect())
                assert not connection.closed

    async def let_pass(self, seconds: float) -> None:
        """Let time pass. PostgreSQL's clock is its own, so there all that is written gets older."""
        self._clock.let_pass(seconds)
        if self._engine is None:
            return
        async with self._engine.begin() as connection:
            for table in metadata.sorted_tables:
                older = {
                    one.name: one - timedelta(seconds=seconds) for one in table.c if one.name.endswith("_at")
                }
                await connection.execute(table.update().values(older))


@pytest.fixture(params=["memory", "postgres"])
def engine_or_none(request: pytest.FixtureRequest) -> AsyncEngine | None:
    if request.param == "memory":
        return None
    engine: AsyncEngine = request.getfixturevalue("engine")
    return engine


@pytest.fixture
def refresh_tokens_at(clock: Clock, engine_or_none: AsyncEngine | None) -> Database[RefreshTokenStore]:
    return Database(clock, MemoryRefreshTokenStore(clock), engine_or_none, PostgresRefreshTokenStore)


@pytest.fixture
def api_keys_at(clock: Clock, engine_or_none: AsyncEngine | None) -> Database[ApiKeyStore]:
    return Database(clock, MemoryApiKeyStore(clock), engine_or_none, PostgresApiKeyStore)


def driver_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")
