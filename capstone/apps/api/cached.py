"""Reads that are answered from Redis as long as nothing was changed, and never with what was.

The rule of invalidation is a number. Each change of an organisation adds an entry to its audit trail, in its
transaction, and who asks is told the number of the last one together with their role. Answers are kept under
it: after a change they are looked for under another number, in every process, and whatever has become of
Redis meanwhile. Nobody has to forget anything, so nobody can forget to. Who may ask is decided before.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from litestar import Response
from litestar.di import NamedDependency
from pydantic import BaseModel

from auth.litestar import AuthRequest
from core.tenancy.domain import Access
from redis_wire import RedisUnavailableError, Streams, command, parse_address
from service_kit.cool_down import CoolDown

if TYPE_CHECKING:
    from redis_wire import Address

TIMEOUT_SECONDS: Final = 0.3
LARGEST_BYTES: Final = 262_144
HIT: Final = "capstone; hit"
MISS: Final = "capstone; fwd=miss"
"""Source: RFC 9211."""


@dataclass(frozen=True, slots=True)
class Tagged[T: BaseModel]:
    """What was read; its ETag, if it has one of its own."""

    document: T
    etag: str | None = None


class AnswerStore:
    """Answers in Redis. Each call takes TIMEOUT_SECONDS at most, and fails silently."""

    def __init__(self, url: str, lifetime_seconds: int) -> None:
        address: Address = parse_address(url)
        self._lifetime_seconds = lifetime_seconds
        self._redis = Streams(address, timeout_seconds=TIMEOUT_SECONDS)
        self._cool_down = CoolDown("cache", (RedisUnavailableError,), timeout_seconds=TIMEOUT_SECONDS)

    async def get(self, key: bytes) -> bytes | None:
        if not self._lifetime_seconds:
            return None
        found = await self._ask(command(b"GET", key))
        return found if isinstance(found, bytes) else None

    async def put(self, key: bytes, answer: bytes) -> None:
        if self._lifetime_seconds and len(answer) <= LARGEST_BYTES:
            await self._ask(command(b"SET", key, answer, b"EX", b"%d" % self._lifetime_seconds))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, packed: bytes) -> object:
        # What Redis refuses, because it is full or loading, is an answer, too: it is none of ours.
        return await self._cool_down.call(lambda: self._redis.ask(packed), None)


class Cached:
    """Answers reads of an organisation."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store

    async def answer[T: BaseModel](
        self, request: AuthRequest, access: Access, read: Callable[[], Awaitable[Tagged[T]]]
    ) -> Response[T]:
        """Answer as the last time, if there was one since the last change; else read it."""
        key = f"answer:{access.tenant_id}:{access.changes}:{request.url.path}?{request.url.query}".encode()
        kept = await self._store.get(key)
        if kept is not None:
            etag, _, body = kept.partition(b"\n")
        else:
            found = await read()
            etag = (found.etag or f'"{access.changes}"').encode()
            body = found.document.model_dump_json().encode()
            await self._store.put(key, etag + b"\n" + body)
        headers = {"etag": etag.decode(), "cache-status": MISS if kept is None else HIT}
        if is_seen(request.headers.get("if-none-match"), etag.decode()):
            return Response(cast("T", None), status_code=304, headers=headers)
        return Response(cast("T", body), headers=headers, media_type="application/json")


def is_seen(if_none_match: str | None, etag: str) -> bool:
    """Tell whether a client has it. Source: RFC 9110, section 13.1.2: tags are compared weakly."""
    seen = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in seen or seen == ["*"]


AnswerCache = NamedDependency[Cached]
