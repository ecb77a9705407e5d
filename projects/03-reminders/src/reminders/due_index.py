"""The index of what is due next: a sorted set in Redis, and a message to the workers when its head changes.

`reminders:due` holds reminder ids by due time in milliseconds. It answers one question: how long may a worker
sleep? It decides nothing, and any entry of it may be missing or stale: a worker that wakes asks PostgreSQL,
and it wakes at least once a second. So whatever is done here may fail, and may take a tenth of a second at
most. What is lost comes back: each worker enters the next minute's reminders anew, once a second. What others
have put there is never read: of an entry only the time counts, and only one within the next minute.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Final
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from reminders.domain import Due
from service_kit.cool_down import COOL_DOWN_SECONDS, CoolDown

KEY: Final = "reminders:due"
WAKE_TOPIC: Final = "reminders:wake"
"""Redis calls it a channel, which in this service is how a reminder reaches its receiver."""
HORIZON: Final = timedelta(minutes=1)
"""What is due later is left out: the set stays small however many wait, and is rebuilt in a second."""
TIMEOUT_SECONDS: Final = 0.1
FAILURES: Final = (RedisError, OSError, TimeoutError, AttributeError, RuntimeError, TypeError)
"""The last three are asyncio's, of a write to a connection that was lost: python/cpython#136234."""
ENTER: Final = (files("reminders") / "lua" / "enter.lua").read_text()


class DueIndex:
    """What is due next, as far as Redis knows. Nothing here raises, whatever Redis does."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),  # redis-py's own retries make a refused connection cost seconds
        )
        self._cool_down = CoolDown("redis", FAILURES, timeout_seconds=timeout_seconds)

    async def enter(self, entries: Iterable[Due]) -> None:
        """Enter or move reminders, and wake the workers if one of them is now the first."""
        arguments = [str(part) for due in entries for part in (math.ceil(due.at.timestamp() * 1000), due.id)]
        if arguments:
            await self._cool_down.call(lambda: self._redis.eval(ENTER, 1, KEY, WAKE_TOPIC, *arguments), None)

    async def remove(self, reminder_id: UUID) -> None:
        await self._cool_down.call(lambda: self._redis.zrem(KEY, str(reminder_id)), None)

    async def next_after(self, moment: datetime) -> datetime | None:
        """Take out all that is due by a moment, and return when the next is due, if one is within HORIZON.

        Call it before a claim, never after: a reminder is entered when it is committed, so the claim that
        follows sees all that was taken out here.
        """
        now, horizon = moment.timestamp() * 1000, (moment + HORIZON).timestamp() * 1000
        pipeline = self._redis.pipeline(transaction=False)
        _ = pipeline.zremrangebyscore(KEY, "-inf", now)
        _ = pipeline.zrangebyscore(KEY, now, horizon, start=0, num=1, withscores=True)
        _, first = await self._cool_down.call(pipeline.execute, (0, []))
        return datetime.fromtimestamp(first[0][1] / 1000, UTC) if first else None

    async def listen(self, on_earlier: Callable[[], None]) -> None:
        """Call back whenever something is due earlier than all that was known, and for ever."""
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(WAKE_TOPIC)
                    async for _ in subscription.listen():
                        on_earlier()
            except FAILURES:
                await asyncio.sleep(COOL_DOWN_SECONDS)

    async def close(self) -> None:
        await self._redis.aclose()
