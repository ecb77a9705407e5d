"""The index of what is due next: a Redis sorted set, and a word to the workers when its head changes.

`reminders:due` holds reminder ids by due time in milliseconds. It answers one question: how long may a worker
sleep? It decides nothing, and any entry of it may be missing or stale: a worker that wakes asks PostgreSQL,
and it wakes at least once a second. So all this is best effort, takes a tenth of a second at most, and may be
lost at any time: the workers' sweeps write the next minute's entries anew.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from reminders.domain import Due

log = structlog.get_logger()

KEY: Final = "reminders:due"
CHANNEL: Final = "reminders:wake"
HORIZON: Final = timedelta(minutes=1)
"""What is due later is left out: the set stays small however many wait, and is rebuilt in a second."""
TIMEOUT_SECONDS: Final = 0.1
COOL_DOWN_SECONDS: Final = 0.25
"""How long Redis is left alone after a failure."""
HEADS: Final = 100
FAILURES: Final = (RedisError, OSError, TimeoutError, AttributeError, TypeError)
"""The last two are asyncio's, of a write to a connection that was lost: python/cpython#136234."""
ENTER: Final = (files("reminders") / "lua" / "enter.lua").read_text()


class DueIndex:
    """What is due next, as far as Redis knows. Nothing here raises, whatever Redis does."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )
        self._left_alone_until = 0.0

    async def enter(self, entries: Iterable[Due]) -> None:
        """Enter or move reminders, and wake the workers if one of them is now the first."""
        arguments = [str(part) for due in entries for part in (_milliseconds(due.at), due.id)]
        if arguments:
            await self._best_effort(lambda: self._redis.eval(ENTER, 1, KEY, CHANNEL, *arguments))

    async def remove(self, reminder_id: UUID) -> None:
        """Take a reminder out."""
        await self._best_effort(lambda: self._redis.zrem(KEY, str(reminder_id)))

    async def advance(self, done: Iterable[UUID] = ()) -> list[Due]:
        """Take out what is done with, and return the first entries: none if Redis does not answer."""
        pipeline = self._redis.pipeline(transaction=False)
        if names := [str(reminder_id) for reminder_id in done]:
            _ = pipeline.zrem(KEY, *names)
        _ = pipeline.zrange(KEY, 0, HEADS - 1, withscores=True)
        answers = await self._best_effort(pipeline.execute)
        return [Due(UUID(name), _moment(score)) for name, score in answers[-1]] if answers else []

    async def listen(self, on_wake: Callable[[], None]) -> None:
        """Call back whenever the head of the index has changed, and for ever."""
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    async for _ in subscription.listen():
                        on_wake()
            except FAILURES:
                await asyncio.sleep(COOL_DOWN_SECONDS)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _best_effort[T](self, call: Callable[[], Awaitable[T]]) -> T | None:
        now = monotonic()
        if now < self._left_alone_until:
            return None
        failed_before = self._left_alone_until > 0.0
        if failed_before:
            self._left_alone_until = now + COOL_DOWN_SECONDS  # one caller at a time finds out
        try:
            async with asyncio.timeout(self._timeout_seconds):  # the look-up of the host's name included
                answer = await call()
        except FAILURES as error:
            self._left_alone_until = monotonic() + COOL_DOWN_SECONDS
            if not failed_before:
                log.warning(
                    "redis does not answer: the workers go by PostgreSQL alone", reason=type(error).__name__
                )
            return None
        if failed_before:
            self._left_alone_until = 0.0
            log.info("redis is in use again")
        return answer


def rounded(due: Due) -> Due:
    """Return an entry as the index gives it back: in whole milliseconds, and not before its time."""
    return Due(due.id, _moment(_milliseconds(due.at)))


def _milliseconds(moment: datetime) -> int:
    return math.ceil(moment.timestamp() * 1000)


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
