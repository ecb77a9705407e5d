"""Counts of one process: bounded, shared by its threads, forgotten with it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from rate_limit._algorithms import STATES, State
from rate_limit._decision import Decision, Standing
from rate_limit._policy import Algorithm, Policy, PolicySet

MAX_ENTRIES = 1_000_000
"""Of memory in all: one for each key and policy, in a sliding window one for each request that was admitted.
Some 200 bytes each, so at most about 200 MB."""

type Table = OrderedDict[str, State]
"""States by key, whoever was quiet longest first."""


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class MemoryStorage:
    """Keeps counts in this process.

    What has expired is dropped as new requests come. When it is full all the same, it forgets whoever was
    quiet longest: a spent quota is given back then, and that is the price of the bound.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, clock_us: Callable[[], int] = monotonic_us) -> None:
        self._max_entries = max_entries
        self._clock_us = clock_us
        self._tables: dict[tuple[Algorithm, str], Table] = {}
        self._entries = 0
        self._lock = threading.Lock()

    @property
    def entries(self) -> int:
        """How many entries of memory are in use."""
        return self._entries

    def bind(self, policies: PolicySet) -> "MemoryCounters":
        with self._lock:
            tables = [
                self._tables.setdefault((policies.algorithm, policy.name), OrderedDict())
                for policy in policies.policies
            ]
        return MemoryCounters(self, policies, tables)

    def bind_async(self, policies: PolicySet) -> "AsyncMemoryCounters":
        return AsyncMemoryCounters(self.bind(policies))

    def clear_all(self) -> None:
        """Give every key its whole quota back."""
        with self._lock:
            for table in self._tables.values():
                table.clear()
            self._entries = 0

    def decide(
        self, policies: PolicySet, tables: list[Table], key: str, cost: int, *, charge: bool
    ) -> Decision:
        with self._lock:
            now_us = self._clock_us()
            states: list[tuple[Policy, State]] = []
            for policy, table in zip(policies.policies, tables, strict=True):
                self._drop_expired(policy, table, now_us)
                states.append((policy, self._state(table, key, policies.algorithm)))
            sizes = sum(state.size for _, state in states)
            standings = tuple(state.standing(policy, cost, now_us) for policy, state in states)
            admitted = not any(standing.retry_us for standing in standings)
            if admitted and charge and cost:
                standings = tuple(_charged(policy, state, cost, now_us) for policy, state in states)
            self._entries += sum(state.size for _, state in states) - sizes
            if self._entries > self._max_entries:
                self._make_room(key)
            return Decision(admitted, standings)

    def clear(self, tables: list[Table], key: str) -> None:
        with self._lock:
            for table in tables:
                state = table.pop(key, None)
                self._entries -= state.size if state else 0

    def _state(self, table: Table, key: str, algorithm: Algorithm) -> State:
        state = table.get(key)
        if state is None:
            state = table[key] = STATES[algorithm]()
            self._entries += state.size
        else:
            table.move_to_end(key)  # also when it is refused: whoever keeps asking is not forgotten
        return state

    def _drop_expired(self, policy: Policy, table: Table, now_us: int) -> None:
        """Drop up to two: at most one is added for each decision, so the table shrinks to what is alive.

        No state outlives its key's last request by more than a window, and that is what they are ordered by.
        """
        for _ in range(2):
            if not table:
                return
            key, state = next(iter(table.items()))
            if not state.is_spent(policy, now_us):
                return
            del table[key]
            self._entries -= state.size

    def _make_room(self, key: str) -> None:
        while self._entries > self._max_entries:
            table = max(self._tables.values(), key=len)
            oldest = next(iter(table))
            if oldest == key and len(table) == 1:
                return
            self._entries -= table.pop(oldest).size


def _charged(policy: Policy, state: State, cost: int, now_us: int) -> Standing:
    state.charge(policy, cost, now_us)
    return state.standing(policy, 0, now_us)


class MemoryCounters:
    """The counts of one set of policies in a process's memory."""

    def __init__(self, storage: MemoryStorage, policies: PolicySet, tables: list[Table]) -> None:
        self._storage = storage
        self._policies = policies
        self._tables = tables

    def decide(self, key: str, cost: int, *, charge: bool) -> Decision:
        return self._storage.decide(self._policies, self._tables, key, cost, charge=charge)

    def clear(self, key: str) -> None:
        self._storage.clear(self._tables, key)


class AsyncMemoryCounters:
    """The same, for asyncio: nothing here waits."""

    def __init__(self, counters: MemoryCounters) -> None:
        self._counters = counters

    async def decide(self, key: str, cost: int, *, charge: bool) -> Decision:
        return self._counters.decide(key, cost, charge=charge)

    async def clear(self, key: str) -> None:
        self._counters.clear(key)
