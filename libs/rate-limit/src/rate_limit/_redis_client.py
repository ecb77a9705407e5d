"""Decisions through a client of redis-py: for Redis Cluster, Sentinel, and whatever else it can connect to.

How long a decision may take is then for the client's own settings to say (socket_timeout,
socket_connect_timeout, retry).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from redis.exceptions import NoScriptError, RedisError

from rate_limit._errors import StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from rate_limit._redis_script import Script

LOSSES: Final = (RedisError, OSError, AttributeError, RuntimeError, TypeError)
"""Of an asyncio client; the last three mean a write to a connection that was lost: python/cpython#136234."""


class RedisClient(Protocol):
    """The part of redis.Redis and redis.RedisCluster that is used here."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: bytes) -> object: ...
    def eval(self, script: str, numkeys: int, *keys_and_args: bytes) -> object: ...
    def unlink(self, *names: bytes) -> object: ...
    def scan_iter(self, match: bytes) -> Iterator[bytes]: ...


class AsyncRedisClient(Protocol):
    """The part of redis.asyncio.Redis and redis.asyncio.RedisCluster that is used here."""

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: bytes) -> Awaitable[object]: ...
    def eval(self, script: str, numkeys: int, *keys_and_args: bytes) -> Awaitable[object]: ...
    def unlink(self, *names: bytes) -> Awaitable[object]: ...
    def scan_iter(self, match: bytes) -> AsyncIterator[bytes]: ...


class ClientTransport:
    """Decisions through a synchronous client."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def decide(self, script: Script, key: str, cost: int, *, charge: bool) -> object:
        """Run the script and return its reply.

        Raises: StorageUnavailableError.
        """
        keys = script.keys(key)
        words = (*keys, *script.arguments(cost, charge=charge))
        try:
            try:
                return self._client.evalsha(script.sha, len(keys), *words)
            except NoScriptError:
                return self._client.eval(script.text, len(keys), *words)
        except (RedisError, OSError) as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    def delete(self, keys: list[bytes]) -> None:
        try:
            self._client.unlink(*keys)
        except (RedisError, OSError) as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    def delete_matching(self, pattern: bytes) -> None:
        try:
            for key in self._client.scan_iter(match=pattern):
                self._client.unlink(key)  # one at a time: on a Cluster each may be in another slot
        except (RedisError, OSError) as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    def close(self) -> None:
        """Leave the client open: it belongs to whoever made it."""


class AsyncClientTransport:
    """Decisions through a client of redis.asyncio."""

    def __init__(self, client: AsyncRedisClient) -> None:
        self._client = client

    async def decide(self, script: Script, key: str, cost: int, *, charge: bool) -> object:
        """Run the script and return its reply.

        Raises: StorageUnavailableError.
        """
        keys = script.keys(key)
        words = (*keys, *script.arguments(cost, charge=charge))
        try:
            try:
                return await self._client.evalsha(script.sha, len(keys), *words)
            except NoScriptError:
                return await self._client.eval(script.text, len(keys), *words)
        except LOSSES as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    async def delete(self, keys: list[bytes]) -> None:
        try:
            await self._client.unlink(*keys)
        except LOSSES as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    async def delete_matching(self, pattern: bytes) -> None:
        try:
            async for key in self._client.scan_iter(match=pattern):
                await self._client.unlink(key)
        except LOSSES as exc:
            raise StorageUnavailableError(f"{type(exc).__name__}: {exc}") from exc

    async def aclose(self) -> None:
        """Leave the client open: it belongs to whoever made it."""
