"""Sessions in Redis, shared by all processes: each step is one script, and so atomic and one round trip."""

import asyncio
import json
from collections.abc import Sequence
from importlib import resources
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from auth._errors import StoreUnavailableError
from auth._session import (
    LONGEST_LOGIN_SECONDS,
    LONGEST_REQUEST_SECONDS,
    NewSession,
    Session,
    SessionPolicy,
    moment_of,
)

VERBS: Final = ("create", "end", "end_all", "end_by_id", "list", "load", "now", "rotate")
FIELDS: Final = 8
"""Of a session in a reply."""
LOSSES: Final = (RedisError, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
"""The last three are asyncio's, of a write to a connection that was lost: python/cpython#136234."""
ANY_LIFE: Final = (1, 1)
"""Idle and absolute milliseconds for a script that needs neither."""

type Reply = bytes | str | int | list["Reply"] | None


class RedisSessionStore:
    """A session store in Redis or Valkey. Set `noeviction` there: what is evicted is signed out."""

    def __init__(self, redis: Redis, *, prefix: str = "{auth}", timeout_seconds: float = 0.5) -> None:
        """Take a client; how long a step may take in all is bounded here, whatever the client retries."""
        self._prefix = prefix
        self._timeout_seconds = timeout_seconds
        self._scripts = {verb: redis.register_script(_script_text(verb)) for verb in VERBS}

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
        return created, ended

    async def load(self, digests: Sequence[str], policy: SessionPolicy) -> Session | None:
        reply = await self._run("load", *_life(policy), policy.touch_ms, *digests)
        return None if reply is None else _session(reply)

    async def rotate(
        self, old: str, new: str, policy: SessionPolicy, *, authenticated: bool
    ) -> Session | None:
        ends_ms = LONGEST_REQUEST_SECONDS * 1000
        reply = await self._run("rotate", *_life(policy), old, new, int(authenticated), ends_ms)
        return None if reply is None else _session(reply)

    async def end(self, digests: Sequence[str], policy: SessionPolicy) -> Sequence[Session]:
        return _sessions(await self._run("end", *_life(policy), *digests))

    async def end_by_id(self, subject: str, id: str, policy: SessionPolicy) -> Session | None:  # noqa: A002
        reply = await self._run("end_by_id", *_life(policy), subject, id)
        return None if reply is None else _session(reply)

    async def end_all(self, subject: str, policy: SessionPolicy, keep: str) -> Sequence[Session]:
        reply = await self._run("end_all", *_life(policy), subject, keep, LONGEST_LOGIN_SECONDS * 1000)
        return _sessions(reply)

    async def list(self, subject: str, policy: SessionPolicy) -> Sequence[Session]:
        return _sessions(await self._run("list", *_life(policy), subject))

    async def _run(self, verb: str, *arguments: str | int) -> Reply:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                reply: Reply = await self._scripts[verb]([self._prefix], arguments)
        except LOSSES as exc:
            raise StoreUnavailableError(f"Redis: {type(exc).__name__}") from exc
        return reply


def _script_text(verb: str) -> str:
    folder = resources.files("auth") / "lua"
    return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in ("session", verb))


def _life(policy: SessionPolicy) -> tuple[int, int]:
    return policy.idle_ms, policy.absolute_ms


def _sessions(reply: Reply) -> list[Session]:
    if not isinstance(reply, list):
        raise StoreUnavailableError("Redis: a reply of another kind than the script's")
    return [_session(one) for one in reply]


def _session(reply: Reply) -> Session:
    if not isinstance(reply, list) or len(reply) != FIELDS:
        raise StoreUnavailableError("Redis: a reply of another kind than the script's")
    digest, subject, public_id, created, authenticated, seen, data, now = map(_text, reply)
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
