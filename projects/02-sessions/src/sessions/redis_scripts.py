"""Redis, asked by scripts: each is atomic, is one round trip, and reads the server's clock."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from sessions.errors import StoreUnavailableError

TIMEOUT_SECONDS: Final = 1.2
"""For one script, with the wait for a connection: a client is to hear within three seconds what is wrong."""
SOCKET_TIMEOUT_SECONDS: Final = 1.0
MOST_CONNECTIONS: Final = 16
"""A script takes a fraction of a millisecond: to open more of them in a burst takes longer than to wait."""

log = structlog.get_logger()

LOSSES: Final = (RedisError, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
"""The last three are asyncio's, of a write to a connection that was lost: python/cpython#136234."""

KINDS: Final = (
    ("sessions:of:", "zset"),
    ("sessions:void:", "string"),
    ("sessions:", "hash"),
    ("known:", "set"),
    ("failures:from:", "string"),
    ("failures:", "hash"),
)
"""What stands under a key that begins so; the first that fits."""

type Reply = int | bytes | Sequence[Reply] | None


class RedisScripts:
    """The scripts in `lua/`, by name. Nothing is connected to before the first use."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MOST_CONNECTIONS,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )
        self._redis = Redis.from_pool(pool)
        folder = files("sessions").joinpath("lua")
        self._scripts = {
            file.name.removesuffix(".lua"): self._redis.register_script(file.read_text())
            for file in folder.iterdir()
        }

    async def run(self, name: str, keys: Sequence[str], *arguments: str | float) -> Reply:
        """Run a script; one that the server has forgotten is sent again. Raises: StoreUnavailableError."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reply = await self._ask(name, keys, arguments)
        except LOSSES as error:
            raise StoreUnavailableError(f"Redis: {type(error).__name__}") from error
        return reply

    async def _ask(self, name: str, keys: Sequence[str], arguments: Sequence[str | float]) -> Reply:
        """Run a script, and again without what somebody else has put under one of the keys."""
        script = self._scripts[name]
        try:
            reply: Reply = await script(keys=keys, args=arguments)
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            dropped = await self._scripts["disown"](keys=keys, args=list(map(kind_of, keys)))
            log.warning("foreign values dropped", keys=dropped)
            reply = await script(keys=keys, args=arguments)
        return reply

    async def ping(self) -> None:
        """Ask for what all scripts need, for `/ready`: a replica, or a Redis that is full, answers a PING."""
        await self.run("ready", ["sessions:ready", "known:ready", "failures:ready"])

    async def close(self) -> None:
        await self._redis.aclose()


def kind_of(key: str) -> str:
    return next(kind for prefix, kind in KINDS if key.startswith(prefix))


def rows(reply: Reply) -> Sequence[Reply]:
    """Read a reply that is a list; nothing is an empty one."""
    return reply if isinstance(reply, list) else ()


def texts(reply: Reply) -> list[str]:
    """Read a reply that is a list of texts."""
    return [one.decode() if isinstance(one, bytes) else "" for one in rows(reply)]


def number(reply: Reply) -> int:
    return reply if isinstance(reply, int) else 0
