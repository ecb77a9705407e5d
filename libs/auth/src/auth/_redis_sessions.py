"""Sessions in Redis, shared by all processes: each step is one script, and so atomic and one round trip."""

import json
from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from auth._errors import StoreUnavailableError
from auth._redis_scripts import ClientScripts, Reply, StreamScripts
from auth._session import (
    LONGEST_LOGIN_SECONDS,
    LONGEST_REQUEST_SECONDS,
    NewSession,
    Session,
    SessionPolicy,
    moment_of,
)

FIELDS: Final = 8
"""Of a session in a reply."""
ANY_LIFE: Final = (1, 1)
"""Idle and absolute milliseconds for a script that needs neither."""


class RedisSessionStore:
    """A session store in Redis or Valkey. Set `noeviction` there: what is evicted is signed out.

    Give it a URL, and all tasks of an event loop share one connection; or a client of redis-py (Redis,
    RedisCluster). A step takes `timeout_seconds` at most, connecting included.

    Raises: redis_wire.RedisUrlError.
    """

    def __init__(self, redis: str | Redis, *, prefix: str = "{auth}", timeout_seconds: float = 0.5) -> None:
        self._prefix = prefix
        self._scripts = (
            StreamScripts(redis, timeout_seconds)
            if isinstance(redis, str)
            else ClientScripts(redis, timeout_seconds)
        )

    async def now_ms(self) -> int:
        reply = await self._run("now", *ANY_LIFE)
        return int(_text(reply))

    async def create(
        self, new: NewSession, policy: SessionPolicy, replaces: Sequence[str], begun_ms: int | None
    ) -> tuple[Session, Sequence[Session]] | None:
        begun = "" if begun_ms is None else begun_ms
        record = (new.digest, new.subject, new.id, json.dumps(dict(new.data)))
        reply = await self._run(
            "create", *_life(policy), policy.cap, begun, LONGEST_LOGIN_SECONDS * 1000, *record, *replaces
        )
        if reply is None:
            return None
        created, *ended = _sessions(reply)
        if created.digest != new.digest:
            raise StoreUnavailableError("Redis: a reply of another kind than the script's")
        return created, ended

    async def load(self, digests: Sequence[str], policy: SessionPolicy) -> Session | None:
        reply = await self._run("load", *_life(policy), policy.touch_ms, *digests)
        return _session(reply)

    async def rotate(
        self, old: str, new: str, policy: SessionPolicy, *, authenticated: bool
    ) -> Session | None:
        ends_ms = LONGEST_REQUEST_SECONDS * 1000
        reply = await self._run("rotate", *_life(policy), old, new, int(authenticated), ends_ms)
        return _session(reply)

    async def end(self, digests: Sequence[str], policy: SessionPolicy) -> Sequence[Session]:
        return _sessions(await self._run("end", *_life(policy), *digests))

    async def end_by_id(self, subject: str, id: str, policy: SessionPolicy) -> Session | None:  # noqa: A002
        reply = await self._run("end_by_id", *_life(policy), subject, id)
        return _session(reply)

    async def end_all(self, subject: str, policy: SessionPolicy, keep: str) -> Sequence[Session]:
        reply = await self._run("end_all", *_life(policy), subject, keep, LONGEST_LOGIN_SECONDS * 1000)
        return _sessions(reply)

    async def list(self, subject: str, policy: SessionPolicy) -> Sequence[Session]:
        return _sessions(await self._run("list", *_life(policy), subject))

    async def aclose(self) -> None:
        """Close the running loop's connection; a client that was handed in stays open."""
        await self._scripts.aclose()

    async def _run(self, verb: str, *arguments: str | int) -> Reply:
        return await self._scripts.run(verb, self._prefix, arguments)


def _life(policy: SessionPolicy) -> tuple[int, int]:
    return policy.idle_ms, policy.absolute_ms


def _sessions(reply: Reply) -> list[Session]:
    if not isinstance(reply, list):
        raise StoreUnavailableError("Redis: a reply of another kind than the script's")
    return [session for session in map(_session, reply) if session is not None]


def _session(reply: Reply) -> Session | None:
    """Read a session; None is one that somebody else has written."""
    if reply is None:
        return None
    if not isinstance(reply, list) or len(reply) != FIELDS:
        raise StoreUnavailableError("Redis: a reply of another kind than the script's")
    try:
        return _read(*map(_text, reply))
    except (ValueError, OverflowError):
        return None


def _read(  # as many as the script returns
    digest: str,
    subject: str,
    public_id: str,
    created: str,
    authenticated: str,
    seen: str,
    data: str,
    now: str,
) -> Session:
    return Session(
        id=public_id,
        subject=subject,
        created_at=moment_of(int(created)),
        authenticated_at=moment_of(int(authenticated)),
        last_seen_at=moment_of(int(seen)),
        read_at=moment_of(int(now)),
        data=json.loads(data),
        digest=digest,
    )


def _text(value: Reply) -> str:
    """Take what the client decodes, and what it leaves as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
