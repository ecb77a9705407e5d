"""The limiter of one process, for when Redis cannot be asked: same algorithms, own memory, no neighbours."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from throttler.algorithms import STEPS, State
from throttler.limiter import Algorithm, Budget, Decision, Policy, Standing

MAX_NUMBERS = 1_000_000
"""How many integers all states may hold together: some 60 MB, however long an outage lasts."""


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class LocalLimiter:
    """Keeps what clients have spent in this process; when it is full, forgets whoever was quiet longest."""

    def __init__(
        self,
        algorithm: Algorithm,
        *,
        clock_us: Callable[[], int] = monotonic_us,
        max_numbers: int = MAX_NUMBERS,
    ) -> None:
        self._step = STEPS[algorithm]
        self._clock_us = clock_us
        self._max_numbers = max_numbers
        self._states: OrderedDict[tuple[str, str, str], State] = OrderedDict()
        self._numbers = 0
        self._lock = threading.Lock()

    @property
    def held_numbers(self) -> int:
        return self._numbers

    def spend(self, client: str, budget: Budget, cost: int) -> Decision:
        """Charge the cost to all policies of the budget, or to none of them; cost 0 only looks."""
        with self._lock:
            now_us = self._clock_us()
            steps = [self._look(client, budget, policy, cost, now_us) for policy in budget.policies]
            admitted = not any(standing.retry_us for standing, _ in steps)
            if not admitted:  # those that had room are not charged: ask again what they hold
                steps = [
                    step if step[0].retry_us else self._look(client, budget, policy, 0, now_us)
                    for policy, step in zip(budget.policies, steps, strict=True)
                ]
            for policy, (_, state) in zip(budget.policies, steps, strict=True):
                self._remember((client, budget.route, policy.name), state)
            return Decision(tuple(standing for standing, _ in steps), admitted)

    def _look(
        self, client: str, budget: Budget, policy: Policy, cost: int, now_us: int
    ) -> tuple[Standing, State | None]:
        key = (client, budget.route, policy.name)
        state = self._states.get(key)
        if state is not None:
            self._states.move_to_end(key)  # also when it is rejected: whoever keeps asking is not forgotten
        return self._step(state, policy, cost, now_us)

    def _remember(self, key: tuple[str, str, str], state: State | None) -> None:
        if state is None:
            return
        self._numbers += len(state) - len(self._states.get(key, ()))
        self._states[key] = state
        while self._numbers > self._max_numbers and len(self._states) > 1:
            self._numbers -= len(self._states.popitem(last=False)[1])
