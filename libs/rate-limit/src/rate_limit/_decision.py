"""What a limiter answers."""

import math
from typing import NamedTuple

from rate_limit._policy import MICROSECONDS

NEVER = -1
"""In place of a time to wait: the cost is more than the whole limit."""


class Standing(NamedTuple):
    """Where a key stands with one policy once the decision is made."""

    remaining: int
    reset_us: int
    """Until there is more quota than now; 0 when the quota is full."""
    retry_us: int
    """Until the cost would be admitted; 0 when this policy admits it, NEVER when it is above the limit."""


class Decision(NamedTuple):
    """Whether the request may pass, and one standing for each policy, in the limiter's order.

    It is true if the request may pass. There are no standings when the storage was away and the failure mode
    is open.
    """

    admitted: bool
    standings: tuple[Standing, ...]

    def __bool__(self) -> bool:
        return self.admitted

    @property
    def remaining(self) -> int:
        """What the strictest policy has left; 0 if nobody knows."""
        return min((standing.remaining for standing in self.standings), default=0)

    @property
    def retry_after_seconds(self) -> int | None:
        """Whole seconds, rounded up, after which the cost is admitted if nobody else spends; None: never."""
        waits = [standing.retry_us for standing in self.standings]
        if NEVER in waits:
            return None
        return math.ceil(max(waits, default=0) / MICROSECONDS)
