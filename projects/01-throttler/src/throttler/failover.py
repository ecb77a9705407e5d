"""What happens when Redis does not answer: a circuit breaker, and a choice of three answers."""

import math
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from throttler.errors import LimiterUnavailableError
from throttler.limiter import Budget, Decision, Limiter

COOL_DOWN_SECONDS = 0.25
"""How long Redis is left alone after a failure: in an outage one request in each quarter of a second pays the
time-out, and Redis is in use again that much after it is back."""


class FailureMode(StrEnum):
    """Who decides while Redis is away.

    Open and closed are said as of a gate here: requests pass an open one. Of a circuit breaker they are said
    as of a switch, the other way round: nothing passes an open one.
    """

    LOCAL = "local"  # this process alone, with the same policies
    OPEN = "open"  # nobody: every request passes
    CLOSED = "closed"  # nobody: no request passes


class CircuitBreaker:
    """Stands between callers and Redis: a closed one lets all of them through, an open one none.

    Opens at the first failure; after each cool-down lets one caller try, and closes when that succeeds.
    """

    _ANY_TIME = -math.inf  # what `_try_again_at` is while the breaker is closed

    def __init__(
        self,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        *,
        clock_seconds: Callable[[], float] = time.monotonic,
        on_change: Callable[[str | None], None] = lambda _reason: None,
    ) -> None:
        self._cool_down_seconds = cool_down_seconds
        self._clock_seconds = clock_seconds
        self._on_change = on_change
        self._lock = threading.Lock()
        self._try_again_at = self._ANY_TIME

    def allows(self) -> bool:
        """Tell whether to try; who hears yes tries, and tells `succeeded` or `failed`.

        In an open breaker a yes is also a change: it begins the next cool-down, so only one caller hears it.
        """
        if self._try_again_at == self._ANY_TIME:
            return True
        with self._lock:
            now = self._clock_seconds()
            if now < self._try_again_at:
                return False
            if self._try_again_at != self._ANY_TIME:
                self._try_again_at = now + self._cool_down_seconds
            return True

    def succeeded(self) -> None:
        if self._try_again_at == self._ANY_TIME:
            return
        with self._lock:
            was_open, self._try_again_at = self._try_again_at != self._ANY_TIME, self._ANY_TIME
        if was_open:
            self._on_change(None)

    def failed(self, reason: str) -> None:
        with self._lock:
            was_closed = self._try_again_at == self._ANY_TIME
            self._try_again_at = self._clock_seconds() + self._cool_down_seconds
        if was_closed:
            self._on_change(reason)


class FailoverLimiter:
    """Asks the shared limiter, and while that is away the stand-in, if there is one."""

    def __init__(self, shared: Limiter, stand_in: Limiter | None, breaker: CircuitBreaker) -> None:
        self._shared = shared
        self._stand_in = stand_in
        self._breaker = breaker

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost.

        Raises: LimiterUnavailableError if there is no stand-in; at once while the breaker is open.
        """
        if self._breaker.allows():
            try:
                decision = self._shared.spend(client, budget, cost)
            except LimiterUnavailableError as exc:
                self._breaker.failed(str(exc))
            else:
                self._breaker.succeeded()
                return decision
        if self._stand_in is None:
            raise LimiterUnavailableError("the shared limiter is away")
        return self._stand_in.spend(client, budget, cost)
