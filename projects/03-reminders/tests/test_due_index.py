import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import UUID

import pytest
from redis import Redis

from kata.servers.valkey import EmbeddedValkey
from reminders.domain import Due
from reminders.due_index import KEY, DueIndex

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

pytestmark = pytest.mark.anyio


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def due(number: int, seconds: float) -> Due:
    return Due(UUID(int=number), after(seconds))


@pytest.fixture
async def index(redis_server: EmbeddedValkey) -> AsyncIterator[DueIndex]:
    with Redis.from_url(redis_server.url) as redis:
        redis.flushall()
    index = DueIndex(redis_server.url, timeout_seconds=10.0)
    yield index
    await index.close()


async def test_what_is_next_is_the_soonest_in_whole_milliseconds(index: DueIndex) -> None:
    await index.enter([due(1, 2.0), due(2, 1.0004), due(3, 3.0)])
    assert await index.next_after(NOON) == after(1.001)


async def test_what_is_due_is_taken_out(index: DueIndex) -> None:
    await index.enter([due(1, 1.0), due(2, 2.0), due(3, 3.0)])
    assert await index.next_after(after(1.9999)) == after(2.0)
    assert await index.next_after(NOON) == after(2.0)
    assert await index.next_after(after(2.0)) == after(3.0)
    assert await index.next_after(after(3.0)) is None


async def test_what_is_cancelled_is_taken_out(index: DueIndex) -> None:
    await index.enter([due(1, 1.0), due(2, 2.0)])
    await index.remove(UUID(int=1))
    assert await index.next_after(NOON) == after(2.0)


@pytest.mark.parametrize("score", ["1", "-inf", "inf", "1e300", "-1e300", "253402300800000"])
@pytest.mark.parametrize("member", [b"x", b"\xff\xfe", b""])
async def test_what_others_have_put_there_is_passed_over(
    index: DueIndex, redis_server: EmbeddedValkey, score: str, member: bytes
) -> None:
    await index.enter([due(1, 2.0)])
    with Redis.from_url(redis_server.url) as redis:
        redis.execute_command("ZADD", KEY, score, member)
    assert await index.next_after(NOON) == after(2.0)
    await index.enter([due(2, 1.0)])
    assert await index.next_after(NOON) == after(1.0)


async def test_a_key_of_another_kind_is_a_loss(index: DueIndex, redis_server: EmbeddedValkey) -> None:
    with Redis.from_url(redis_server.url) as redis:
        redis.set(KEY, "taken")
    await index.enter([due(1, 2.0)])
    assert await index.next_after(NOON) is None


async def test_entering_again_moves(index: DueIndex) -> None:
    await index.enter([due(1, 1.0)])
    await index.enter([due(1, 5.0)])
    assert await index.next_after(NOON) == after(5.0)


async def test_an_earlier_one_wakes_those_who_listen_and_nothing_else_does(
    index: DueIndex, redis_server: EmbeddedValkey
) -> None:
    woken: asyncio.Queue[None] = asyncio.Queue()
    listening = asyncio.create_task(index.listen(lambda: woken.put_nowait(None)))
    async with asyncio.timeout(5):
        await woken.get()  # the confirmation of the subscription is a call too
        await index.enter([due(1, 10.0)])
        await woken.get()
        await index.enter([due(2, 20.0)])  # no new head
        await index.enter([due(1, 10.0)])  # the same head
        await index.enter([due(3, 5.0)])
        await woken.get()
    with Redis.from_url(redis_server.url) as redis:
        redis.publish("reminders:wake", "the last")
    async with asyncio.timeout(5):
        await woken.get()
    assert woken.empty()
    listening.cancel()


async def test_a_lost_redis_costs_little_raises_nothing_and_is_found_again(own_redis: EmbeddedValkey) -> None:
    index = DueIndex(own_redis.url)
    await index.enter([due(1, 1.0)])
    own_redis.kill()
    began = monotonic()
    for _ in range(100):
        await index.enter([due(2, 2.0)])
        await index.remove(UUID(int=1))
        assert await index.next_after(NOON) is None
    assert monotonic() - began < 3
    own_redis.start()
    async with asyncio.timeout(5):
        while await index.next_after(NOON) != after(3.0):
            await index.enter([due(3, 3.0)])
            await asyncio.sleep(0.01)
    await index.close()


async def test_a_silent_redis_is_given_up_on(own_redis: EmbeddedValkey) -> None:
    index = DueIndex(own_redis.url)
    await index.enter([due(1, 1.0)])
    own_redis.pause()
    began = monotonic()
    for _ in range(100):
        assert await index.next_after(NOON) is None
    assert monotonic() - began < 3
    own_redis.resume()
    await index.close()


async def test_the_set_has_its_documented_name(index: DueIndex, redis_server: EmbeddedValkey) -> None:
    await index.enter([due(1, 0.0)])
    with Redis.from_url(redis_server.url, decode_responses=True) as redis:
        entries = redis.zrange(KEY, 0, -1, withscores=True)
    assert KEY == "reminders:due"
    assert entries == [(str(UUID(int=1)), NOON.timestamp() * 1000)]
