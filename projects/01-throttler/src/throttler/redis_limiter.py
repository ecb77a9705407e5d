"""The shared limiter: one EVALSHA, one round trip, one decision for all processes."""

import hashlib
import time
from contextlib import suppress
from importlib import resources
from itertools import batched

from redis.exceptions import NoScriptError, RedisError

from throttler.errors import LimiterUnavailableError
from throttler.limiter import Algorithm, Budget, Decision, Policy, Standing
from throttler.redis_connections import Connection, RedisConnections

TIMEOUT_SECONDS = 0.12
"""For one conversation with Redis, connecting included. An answer may take 200 ms in all: the rest is for the
rest, on a machine that is busy."""

type Plan = tuple[tuple[str, ...], tuple[int, ...]]
"""What never changes for a budget: the ends of its keys; its limits and windows as the script wants them."""


class RedisLimiter:
    """Keeps what clients have spent in Redis, under `rate:{client}:{route}`.

    There are no retries: they would not fit into the time, and after a lost reply one might charge twice.
    """

    def __init__(self, url: str, algorithm: Algorithm, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._algorithm = algorithm
        self._timeout_seconds = timeout_seconds
        file = resources.files("throttler") / "lua" / f"{algorithm.replace('-', '_')}.lua"
        self._script = file.read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._script.encode(), usedforsecurity=False).hexdigest()
        self._connections = RedisConnections(url, timeout_seconds)
        self._plans: dict[Budget, Plan] = {}

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost to all policies of the budget, or to none of them, in one round trip.

        Raises: LimiterUnavailableError, after `timeout_seconds` at the latest.
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

    def warm_up(self, connections: int) -> None:
        """Open connections and load the script ahead of the first requests. To be run on the side."""
        with suppress(LimiterUnavailableError):
            self._converse("SCRIPT", "LOAD", self._script)
            self._connections.open_ahead(connections, time.monotonic() + self._timeout_seconds)

    def close(self) -> None:
        """Close the connections that are idle."""
        self._connections.close()

    def _converse(self, *command: str | int) -> object:
        deadline = time.monotonic() + self._timeout_seconds
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
            # The socket's own time-out is as long as a whole conversation; another takes two system calls.
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
