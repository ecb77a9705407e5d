"""The shared limiter: one script, one round trip, one decision for all processes."""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from importlib import resources
from itertools import batched

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from throttler.errors import LimiterUnavailableError
from throttler.limiter import MICROSECONDS, Algorithm, Budget, Decision, Policy, Standing
from throttler.redis_socket import AnswerConnection

# A request may be held up by 200 ms in all, and a conversation with Redis by 180. Either a connection is
# opened within 70 ms, and answers within 110. Or an idle one says within 70 that Redis lacks the script, and
# answers within 110 when it is sent the whole text. Only a new one to a Redis that lacks the script may
# need all three, which is 250.
OPEN_SECONDS = 0.07
ANSWER_SECONDS = 0.11


class RedisLimiter:
    """Keeps what clients have spent in Redis, under `rate:{client}:{route}`.

    `:{policy}` follows unless it is the default one, and `:{algorithm}` unless it is the fixed window.

    There are no retries: they would not fit into the time, and after a lost reply one might charge twice.
    """

    def __init__(
        self,
        url: str,
        algorithm: Algorithm,
        *,
        open_seconds: float = OPEN_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._url = url
        self._algorithm = algorithm
        self._open_seconds = open_seconds
        self._answer_seconds = answer_seconds
        file = resources.files("throttler") / "lua" / f"{algorithm.replace('-', '_')}.lua"
        self._script = file.read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._idle: deque[Redis] = deque()  # its pop and append are atomic

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost to all policies of the budget, or to none of them, in one round trip.

        Raises: LimiterUnavailableError, in bounded time.
        """
        keys = [self._key(client, budget, policy) for policy in budget.policies]
        # The fixed window's clock is a TTL, which PTTL tells in milliseconds.
        scale = 1000 if self._algorithm is Algorithm.FIXED_WINDOW else 1
        limits = [
            number for policy in budget.policies for number in (policy.limit, policy.window_us // scale)
        ]
        reply = self._converse(lambda redis: self._run(redis, keys, [cost, *limits]))
        if not isinstance(reply, list) or len(reply) != 3 * len(keys):
            raise LimiterUnavailableError(f"Redis gave an answer that is none: {reply!r}")
        standings = tuple(Standing(*numbers) for numbers in batched(reply, 3, strict=True))
        return Decision(standings, not any(standing.retry_us for standing in standings))

    def ping(self) -> None:
        """Return if Redis can count: an answer is not enough, for it may be read-only, full or locked up.

        What is written for that is gone a millisecond later. Raises: LimiterUnavailableError.
        """
        shortest = 1 if self._algorithm is Algorithm.FIXED_WINDOW else 1000
        self._converse(lambda redis: self._run(redis, ["rate:ready"], [1, MICROSECONDS, shortest]))

    def warm_up(self, connections: int) -> None:
        """Load the script and open connections ahead of the first requests. To be run on the side."""
        with suppress(LimiterUnavailableError, RedisError, OSError):
            self._converse(lambda redis: redis.script_load(self._script))
            for _ in range(connections - len(self._idle)):
                self._idle.append(self._open())

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, redis: Redis, keys: list[str], arguments: list[int]) -> object:
        asked_at = time.monotonic()
        try:
            return redis.evalsha(self._sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Redis was restarted or flushed. EVAL runs the text and keeps it for the next EVALSHA.
            if time.monotonic() - asked_at > self._open_seconds:
                raise  # too late for a second round trip
            return redis.eval(self._script, len(keys), *keys, *arguments)

    def _converse(self, ask: Callable[[Redis], object]) -> object:
        redis = None
        try:
            redis = self._take() or self._open()
            answer = ask(redis)
        except (RedisError, OSError, ValueError) as exc:  # ValueError: a host name that cannot be one
            if redis is not None:
                redis.close()
            self.close()  # whatever befell this connection, the idle ones lead to the same server
            raise LimiterUnavailableError(f"{type(exc).__name__}: {exc}") from exc
        self._idle.append(redis)
        return answer

    def _take(self) -> Redis | None:
        """Return an idle connection; one that Redis has closed, as by a restart, is let go.

        Else the first request after a restart would find out, and take Redis for lost.
        """
        with suppress(IndexError):
            while True:
                redis = self._idle.pop()
                if is_quiet(redis):
                    return redis
                redis.close()
        return None

    def _open(self) -> Redis:
        """Open a connection, on the side: nothing bounds the look-up of a host's name.

        Raises: RedisError, OSError, of which TimeoutError is one, ValueError.
        """
        opened: Future[Redis] = Future()
        threading.Thread(target=self._connect, args=(opened,), name="redis-open", daemon=True).start()
        try:
            return opened.result(self._open_seconds)
        except TimeoutError:
            if opened.cancel():
                raise
            return opened.result()  # it arrived between the two lines

    def _connect(self, opened: Future[Redis]) -> None:
        try:
            # RESP2 and no driver_info: nothing to negotiate, so connecting costs no round trip of its own.
            redis = Redis.from_url(
                self._url,
                connection_class=AnswerConnection,
                single_connection_client=True,
                protocol=2,
                driver_info=None,
                retry=Retry(NoBackoff(), 0),  # the default makes a refused connection cost seconds
                socket_connect_timeout=self._open_seconds,
                socket_timeout=self._answer_seconds,
            )
        except Exception as exc:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            if opened.set_running_or_notify_cancel():
                opened.set_exception(exc)
            return
        if opened.set_running_or_notify_cancel():
            opened.set_result(redis)
        else:
            redis.close()

    def _key(self, client: str, budget: Budget, policy: Policy) -> str:
        """Name a count: policies of one route are told apart, and algorithms, which keep different things."""
        name = "" if policy.name == "default" else f":{policy.name}"
        kind = "" if self._algorithm is Algorithm.FIXED_WINDOW else f":{self._algorithm}"
        return f"rate:{client}:{budget.route}{name}{kind}"


def is_quiet(redis: Redis) -> bool:
    """Tell whether the connection is open, and nothing is there to be read from it."""
    with suppress(RedisError, OSError):
        return redis.connection is not None and not redis.connection.can_read(0)
    return False
