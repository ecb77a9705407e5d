"""Counts in Redis, shared by all processes: one round trip, one decision."""

from rate_limit._decision import Decision
from rate_limit._errors import StorageUnavailableError
from rate_limit._failover import COOL_DOWN_SECONDS, CircuitBreaker, Failover, FailureMode, OnChange
from rate_limit._policy import MAX_LIMIT, Algorithm, Policy, PolicySet
from rate_limit._redis_client import AsyncClientTransport, AsyncRedisClient, ClientTransport, RedisClient
from rate_limit._redis_script import KEY_TEMPLATE, Script, pattern_of_all
from rate_limit._redis_transport import SocketTransport, StreamTransport
from rate_limit._storage import Counters
from redis_wire import parse_address

TIMEOUT_SECONDS = 0.12
"""For one decision, connecting included."""
PROBE_KEY = "ready"
PROBE = PolicySet((Policy(MAX_LIMIT, 1, "ready"),), Algorithm.FIXED_WINDOW)
"""Never refuses, so that each of its decisions is written."""

type Transport = SocketTransport | ClientTransport
type AsyncTransport = StreamTransport | AsyncClientTransport


def _ignore(_reason: str | None) -> None:
    pass


class RedisStorage:
    """Keeps counts in Redis, and decides by the failure mode while Redis is away.

    Give it a URL, and a decision takes `timeout_seconds` at most; or a client of redis-py (Redis,
    RedisCluster), whose own time-outs hold then. Threads share it.

    The template makes a policy's key. Change it to keep the keys of an earlier system; what stands in braces
    must be the same for all policies of a limiter if Redis is a Cluster.

    Raises: redis_wire.RedisUrlError.
    """

    def __init__(
        self,
        redis: "str | RedisClient",
        *,
        failure_mode: FailureMode = FailureMode.LOCAL,
        timeout_seconds: float = TIMEOUT_SECONDS,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        on_change: OnChange = _ignore,
        key_template: str = KEY_TEMPLATE,
    ) -> None:
        self._transport: Transport = (
            SocketTransport(parse_address(redis), timeout_seconds)
            if isinstance(redis, str)
            else ClientTransport(redis)
        )
        self._failover = Failover(failure_mode, CircuitBreaker(cool_down_seconds, on_change=on_change))
        self._key_template = key_template

    def bind(self, policies: PolicySet) -> "RedisCounters":
        script = Script(policies, self._key_template)
        return RedisCounters(
            self._transport, script, self._failover.breaker, self._failover.stand_in(policies)
        )

    def ping(self) -> None:
        """Return if Redis can count, whatever the failure mode: for a readiness check.

        A PING would not tell: a read-only replica, or a Redis whose memory is full, answers it.

        Raises: StorageUnavailableError.
        """
        script = Script(PROBE, self._key_template)
        script.decision(self._transport.decide(script, PROBE_KEY, 1, charge=True))

    def clear_all(self) -> None:
        """Give every key of this template its whole quota back; walks through all keys of the Redis.

        Raises: StorageUnavailableError, PolicyError for a template that begins with the key.
        """
        self._transport.delete_matching(pattern_of_all(self._key_template))

    def close(self) -> None:
        """Close the connections; a client that was handed in stays open."""
        self._transport.close()


class RedisCounters:
    """The counts of one set of policies in Redis."""

    def __init__(
        self, transport: Transport, script: Script, breaker: CircuitBreaker, stand_in: Counters
    ) -> None:
        self._transport = transport
        self._script = script
        self._breaker = breaker
        self._stand_in = stand_in

    def decide(self, key: str, cost: int, *, charge: bool) -> Decision:
        if self._breaker.allows():
            try:
                reply = self._transport.decide(self._script, key, cost, charge=charge)
                decision = self._script.decision(reply)
            except StorageUnavailableError as exc:
                self._breaker.failed(str(exc))
            else:
                self._breaker.succeeded()
                return decision
        return self._stand_in.decide(key, cost, charge=charge)

    def clear(self, key: str) -> None:
        self._stand_in.clear(key)
        self._transport.delete(self._script.keys(key))


class AsyncRedisStorage:
    """The same, for asyncio: decisions that are asked for in one tick of the loop share one round trip.

    Takes a URL or a client of redis.asyncio (Redis, RedisCluster). Each event loop has its own connection.
    """

    def __init__(
        self,
        redis: "str | AsyncRedisClient",
        *,
        failure_mode: FailureMode = FailureMode.LOCAL,
        timeout_seconds: float = TIMEOUT_SECONDS,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        on_change: OnChange = _ignore,
        key_template: str = KEY_TEMPLATE,
    ) -> None:
        self._transport: AsyncTransport = (
            StreamTransport(parse_address(redis), timeout_seconds)
            if isinstance(redis, str)
            else AsyncClientTransport(redis)
        )
        self._failover = Failover(failure_mode, CircuitBreaker(cool_down_seconds, on_change=on_change))
        self._key_template = key_template

    def bind_async(self, policies: PolicySet) -> "AsyncRedisCounters":
        script = Script(policies, self._key_template)
        return AsyncRedisCounters(
            self._transport, script, self._failover.breaker, self._failover.stand_in(policies)
        )

    async def ping(self) -> None:
        """As `RedisStorage.ping`."""
        script = Script(PROBE, self._key_template)
        script.decision(await self._transport.decide(script, PROBE_KEY, 1, charge=True))

    async def clear_all(self) -> None:
        """As `RedisStorage.clear_all`."""
        await self._transport.delete_matching(pattern_of_all(self._key_template))

    async def aclose(self) -> None:
        """Close the running loop's connection; a client that was handed in stays open."""
        await self._transport.aclose()


class AsyncRedisCounters:
    """The counts of one set of policies in Redis, for asyncio."""

    def __init__(
        self, transport: AsyncTransport, script: Script, breaker: CircuitBreaker, stand_in: Counters
    ) -> None:
        self._transport = transport
        self._script = script
        self._breaker = breaker
        self._stand_in = stand_in

    async def decide(self, key: str, cost: int, *, charge: bool) -> Decision:
        if self._breaker.allows():
            try:
                reply = await self._transport.decide(self._script, key, cost, charge=charge)
                decision = self._script.decision(reply)
            except StorageUnavailableError as exc:
                self._breaker.failed(str(exc))
            else:
                self._breaker.succeeded()
                return decision
        return self._stand_in.decide(key, cost, charge=charge)

    async def clear(self, key: str) -> None:
        self._stand_in.clear(key)
        await self._transport.delete(self._script.keys(key))
