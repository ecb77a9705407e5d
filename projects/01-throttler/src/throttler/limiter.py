"""The idea of this service, free of Redis and of HTTP.

A client has a budget on each route: at most `limit` units in a window of time. A request spends its cost if
every policy of the route still has room for it, and nothing at all if one has not.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

MICROSECONDS = 1_000_000


class Algorithm(StrEnum):
    """What "a window of time" means; the formulas are in algorithms.py and, atomically, in lua/."""

    FIXED_WINDOW = "fixed-window"
    SLIDING_WINDOW = "sliding-window"
    TOKEN_BUCKET = "token-bucket"  # noqa: S105 - the algorithm's name, not a secret


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `limit` units in a window of `window_seconds`."""

    name: str
    limit: int
    window_seconds: int

    @property
    def window_us(self) -> int:
        return self.window_seconds * MICROSECONDS


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: there is one per route, made at start
class Budget:
    """What a request on one route costs, and the policies that must all admit it."""

    route: str
    policies: tuple[Policy, ...]
    cost: int = 1


class Standing(NamedTuple):
    """Where a client stands with one policy once the decision is made."""

    remaining: int
    reset_us: int
    """Until there is more quota than now; 0 when the quota is full."""
    retry_us: int
    """Until the request's cost would be admitted; 0 when this policy admits it."""


class Decision(NamedTuple):
    """One standing for each policy of the budget, in its order."""

    standings: tuple[Standing, ...]
    admitted: bool


class Limiter(Protocol):
    """Something that keeps count of what clients have spent."""

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost to all policies of the budget, or to none of them, atomically; cost 0 only looks.

        Raises: LimiterUnavailableError, in bounded time.
        """
        ...
