"""What happens when Redis does not answer: a circuit breaker, and a choice of three answers."""

import threading
import time
from collections.abc import Callable
from enum import StrEnum

from rate_limit._decision import Decision
from rate_limit._errors import StorageUnavailableError
from rate_limit._memory import MemoryStorage
from rate_limit._policy import PolicySet
from rate_limit._storage import Counters

COOL_DOWN_SECONDS = 0.25
"""How long Redis is left alone after a failure: in an outage one request in each quarter of a second pays the
time-out, and Redis is in use again that much after it is back."""

type OnChange = Callable[[str | None], None]
"""Hears why Redis is left alone, and None when it is in use again. Called once for each change."""


class FailureMode(StrEnum):
    """Who decides while Redis is away."""

    LOCAL = "local"
    """This process alone, with the same policies: several processes let several times the limit in."""
    OPEN = "open"
    """Nobody: every request passes."""
    CLOSED = "closed"
    """Nobody: every decision raises StorageUnavailableError."""


class CircuitBreaker:
    """Opens at the first failure; after each cool-down lets one caller try, and closes when that succeeds."""

    _CLOSED = 0.0

    def __init__(
        self,
        cool_down_seconds: float = COOL_DOWN_SECONDS,
        *,
        on_change: OnChange = lambda _reason: None,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cool_down_seconds = cool_down_seconds
        self._on_change = on_change
        self._clock_seconds = clock_seconds
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


class Failover:
    """The circuit breaker of one shared storage, and who stands in for it."""

    def __init__(self, mode: FailureMode, breaker: CircuitBreaker) -> None:
        self._mode = mode
        self._memory = MemoryStorage()
        self.breaker = breaker

    def stand_in(self, policies: PolicySet) -> Counters:
        match self._mode:
            case FailureMode.LOCAL:
                return self._memory.bind(policies)
            case FailureMode.OPEN:
                return _Open()
            case FailureMode.CLOSED:
                return _Closed()


class _Open:
    """Lets everything pass, and knows nothing of anybody."""

    def decide(self, key: str, cost: int, *, charge: bool) -> Decision:  # noqa: ARG002 - as all counters
        return Decision(admitted=True, standings=())

    def clear(self, key: str) -> None:
        pass


class _Closed:
    """Decides nothing."""

    def decide(self, key: str, cost: int, *, charge: bool) -> Decision:  # noqa: ARG002 - as all counters
        raise StorageUnavailableError("Redis is away, and the failure mode is closed")

    def clear(self, key: str) -> None:
        pass
