"""What is limited: so many units in a window of time."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from rate_limit._errors import PolicyError

MICROSECONDS = 1_000_000
MAX_LIMIT = 1_000_000_000
MAX_WINDOW_SECONDS = 10 * 366 * 86_400
"""Ten years, so that every moment in microseconds is a whole number in Lua, whose numbers have 53 bits."""

# A name stands in a structured field and in a Redis key: nothing that would need escaping there.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Algorithm(StrEnum):
    """What "a window of time" means."""

    FIXED_WINDOW = "fixed-window"
    """The window opens with the first unit spent, and all comes back when it closes."""
    SLIDING_WINDOW = "sliding-window"
    """Each unit comes back one window after it was spent: exact, and the memory grows with the limit."""
    GCRA = "gcra"
    """A bucket of `limit` tokens, refilled one at a time: exact and smooth, one number of memory."""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `limit` units in a window of `window_seconds`.

    The name stands in the header fields and in the storage's keys. Left out, it is made of the numbers, as in
    `10-per-60s`.

    Raises: PolicyError.
    """

    limit: int
    window_seconds: int
    name: str = ""
    window_us: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise PolicyError(f"the limit must be from 1 to {MAX_LIMIT}, not {self.limit}")
        if not 1 <= self.window_seconds <= MAX_WINDOW_SECONDS:
            raise PolicyError(f"the window must be 1 s to {MAX_WINDOW_SECONDS} s, not {self.window_seconds}")
        if not self.name:
            object.__setattr__(self, "name", f"{self.limit}-per-{self.window_seconds}s")
        if not _NAME.fullmatch(self.name):
            raise PolicyError(f"a name has 1 to 64 of A-Z a-z 0-9 _ . -, not {self.name!r}")
        object.__setattr__(self, "window_us", self.window_seconds * MICROSECONDS)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Policies that must all admit a request, counted by one algorithm.

    Raises: PolicyError.
    """

    policies: tuple[Policy, ...]
    algorithm: Algorithm

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if not names:
            raise PolicyError("a limiter needs at least one policy")
        if len(set(names)) < len(names):
            raise PolicyError(f"policies of one limiter need different names, not {', '.join(names)}")
        if self.algorithm is Algorithm.GCRA:
            for policy in self.policies:
                if policy.limit > policy.window_us:
                    raise PolicyError(f"{policy.name}: gcra refills at most one unit in a microsecond")
