"""The three algorithms as pure functions: the same that lua/ runs inside Redis, here for one process.

Each takes what it remembers of a client (None: nothing), the policy, the cost and the time, and gives the
client's standing and what to remember from now on. A rejected request leaves no trace: the state comes back
as it was. No cost exceeds its limit, for policies.py refuses such a budget: with one that did, these and lua/
would not agree.

No clock is trusted to go forward. What only a clock that was set back explains is put right and remembered
so: a client then waits a window at most, and as long as it is told.
"""

import math
from bisect import bisect_right
from collections.abc import Callable

from throttler.limiter import Algorithm, Policy, Standing

type State = tuple[int, ...]
type Step = Callable[[State | None, Policy, int, int], tuple[Standing, State | None]]


def fixed_window(
    state: State | None, policy: Policy, cost: int, now_us: int
) -> tuple[Standing, State | None]:
    """Count what is spent between a client's first request and that moment plus the window.

    State: (closes at, used). Its known weakness: twice the limit may pass around the moment of closing.
    """
    if state and state[0] > now_us + policy.window_us:
        state = (now_us + policy.window_us, state[1])
    closes_us, used = state if state and state[0] > now_us else (now_us + policy.window_us, 0)
    if used + cost > policy.limit:
        reset_us = closes_us - now_us
        return Standing(max(policy.limit - used, 0), reset_us, reset_us), state
    if used + cost == 0:
        return Standing(policy.limit, 0, 0), state
    return Standing(policy.limit - used - cost, closes_us - now_us, 0), (closes_us, used + cost)


def sliding_window(
    state: State | None, policy: Policy, cost: int, now_us: int
) -> tuple[Standing, State | None]:
    """Remember when each unit was spent; it comes back exactly one window later.

    State: those moments, oldest first, at most `limit` of them. Exact, and paid for with that memory.
    """
    log = state or ()
    if log and log[-1] > now_us:
        state = log = tuple(min(moment, now_us) for moment in log)
    live = log[bisect_right(log, now_us - policy.window_us) :]
    missing = len(live) + cost - policy.limit
    if missing > 0:
        free_us = [moment + policy.window_us - now_us for moment in (live[0], live[missing - 1])]
        return Standing(max(policy.limit - len(live), 0), free_us[0], free_us[1]), state
    spent = live + (now_us,) * cost
    reset_us = spent[0] + policy.window_us - now_us if spent else 0
    return Standing(policy.limit - len(spent), reset_us, 0), spent if cost else state


def token_bucket(
    state: State | None, policy: Policy, cost: int, now_us: int
) -> tuple[Standing, State | None]:
    """Let a bucket of `limit` tokens refill by one in every interval of window / limit (GCRA).

    State: (full at,), all there is to know of a bucket; GCRA calls it the theoretical arrival time. The
    interval is whole microseconds, rounded up: a limit that does not divide the window gives a hair less than
    `limit` tokens per window, never more.
    """
    interval_us = math.ceil(policy.window_us / policy.limit)
    capacity_us = interval_us * policy.limit
    if state and state[0] > now_us + capacity_us:
        state = (now_us + capacity_us,)
    debt_us = max(state[0] - now_us, 0) if state else 0
    retry_us = max(debt_us + cost * interval_us - capacity_us, 0)
    if retry_us == 0 and cost > 0:
        debt_us += cost * interval_us
        state = (now_us + debt_us,)
    reset_us = (debt_us - 1) % interval_us + 1 if debt_us else 0
    return Standing((capacity_us - debt_us) // interval_us, reset_us, retry_us), state


STEPS: dict[Algorithm, Step] = {
    Algorithm.FIXED_WINDOW: fixed_window,
    Algorithm.SLIDING_WINDOW: sliding_window,
    Algorithm.TOKEN_BUCKET: token_bucket,
}
