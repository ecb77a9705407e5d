"""The scripts of the sessions: over one stream that all tasks share, or through a client of redis-py."""

import asyncio
from collections.abc import Sequence
from importlib import resources
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth._errors import StoreUnavailableError
from redis_wire import RedisUnavailableError, Script, Streams, checked, parse_address

VERBS: Final = ("create", "end", "end_all", "end_by_id", "list", "load", "now", "rotate")
LOSSES: Final = (RedisError, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
"""The last three are asyncio's, of a write to a connection that was lost: python/cpython#136234."""

type Reply = bytes | str | int | list["Reply"] | None


class StreamScripts:
    """What arrives in one tick of the event loop goes out in one write."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._streams = Streams(parse_address(url), timeout_seconds)
        self._scripts = {verb: Script(_text(verb)) for verb in VERBS}
        self.aclose = self._streams.aclose

    async def run(self, verb: str, key: str, arguments: Sequence[str | int]) -> Reply:
        """Return the script's reply.

        Raises: StoreUnavailableError.
        """
        script, keys = self._scripts[verb], [key.encode()]
        words = [str(word).encode() for word in arguments]
        try:
            reply = await self._streams.run_script(
                script.by_hash(keys, words), lambda: script.with_text(keys, words)
            )
            return checked(reply)  # type: ignore[return-value]  # hiredis makes nothing else
        except RedisUnavailableError as exc:
            raise StoreUnavailableError(f"Redis: {exc}") from exc


class ClientScripts:
    """For Redis Cluster, Sentinel, and whatever else a client can connect to."""

    def __init__(self, redis: Redis, timeout_seconds: float) -> None:
        """Take a client; how long a step may take in all is bounded here, whatever the client retries."""
        self._timeout_seconds = timeout_seconds
        self._scripts = {verb: redis.register_script(_text(verb)) for verb in VERBS}

    async def run(self, verb: str, key: str, arguments: Sequence[str | int]) -> Reply:
        """Return the script's reply.

        Raises: StoreUnavailableError.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                reply: Reply = await self._scripts[verb]([key], arguments)
        except LOSSES as exc:
            raise StoreUnavailableError(f"Redis: {type(exc).__name__}") from exc
        return reply

    async def aclose(self) -> None:
        """Leave the client open: it belongs to whoever made it."""


def _text(verb: str) -> str:
    folder = resources.files("auth") / "lua"
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in ("session", verb))
