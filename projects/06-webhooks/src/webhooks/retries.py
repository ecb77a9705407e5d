"""What comes after an attempt: nothing more, another one, or death."""

from collections.abc import Callable
from dataclasses import dataclass

from webhooks.domain import Claim, Completion, EventState, Outcome, Result


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and when again after a failure: exponential backoff with full jitter."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    retry_after_cap_seconds: float
    uniform: Callable[[float, float], float]

    def delay_seconds(self, attempt: int, retry_after_seconds: float | None) -> float:
        """Draw the wait after attempt 1, 2, ...: uniform(0, min(cap, base * 2 ** (attempt - 1))).

        A destination's Retry-After is a lower bound, up to its own cap.
        Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
        """
        drawn = self.uniform(0.0, min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1)))
        return max(drawn, min(retry_after_seconds or 0.0, self.retry_after_cap_seconds))

    def completed(self, claim: Claim, result: Result) -> Completion:
        if result.outcome is Outcome.FORWARDED:
            return Completion(claim, result, EventState.FORWARDED)
        if result.outcome is Outcome.GONE or claim.attempt_count >= self.max_attempts:
            return Completion(claim, result, EventState.DEAD)
        delay_seconds = self.delay_seconds(claim.attempt_count, result.retry_after_seconds)
        return Completion(claim, result, EventState.PENDING, delay_seconds)
