"""Every store of every kind, and a way to let time pass in each of them."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from auth import MemorySessionStore, RedisSessionStore, SessionStore

type LetPass = Callable[[float], None]

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


@pytest.fixture(params=["memory", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[AsyncRedis]:
    async with AsyncRedis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def session_store(kind: str, clock: Clock, request: pytest.FixtureRequest) -> SessionStore:
    if kind == "memory":
        return MemorySessionStore(clock)
    client: AsyncRedis = request.getfixturevalue("redis")
    return RedisSessionStore(client, timeout_seconds=PATIENCE_SECONDS)


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
            else:
                client.decrby(key, ms)
                continue  # its time to live is the marker's, which a test does not reach
            client.pexpireat(key, int(str(client.pexpiretime(key))) - ms)


async def at_once[T](work: Callable[[int], Awaitable[T]], times: int) -> list[T]:
    """Do the same many times, all begun before one of them ends."""
    import asyncio  # noqa: PLC0415

    async def one(number: int) -> T:
        return await work(number)

    return await asyncio.gather(*(one(number) for number in range(times)))
