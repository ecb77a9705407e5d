"""The shared limiter: one EVALSHA, one round trip, one decision for all processes."""

import hashlib
import time
from importlib import resources
from itertools import batched

from redis.exceptions import NoScriptError, RedisError

from throttler.errors import LimiterUnavailableError
from throttler.limiter import Algorithm, Budget, Decision, Policy, Standing
from throttler.redis_connections import Connection, RedisConnections

TIMEOUT_SECONDS = 0.1
"""For one conversation with Redis, connecting included: half of the 200 ms that an answer may take in all."""

type Plan = tuple[tuple[str, ...], tuple[int, ...]]
"""What never changes for a budget: the ends of its keys; its limits and windows as the script wants them."""


class RedisLimiter:
    """Keeps what clients have spent in Redis, under `rate:{client}:{route}`.

    There are no retries: they would not fit into the time, and after a lost reply one might charge twice.
    """

    def __init__(self, url: str, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        file = resources.files("throttler") / "lua" / f"{algorithm.replace('-', '_')}.lua"
        self._script = file.read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._connections = RedisConnections(url, TIMEOUT_SECONDS)
        self._plans: dict[Budget, Plan] = {}

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost to all policies of the budget, or to none of them, in one round trip.

        Raises: LimiterUnavailableError, at most TIMEOUT_SECONDS later.
        """
        plan = self._plans.get(budget)
        if plan is None:
            plan = self._plans[budget] = self._plan(budget)
        suffixes, limits = plan
        reply = self._converse(
            "EVALSHA",
            self._sha,
            len(suffixes),
            *[f"rate:{client}{suffix}" for suffix in suffixes],
            cost,
            *limits,
        )
        if not isinstance(reply, list) or len(reply) != 3 * len(suffixes):
            raise LimiterUnavailableError(f"Redis gave an answer that is none: {reply!r}")
        standings = tuple(Standing(*numbers) for numbers in batched(reply, 3, strict=True))
        return Decision(standings, not any(standing.retry_us for standing in standings))

    def ping(self) -> None:
        """Return if Redis answers in time.

        Raises: LimiterUnavailableError.
        """
        self._converse("PING")

    def _converse(self, *command: str | int) -> object:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        connection = self._connections.take()
        is_new = connection is None
        try:
            connection = connection or self._connections.open(deadline)
            try:
                reply = self._ask(connection, command, deadline if is_new else None)
            except NoScriptError:
                # Redis was restarted or flushed. EVAL runs the text and keeps it for the next EVALSHA.
                reply = self._ask(connection, ("EVAL", self._script, *command[2:]), deadline)
        except (RedisError, OSError) as exc:
            if connection is not None:
                connection.disconnect()
            raise LimiterUnavailableError(f"{type(exc).__name__}: {exc}") from exc
        self._connections.give_back(connection)
        return reply

    def _ask(self, connection: Connection, command: tuple[str | int, ...], deadline: float | None) -> object:
        connection.send_packed_command(connection.pack_command(*command), check_health=False)
        if deadline is None:
            # The socket's own time-out is that of a whole conversation; to set another takes two system calls.
            return connection.read_response()
        return connection.read_response(timeout=max(deadline - time.monotonic(), 0.001))

    def _plan(self, budget: Budget) -> Plan:
        suffixes = tuple(f":{budget.route}{self._ending(policy)}" for policy in budget.policies)
        # The fixed window's clock is a TTL, which PTTL tells in milliseconds.
        scale = 1000 if self._algorithm is Algorithm.FIXED_WINDOW else 1
        limits = [(policy.limit, policy.window_us // scale) for policy in budget.policies]
        return suffixes, tuple(number for pair in limits for number in pair)

    def _ending(self, policy: Policy) -> str:
        """Tell policies of one route apart, and algorithms that keep different things under a key."""
        name = "" if policy.name == "default" else f":{policy.name}"
        return name if self._algorithm is Algorithm.FIXED_WINDOW else f"{name}:{self._algorithm}"
