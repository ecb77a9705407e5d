"""asyncio: the same promises, and what arrives in one tick of the loop goes out in one round trip."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster

from rate_limit import (
    Algorithm,
    AsyncLimiter,
    AsyncRedisStorage,
    FailureMode,
    MemoryStorage,
    Policy,
    PolicyError,
    StorageUnavailableError,
)

HOUR = 3_600
BOUND_SECONDS = 0.2
"""For one decision: the time-out is 0.12 s, and the machine may be busy."""


class Server(Protocol):
    """A Redis that the test may kill."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...


type Behaviour = Callable[[AsyncRedisStorage | MemoryStorage], Awaitable[None]]


@asynccontextmanager
async def opened(
    url: str, *, failure_mode: FailureMode = FailureMode.CLOSED, timeout_seconds: float = 10
) -> AsyncIterator[AsyncRedisStorage]:
    storage = AsyncRedisStorage(url, failure_mode=failure_mode, timeout_seconds=timeout_seconds)
    try:
        yield storage
    finally:
        await storage.aclose()


@pytest.fixture(params=["memory", "redis", "redis-py"])
def run(request: pytest.FixtureRequest) -> Callable[[Behaviour], None]:
    """Run what a limiter should do over every storage, in an event loop."""

    async def over_redis(behaviour: Behaviour) -> None:
        async with opened(request.getfixturevalue("redis_url")) as storage:
            await behaviour(storage)

    async def over_client(behaviour: Behaviour) -> None:
        async with AsyncRedis.from_url(request.getfixturevalue("redis_url")) as client:
            await behaviour(AsyncRedisStorage(client, failure_mode=FailureMode.CLOSED))

    async def over_memory(behaviour: Behaviour) -> None:
        await behaviour(MemoryStorage())

    runner = {"memory": over_memory, "redis": over_redis, "redis-py": over_client}[str(request.param)]
    return lambda behaviour: asyncio.run(runner(behaviour))


def test_tasks_get_as_much_as_the_limit(run: Callable[[Behaviour], None], algorithm: Algorithm) -> None:
    async def behaviour(storage: AsyncRedisStorage | MemoryStorage) -> None:
        limiter = AsyncLimiter(storage, Policy(20, HOUR, "a"), Policy(30, HOUR, "b"), algorithm=algorithm)

        decisions = await asyncio.gather(*[limiter.hit("key") for _ in range(60)])

        assert sum(decision.admitted for decision in decisions) == 20
        assert not await limiter.peek("key")
        assert await limiter.hit("key", 0)
        await limiter.clear("key")
        assert (await limiter.hit("key", 20)).remaining == 0
        with pytest.raises(PolicyError):
            await limiter.hit("key", -1)

    run(behaviour)


def test_clearing_all(run: Callable[[Behaviour], None]) -> None:
    async def behaviour(storage: AsyncRedisStorage | MemoryStorage) -> None:
        limiter = AsyncLimiter(storage, Policy(1, HOUR))
        await limiter.hit("key")
        cleared = storage.clear_all()
        if cleared is not None:
            await cleared

        assert await limiter.hit("key")

    run(behaviour)


def test_what_arrives_in_one_tick_is_one_round_trip(redis: Redis, redis_url: str) -> None:
    async def reads_of_redis(count: int) -> int:
        async with opened(redis_url) as storage:
            limiter = AsyncLimiter(storage, Policy(1_000, HOUR))
            await limiter.hit("opens the connection")
            before = redis.info("stats")["total_reads_processed"]
            await asyncio.gather(*[limiter.hit(f"key-{number}") for number in range(count)])
            after = redis.info("stats")["total_reads_processed"]
            return int(after) - int(before) - 1  # one read was the question itself

    assert asyncio.run(reads_of_redis(100)) == 1


def test_the_script_is_sent_again_after_a_flush(redis: Redis, redis_url: str) -> None:
    async def hits() -> list[int]:
        async with opened(redis_url) as storage:
            limiter = AsyncLimiter(storage, Policy(50, HOUR))
            await limiter.hit("key")
            redis.script_flush()
            decisions = await asyncio.gather(*[limiter.hit("key") for _ in range(20)])
            return [decision.remaining for decision in decisions]

    assert sorted(asyncio.run(hits())) == list(range(29, 49))


@pytest.mark.parametrize("mode", list(FailureMode))
def test_a_silent_redis_costs_each_task_one_time_out(silent_url: str, mode: FailureMode) -> None:
    async def outage() -> None:
        async with opened(silent_url, failure_mode=mode, timeout_seconds=0.12) as storage:
            limiter = AsyncLimiter(storage, Policy(3, HOUR))
            started = time.monotonic()
            results = await asyncio.gather(*[limiter.hit("key") for _ in range(5)], return_exceptions=True)
            assert time.monotonic() - started < BOUND_SECONDS
        if mode is FailureMode.CLOSED:
            assert [type(result) for result in results] == [StorageUnavailableError] * 5
        else:
            expected = 3 if mode is FailureMode.LOCAL else 5
            assert sum(bool(result) for result in results) == expected

    asyncio.run(outage())


def test_redis_is_in_use_again_after_its_return(own_redis: Server) -> None:
    async def outage() -> None:
        changes: list[str | None] = []
        storage = AsyncRedisStorage(own_redis.url, on_change=changes.append, timeout_seconds=10)
        limiter = AsyncLimiter(storage, Policy(3, HOUR))
        await limiter.hit("key", 3)
        own_redis.kill()
        assert await limiter.hit("key")  # the process starts from nothing
        own_redis.start()
        await asyncio.sleep(0.26)

        assert (await limiter.hit("key", 3)).remaining == 0
        assert [change is None for change in changes] == [False, True]
        await storage.aclose()

    asyncio.run(outage())


def test_a_redis_that_falls_silent_in_the_middle_is_noticed_in_time(own_redis: Server) -> None:
    async def outage() -> None:
        async with opened(own_redis.url, timeout_seconds=0.12) as storage:
            limiter = AsyncLimiter(storage, Policy(9, HOUR))
            await limiter.hit("key")
            with Redis.from_url(own_redis.url) as redis:
                redis.client_pause(3_000)
            started = time.monotonic()
            with pytest.raises(StorageUnavailableError):
                await limiter.hit("key")
            assert time.monotonic() - started < BOUND_SECONDS

    asyncio.run(outage())


def test_a_cancelled_task_takes_nobody_with_it(redis_url: str) -> None:
    async def cancelled() -> None:
        async with opened(redis_url) as storage:
            limiter = AsyncLimiter(storage, Policy(100, HOUR))
            tasks = [asyncio.ensure_future(limiter.hit(f"key-{number}")) for number in range(10)]
            for _ in range(3):  # while the connection is being opened, too
                for task in tasks[::2]:
                    task.cancel()
                await asyncio.sleep(0)
            decisions = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(decision).__name__ for decision in decisions] == ["CancelledError", "Decision"] * 5
            assert (await limiter.hit("key-1")).remaining == 98

    asyncio.run(cancelled())


def test_each_loop_has_its_connection(redis_url: str) -> None:
    storage = AsyncRedisStorage(redis_url, failure_mode=FailureMode.CLOSED, timeout_seconds=10)
    limiter = AsyncLimiter(storage, Policy(100, HOUR))

    async def hit() -> int:
        left = (await limiter.hit("key")).remaining
        await storage.aclose()
        return left

    assert [asyncio.run(hit()) for _ in range(3)] == [99, 98, 97]


def test_a_cluster_by_its_client(cluster_url: str) -> None:
    async def hits() -> list[bool]:
        async with AsyncRedisCluster.from_url(cluster_url) as client:
            storage = AsyncRedisStorage(client, failure_mode=FailureMode.CLOSED)
            limiter = AsyncLimiter(storage, Policy(1, HOUR), Policy(2, HOUR))
            admitted = [(await limiter.hit("}{")).admitted for _ in range(2)]
            await limiter.clear("}{")
            return [*admitted, (await limiter.hit("}{")).admitted]

    assert asyncio.run(hits()) == [True, False, True]


def test_a_wrong_password_is_an_outage_that_says_why(own_redis: Server) -> None:
    async def hit() -> list[str | None]:
        changes: list[str | None] = []
        url = own_redis.url.replace("redis://", "redis://:wrong@")
        limiter = AsyncLimiter(AsyncRedisStorage(url, on_change=changes.append), Policy(1, HOUR))
        assert await limiter.hit("key")
        return changes

    with Redis.from_url(own_redis.url) as redis:
        redis.config_set("requirepass", "right")
        redis.execute_command("AUTH", "right")
    assert "WRONGPASS" in str(asyncio.run(hit())[0])


def test_a_client_s_connection_that_was_lost_between_two_decisions_is_an_outage(redis_url: str) -> None:
    """asyncio raises an AttributeError where it writes to a transport that has just gone."""

    async def decisions() -> list[int]:
        async with AsyncRedis.from_url(redis_url) as client:
            storage = AsyncRedisStorage(client, failure_mode=FailureMode.OPEN, cool_down_seconds=0)
            limiter = AsyncLimiter(storage, Policy(5, HOUR))
            remaining = [(await limiter.hit("key")).remaining]
            connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
            connection._writer.transport.abort()  # noqa: SLF001  # redis-py has no public way
            await asyncio.sleep(0.01)  # until the loop has closed it
            await client.connection_pool.release(connection)
            return remaining + [(await limiter.hit("key")).remaining for _ in range(2)]

    assert asyncio.run(decisions()) == [4, 0, 3]  # nothing is known of the second
