"""What happens when Redis does not answer: a circuit breaker, and a choice of three answers."""

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
    """Who decides while Redis is away."""

    LOCAL = "local"  # this process alone, with the same policies
    OPEN = "open"  # nobody: every request passes
    CLOSED = "closed"  # nobody: no request passes


class CircuitBreaker:
    """Opens at the first failure; after each cool-down lets one caller try, and closes when that succeeds."""

    _CLOSED = 0.0

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
        self._try_again_at = self._CLOSED

    def allows(self) -> bool:
        """Tell whether to try; while the breaker is open only one caller per cool-down hears yes."""
        if self._try_again_at == self._CLOSED:
            return True
        with self._lock:
            now = self._clock_seconds()
            if now < self._try_again_at:
                return False
            if self._try_again_at != self._CLOSED:
                self._try_again_at = now + self._cool_down_seconds
            return True

    def succeeded(self) -> None:
        if self._try_again_at == self._CLOSED:
            return
        with self._lock:
            was_open, self._try_again_at = self._try_again_at != self._CLOSED, self._CLOSED
        if was_open:
            self._on_change(None)

    def failed(self, reason: str) -> None:
        with self._lock:
            was_closed = self._try_again_at == self._CLOSED
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
