"""A read-through cache in Redis that may be lost at any time: nobody's answer depends on it.

Whoever changes a resource first puts a mark in the place of its entry. As long as the mark is there nothing
can be filled in: a reader that has read the old row, and is slow, does not bring it back. The mark outlives
each read and each write, for both are bounded (service_kit.database.TIMEOUT_SECONDS).
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from core_backend.domain import Resource
from service_kit.cool_down import CoolDown

TIMEOUT_SECONDS: Final = 0.3
LOSSES: Final = (RedisError, AttributeError, RuntimeError, TypeError)
"""The last three: redis-py and asyncio on a connection that is closed while it is written to."""
MARK: Final = ""
MARK_SECONDS: Final = 10
RESOURCE: Final = TypeAdapter(Resource)


class ResourceCache:
    """Resources by id. Each call takes TIMEOUT_SECONDS at most, and fails silently."""

    def __init__(self, url: str, lifetime_seconds: int) -> None:
        self._lifetime_seconds = lifetime_seconds
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )
        self._cool_down = CoolDown("redis", LOSSES, timeout_seconds=TIMEOUT_SECONDS)

    async def get(self, resource_id: UUID) -> Resource | None:
        """Return it; None: it is not there, or Redis is not."""
        found = await self._ask(lambda: self._redis.get(key_of(resource_id)), None)
        if not isinstance(found, str) or found == MARK:
            return None
        try:
            return RESOURCE.validate_json(found)
        except ValidationError:
            return None

    async def fill(self, resource: Resource) -> None:
        """Keep what was read, unless somebody has changed it meanwhile."""
        text = RESOURCE.dump_json(resource)
        key = key_of(resource.id)
        await self._ask(lambda: self._redis.set(key, text, nx=True, ex=self._lifetime_seconds), None)

    async def forget(self, resource_id: UUID) -> None:
        """Forget it before it is changed."""
        await self._ask(lambda: self._redis.set(key_of(resource_id), MARK, ex=MARK_SECONDS), None)

    async def look(self) -> None:
        """Ask at the start whether Redis is there: where it is not, the log says so."""
        await self._ask(self._redis.ping, None)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, operation: Callable[[], Awaitable[object]], otherwise: None) -> object:
        return await self._cool_down.call(operation, otherwise)


def key_of(resource_id: UUID) -> str:
    return f"resource:{resource_id}"
