"""When to try again: exponential backoff with full jitter."""

from collections.abc import Callable
from dataclasses import dataclass

type Uniform = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after a failed attempt, and how often to try."""

    base_seconds: float
    cap_seconds: float
    retry_after_cap_seconds: float
    max_attempts: int

    def delay_seconds(self, attempt: int, retry_after_seconds: float | None, uniform: Uniform) -> float:
        """Draw the wait after attempt 1, 2, ...: uniform(0, min(cap, base * 2 ** (attempt - 1))).

        With base 5 and cap 3600: up to 5, 10, 20, 40, ... 3600 s. The whole span is drawn from, not only its
        upper part: that spreads those who failed together over all of it, and ends sooner in sum than any
        smaller jitter. A receiver's Retry-After is a lower bound, up to its own cap, lest a receiver park a
        reminder for ever.
        Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
        """
        drawn = uniform(0.0, min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1)))
        return max(drawn, min(retry_after_seconds or 0.0, self.retry_after_cap_seconds))
