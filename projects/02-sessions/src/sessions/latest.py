"""The name that was counted last, in Redis. Who asks waits no longer than the time-out."""

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sessions.errors import StoreUnavailableError

KEY: Final = "sessions:latest"
TIMEOUT_SECONDS: Final = 0.5

log = structlog.get_logger()


class Latest:
    """A note that may be lost: the counts are PostgreSQL's."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )

    async def put(self, name: str) -> None:
        """Note a name. What is counted is counted, so a Redis that is away is no error here."""
        try:
            await self._redis.set(KEY, name)
        except (RedisError, OSError) as error:
            log.warning("the latest name is not noted", reason=type(error).__name__)

    async def get(self) -> str | None:
        """Return the name, None if there was none.

        Raises: StoreUnavailableError.
        """
        try:
            value = await self._redis.get(KEY)
        except (RedisError, OSError) as error:
            raise StoreUnavailableError(f"Redis: {type(error).__name__}") from error
        return value if isinstance(value, str) else None

    async def ping(self) -> None:
        """Ask for something small, for `/ready`."""
        await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose()
