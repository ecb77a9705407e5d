"""What is special to Redis: what it sees, its clock, and that it may be away, silent or emptied."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from auth import RedisSessionStore, SessionPolicy, Sessions, StoreUnavailableError
from kata.servers.valkey import EmbeddedValkey

pytestmark = pytest.mark.anyio


type Opened = Callable[[str, float], AbstractAsyncContextManager[RedisSessionStore]]


@pytest.fixture(params=["redis", "redis-py"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Open a store by its URL, or by a client; a step may take so many seconds."""

    @asynccontextmanager
    async def by_url(url: str, timeout_seconds: float) -> AsyncIterator[RedisSessionStore]:
        store = RedisSessionStore(url, timeout_seconds=timeout_seconds)
        yield store
        await store.aclose()

    @asynccontextmanager
    async def by_client(url: str, timeout_seconds: float) -> AsyncIterator[RedisSessionStore]:
        async with Redis.from_url(url) as client:
            yield RedisSessionStore(client, timeout_seconds=timeout_seconds)

    return by_url if request.param == "redis" else by_client


@pytest.fixture
async def sessions(opened: Opened, redis_url: str) -> AsyncIterator[Sessions]:
    async with opened(redis_url, 10) as store:
        yield Sessions(store, SessionPolicy(cap=2))


async def everything_in(redis: Redis) -> str:
    seen = []
    async for key in redis.scan_iter():
        seen += [key, await redis.dump(key)]
    return repr(seen)


async def test_redis_never_sees_a_token(redis: Redis, sessions: Sessions) -> None:
    issued = await sessions.create("ann")
    rotated = await sessions.rotate(issued.session)
    stored = await everything_in(redis)

    assert rotated.session.digest in stored
    assert rotated.token not in stored
    assert issued.token not in stored


async def test_every_key_expires_with_the_session(redis: Redis, sessions: Sessions) -> None:
    issued = await sessions.create("ann")
    await sessions.rotate(issued.session)
    await sessions.end_all("bob")

    lives = [await redis.ttl(key) async for key in redis.scan_iter()]
    assert sorted(lives) == pytest.approx([60, 600, 1_800, 43_200], abs=5)


async def test_nothing_is_left_of_what_ended(redis: Redis, sessions: Sessions) -> None:
    issued = [await sessions.create("ann") for _ in range(5)]
    await sessions.end(*(one.token for one in issued))

    assert [key async for key in redis.scan_iter()] == []


async def test_the_clock_of_redis_decides(redis: Redis) -> None:
    """Its keys are kept from expiring: the fields alone have to do."""
    sessions = Sessions(RedisSessionStore(redis, timeout_seconds=10), SessionPolicy(0.2, 10, 0.1))
    issued = await sessions.create("ann")
    async for key in redis.scan_iter():
        await redis.persist(key)
    await asyncio.sleep(0.25)

    assert await sessions.load(issued.token) is None
    assert await sessions.list("ann") == []
    assert abs(await sessions.moment() - issued.session.created_at) < timedelta(seconds=5)


async def test_a_load_is_one_command(redis: Redis, sessions: Sessions) -> None:
    issued = await sessions.create("ann")
    await sessions.load(issued.token)
    before = await redis.info("commandstats")
    await sessions.load("malformed", issued.token)
    after = await redis.info("commandstats")

    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 1
    await sessions.load("malformed")
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == after["cmdstat_evalsha"]["calls"]


async def test_an_emptied_redis_signs_everybody_out_without_an_error(
    redis: Redis, sessions: Sessions
) -> None:
    issued = await sessions.create("ann")
    await redis.flushall()
    await redis.script_flush()

    assert await sessions.load(issued.token) is None
    again = await sessions.create("ann")
    assert await sessions.load(again.token) is not None


FOREIGN: Mapping[str, Callable[[Redis, str], Awaitable[object]]] = {
    "a text": lambda redis, key: redis.set(key, "05 x"),
    "bytes": lambda redis, key: redis.set(key, b"\xff\xfe"),
    "a list": lambda redis, key: redis.rpush(key, "x"),
    "a hash": lambda redis, key: redis.hset(
        key,
        mapping={
            "subject": "ann",
            "id": "x",
            "created": "inf",
            "authenticated": "1",
            "seen": "nan",
            "data": "{",
        },
    ),
    "a sorted set": lambda redis, key: redis.zadd(key, {b"\xff": float("inf"), b"x": 1e300}),
    "nothing": lambda redis, key: redis.delete(key),
}


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_what_others_have_put_under_a_key_signs_out_and_locks_nobody_out(
    redis: Redis, sessions: Sessions, foreign: str
) -> None:
    begun = await sessions.moment()
    await sessions.end_all("ann")
    first = await sessions.create("ann")
    issued = await sessions.rotate(first.session)
    keys = [key.decode() async for key in redis.scan_iter()]
    assert len(keys) == 4
    for key in keys:
        await redis.delete(key)
        await FOREIGN[foreign](redis, key)

    assert await sessions.load(issued.token) is None
    assert await sessions.list("ann") == []
    await sessions.end(first.token, issued.token)
    again = await sessions.create("ann", replaces=[issued.token], begun_at=begun + timedelta(seconds=1))
    assert await sessions.load(again.token) is not None
    assert len(await sessions.list("ann")) == 1


async def test_a_session_that_cannot_be_listed_is_none_for_it_could_not_be_ended(
    redis: Redis, sessions: Sessions
) -> None:
    lost = await sessions.create("ann")
    await redis.set("{auth}:sessions:ann", "x")
    kept = await sessions.create("ann")

    assert await sessions.load(lost.token) is None
    assert [one.id for one in await sessions.list("ann")] == [kept.session.id]


async def test_a_clock_that_is_set_back_locks_nobody_out_and_lets_no_session_live_longer(
    redis: Redis, sessions: Sessions
) -> None:
    issued = await sessions.create("ann")
    key, ahead = f"{{auth}}:session:{issued.session.digest}", 86_400_000
    for field in ("created", "authenticated", "seen"):
        await redis.hincrby(key, field, ahead)
    await redis.pexpire(key, 2 * ahead)
    await redis.set("{auth}:voided:ann", round(issued.session.created_at.timestamp() * 1000) + ahead)

    session = await sessions.load(issued.token)
    assert session is not None
    assert session.created_at == session.authenticated_at == session.last_seen_at == session.read_at
    assert await redis.ttl(key) <= SessionPolicy().idle_ms / 1000
    await sessions.create("ann", begun_at=await sessions.moment())


async def test_values_that_lead_in_a_circle_come_to_an_end(redis: Redis, sessions: Sessions) -> None:
    issued = await sessions.create("ann")
    digest = issued.session.digest
    await redis.set(f"{{auth}}:rotated:{digest}", digest)

    await sessions.end(issued.token)
    assert await sessions.load(issued.token) is None


async def test_a_client_that_decodes_replies_will_do(redis_url: str) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        sessions = Sessions(RedisSessionStore(redis, timeout_seconds=10))
        issued = await sessions.create("Änne 🦊", data={"agent": "Füchs\n"})
        session = await sessions.load(issued.token)

        assert session is not None
        assert (session.subject, dict(session.data)) == ("Änne 🦊", {"agent": "Füchs\n"})


class EmbeddedCluster(EmbeddedValkey):
    """A Redis Cluster of one node, which refuses what touches two slots at once."""

    def _argv(self) -> Sequence[str]:
        return [*super()._argv(), "--cluster-enabled", "yes"]


async def test_on_a_cluster_all_that_a_step_touches_is_in_one_slot(tmp_path: Path) -> None:
    server = EmbeddedCluster(tmp_path / "cluster")
    server.start()
    async with Redis.from_url(server.url) as redis:
        await redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]  # redis-py's
        # Nobody tells when it is: one has to ask.
        while b"cluster_state:ok" not in await redis.execute_command("CLUSTER", "INFO", NEVER_DECODE=True):  # type: ignore[no-untyped-call]  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        sessions = Sessions(RedisSessionStore(redis, timeout_seconds=10), SessionPolicy(cap=2))
        first, second = await sessions.create("ann"), await sessions.create("ann")
        third = await sessions.create("ann", replaces=[first.token], begun_at=await sessions.moment())
        rotated = await sessions.rotate(third.session)

        assert [one.id for one in await sessions.end_all("ann", but=rotated.session)] == [second.session.id]
        assert await sessions.load(rotated.token) is not None
    server.kill()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that accepts and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


async def test_a_silent_redis_is_given_up_within_the_bound(opened: Opened, silent_url: str) -> None:
    async with opened(silent_url, 0.2) as store:
        sessions = Sessions(store)
        started = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailableError):
            await sessions.load("A" * 43)
        assert asyncio.get_running_loop().time() - started < 2


async def test_a_redis_that_is_away_is_in_use_again_when_it_is_back(
    opened: Opened, own_redis: EmbeddedValkey
) -> None:
    async with opened(own_redis.url, 10) as store:
        sessions = Sessions(store)
        issued = await sessions.create("ann")
        own_redis.kill()
        with pytest.raises(StoreUnavailableError, match="Redis: "):
            await sessions.load(issued.token)
        own_redis.start()

        assert await sessions.load(issued.token) is None
        again = await sessions.create("ann")
        assert await sessions.load(again.token) is not None


async def test_a_reply_that_came_too_late_is_not_taken_for_another(
    opened: Opened, own_redis: EmbeddedValkey
) -> None:
    """A step that was given up must not leave its reply on the connection for the next."""
    async with opened(own_redis.url, 0.5) as store, Redis.from_url(own_redis.url) as redis:
        sessions = Sessions(store)
        anns, bobs = await sessions.create("ann"), await sessions.create("bob")
        await redis.client_pause(700)
        with pytest.raises(StoreUnavailableError):
            await sessions.load(anns.token)
        session = await sessions.load(bobs.token)

        assert session is not None
        assert session.subject == "bob"


async def test_a_connection_that_was_lost_between_two_steps_is_no_error_of_another_kind(redis: Redis) -> None:
    """asyncio raises an AttributeError where it writes to a transport that has just gone."""
    sessions = Sessions(RedisSessionStore(redis, timeout_seconds=10))
    issued = await sessions.create("ann")
    connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py's
    connection._writer.transport.abort()  # noqa: SLF001  # redis-py has no public way
    await asyncio.sleep(0.01)  # until the loop has closed it
    await redis.connection_pool.release(connection)
    with pytest.raises(StoreUnavailableError):
        await sessions.load(issued.token)

    assert await sessions.load(issued.token) is not None
