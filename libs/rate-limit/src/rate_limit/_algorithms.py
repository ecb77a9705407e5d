"""The three algorithms as they run in one process; lua/ has the same for Redis.

Each class is what is remembered of one key and one policy. `standing` brings it up to the given moment and
tells what it holds; `charge` spends. No clock is trusted to go forward: where it went back, what was spent
counts as spent now, so nobody waits longer than a window because of it.
"""

from bisect import bisect_left
from collections import deque
from itertools import accumulate
from typing import Protocol

from rate_limit._decision import NEVER, Standing
from rate_limit._policy import Algorithm, Policy


class State(Protocol):
    """What is remembered of one key and one policy."""

    def standing(self, policy: Policy, cost: int, now_us: int) -> Standing: ...

    def charge(self, policy: Policy, cost: int, now_us: int) -> None:
        """Spend what `standing` at the same moment has admitted."""
        ...

    def is_spent(self, policy: Policy, now_us: int) -> bool:
        """Tell whether there is anything left to remember."""
        ...

    @property
    def size(self) -> int:
        """How many entries of memory this is."""
        ...


class FixedWindow:
    """Counts what is spent between a key's first unit and that moment plus the window."""

    __slots__ = ("closes_us", "used")
    size = 1

    def __init__(self) -> None:
        self.closes_us = 0
        self.used = 0

    def standing(self, policy: Policy, cost: int, now_us: int) -> Standing:
        self.closes_us = min(self.closes_us, now_us + policy.window_us)
        if self.closes_us <= now_us:
            self.closes_us = self.used = 0
        reset_us = self.closes_us - now_us if self.used else 0
        retry_us = reset_us if cost and self.used + cost > policy.limit else 0
        return Standing(
            max(policy.limit - self.used, 0), reset_us, NEVER if cost > policy.limit else retry_us
        )

    def charge(self, policy: Policy, cost: int, now_us: int) -> None:
        if not self.used:
            self.closes_us = now_us + policy.window_us
        self.used += cost

    def is_spent(self, policy: Policy, now_us: int) -> bool:  # noqa: ARG002 - as the others
        return self.closes_us <= now_us


class SlidingWindow:
    """Remembers when what was spent; each unit comes back exactly one window later."""

    __slots__ = ("log", "used")

    def __init__(self) -> None:
        self.log: deque[tuple[int, int]] = deque()  # (moment, cost), oldest first
        self.used = 0

    @property
    def size(self) -> int:
        return max(len(self.log), 1)

    def standing(self, policy: Policy, cost: int, now_us: int) -> Standing:
        log = self.log
        if log and log[-1][0] > now_us:
            self.log = log = deque((min(moment, now_us), spent) for moment, spent in log)
        while log and log[0][0] + policy.window_us <= now_us:
            self.used -= log.popleft()[1]
        reset_us = log[0][0] + policy.window_us - now_us if log else 0
        remaining = max(policy.limit - self.used, 0)
        if cost > policy.limit:
            return Standing(remaining, reset_us, NEVER)
        missing = self.used + cost - policy.limit
        if not cost or missing <= 0:
            return Standing(remaining, reset_us, 0)
        last = log[0] if log[0][1] >= missing else log[_first_to_free(log, missing)]
        return Standing(remaining, reset_us, last[0] + policy.window_us - now_us)

    def charge(self, policy: Policy, cost: int, now_us: int) -> None:  # noqa: ARG002 - as the others
        self.log.append((now_us, cost))
        self.used += cost

    def is_spent(self, policy: Policy, now_us: int) -> bool:
        return not self.log or self.log[-1][0] + policy.window_us <= now_us


def _first_to_free(log: deque[tuple[int, int]], missing: int) -> int:
    """Return the index of the entry whose end, with that of all before it, frees so many units."""
    return bisect_left(list(accumulate(cost for _, cost in log)), missing)


class Gcra:
    """A bucket of `limit` tokens that refills by one in every interval of window / limit.

    All there is to know of a bucket is when it will be full again; the theoretical arrival time.
    The interval is whole microseconds, rounded up: a limit that does not divide the window gives a hair less
    than `limit` units in a window, never more.
    """

    __slots__ = ("full_at_us",)
    size = 1

    def __init__(self) -> None:
        self.full_at_us = 0

    def standing(self, policy: Policy, cost: int, now_us: int) -> Standing:
        interval_us = -(-policy.window_us // policy.limit)
        capacity_us = interval_us * policy.limit
        self.full_at_us = min(self.full_at_us, now_us + capacity_us)
        debt_us = max(self.full_at_us - now_us, 0)
        reset_us = (debt_us - 1) % interval_us + 1 if debt_us else 0
        retry_us = max(debt_us + cost * interval_us - capacity_us, 0)
        return Standing(
            (capacity_us - debt_us) // interval_us, reset_us, NEVER if cost > policy.limit else retry_us
        )

    def charge(self, policy: Policy, cost: int, now_us: int) -> None:
        interval_us = -(-policy.window_us // policy.limit)
        self.full_at_us = max(self.full_at_us, now_us) + cost * interval_us

    def is_spent(self, policy: Policy, now_us: int) -> bool:  # noqa: ARG002 - as the others
        return self.full_at_us <= now_us


STATES: dict[Algorithm, type[FixedWindow | SlidingWindow | Gcra]] = {
    Algorithm.FIXED_WINDOW: FixedWindow,
    Algorithm.SLIDING_WINDOW: SlidingWindow,
    Algorithm.GCRA: Gcra,
}
