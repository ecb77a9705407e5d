"""What processes share in Redis: the snapshot, kills, news of both, and counts. All of it may be lost."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from flags.kills import Kill
from flags.ruleset import Snapshot
from flags.snapshots import written
from service_kit.cool_down import CoolDown
from service_kit.json_text import InvalidJsonError, as_mapping, parse, render

TIMEOUT_SECONDS: Final = 0.3
SNAPSHOT: Final = "flags:snapshot"
NEWS: Final = "flags:news"
USAGE: Final = "flags:usage"
LAST_USED: Final = "flags:last-evaluated"

LOSSES: Final = (RedisError, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
"""The last three are asyncio's, of a write to a connection that was lost: python/cpython#136234."""


class Shared:
    """Redis. What cannot be asked is not there: no method raises, and none takes long."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )
        script = files("flags").joinpath("lua", "publish.lua").read_text()
        self._publish = self._redis.register_script(script)
        self._cool_down = CoolDown("redis", LOSSES, timeout_seconds=TIMEOUT_SECONDS)

    async def _ask[T](self, operation: Callable[[], Awaitable[T]]) -> T | None:
        return await self._cool_down.call(operation, None)

    async def publish(self, snapshot: Snapshot, *, from_database: bool) -> None:
        """Keep a snapshot if it is the newest, and tell all."""
        arguments: list[str | int | bytes] = [
            snapshot.epoch,
            snapshot.version,
            written(snapshot),
            int(from_database),
            NEWS,
        ]
        await self._ask(lambda: self._publish(keys=[SNAPSHOT], args=arguments))

    async def head(self) -> tuple[str, int] | None:
        """Return epoch and version; version -1 if nothing is kept, None if Redis does not answer."""
        found = await self._ask(lambda: self._redis.hmget(SNAPSHOT, ["epoch", "version"]))
        if found is None:
            return None
        epoch, version = found
        return (text(epoch), int(version)) if version is not None else ("", -1)

    async def snapshot(self) -> bytes | None:
        found = await self._ask(lambda: self._redis.hget(SNAPSHOT, "snapshot"))
        return found if isinstance(found, bytes) else None

    async def kills(self, epoch: str) -> list[Kill] | None:
        """Return all kills, None if Redis does not answer."""
        found = await self._ask(lambda: self._redis.hvals(kills_key(epoch)))
        return None if found is None else [kill for value in found if (kill := read_kill(value)) is not None]

    async def put_kill(self, epoch: str, kill: Kill) -> bool:
        """Keep a kill, tell all, and say whether it was kept."""

        async def put() -> bool:
            async with self._redis.pipeline(transaction=True) as pipeline:
                await pipeline.hset(kills_key(epoch), kill.id, render(kill.document()).decode())
                await pipeline.publish(NEWS, kill.id)
                await pipeline.execute()
            return True

        return await self._ask(put) is True

    async def drop_kills(self, epoch: str, ids: list[str]) -> None:
        if ids:
            await self._ask(lambda: self._redis.hdel(kills_key(epoch), *ids))

    async def count(self, counts: Mapping[tuple[str, str], int], last: Mapping[str, float]) -> bool:
        """Add to the counts of variants, and say whether they were kept."""

        async def add() -> bool:
            async with self._redis.pipeline(transaction=True) as pipeline:
                for (flag, variant), count in counts.items():
                    await pipeline.hincrby(USAGE, f"{flag}/{variant}", count)
                await pipeline.hset(LAST_USED, mapping={flag: repr(moment) for flag, moment in last.items()})
                await pipeline.execute()
            return True

        return await self._ask(add) is True

    async def usage(self, flag: str, variants: list[str]) -> tuple[dict[str, int], float | None] | None:
        """Return counts and the time of the last evaluation, None if Redis does not answer."""

        async def ask() -> tuple[dict[str, int], float | None]:
            counts = await self._redis.hmget(USAGE, [f"{flag}/{variant}" for variant in variants])
            last = await self._redis.hget(LAST_USED, flag)
            found = {name: int(count or 0) for name, count in zip(variants, counts, strict=True)}
            return found, float(last) if last else None

        return await self._ask(ask)

    @asynccontextmanager
    async def news(self) -> AsyncIterator[PubSub]:
        """Subscribe. Raises: LOSSES."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(NEWS)
            yield subscription

    async def close(self) -> None:
        await self._redis.aclose()


def kills_key(epoch: str) -> str:
    return f"flags:kills:{epoch}"


def text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def read_kill(value: object) -> Kill | None:
    try:
        return Kill.read(as_mapping(parse(value if isinstance(value, bytes) else b"")))
    except (InvalidJsonError, KeyError, ValueError):
        return None
