"""The limiter: policies, counted by a storage."""

from collections.abc import Awaitable

from rate_limit._decision import Decision
from rate_limit._errors import PolicyError
from rate_limit._policy import Algorithm, Policy, PolicySet
from rate_limit._storage import AsyncStorage, Storage


class Limiter:
    """Decides whether a key may spend, by policies that must all have room for it.

    Limiters of one storage that have a policy of the same name and algorithm share its counts.

    Raises: PolicyError.
    """

    def __init__(
        self, storage: Storage, *policies: Policy, algorithm: Algorithm = Algorithm.FIXED_WINDOW
    ) -> None:
        self.policies = PolicySet(policies, algorithm)
        self._counters = storage.bind(self.policies)

    def hit(self, key: str, cost: int = 1) -> Decision:
        """Charge the cost to all policies if all have room for it, else to none.

        Raises: StorageUnavailableError if the storage is away and its failure mode is closed.
        """
        if cost < 0:
            raise PolicyError(f"the cost must not be negative: {cost}")
        return self._counters.decide(key, cost, charge=True)

    def peek(self, key: str, cost: int = 1) -> Decision:
        """Tell what `hit` would answer, and charge nothing.

        Raises: StorageUnavailableError as `hit`.
        """
        if cost < 0:
            raise PolicyError(f"the cost must not be negative: {cost}")
        return self._counters.decide(key, cost, charge=False)

    def clear(self, key: str) -> None:
        """Give the key its whole quota back.

        Raises: StorageUnavailableError if the storage is away, whatever its failure mode.
        """
        self._counters.clear(key)


class AsyncLimiter:
    """The same, for asyncio."""

    def __init__(
        self, storage: AsyncStorage, *policies: Policy, algorithm: Algorithm = Algorithm.FIXED_WINDOW
    ) -> None:
        self.policies = PolicySet(policies, algorithm)
        self._counters = storage.bind_async(self.policies)

    def hit(self, key: str, cost: int = 1) -> Awaitable[Decision]:
        """As `Limiter.hit`."""
        if cost < 0:
            raise PolicyError(f"the cost must not be negative: {cost}")
        return self._counters.decide(key, cost, charge=True)

    def peek(self, key: str, cost: int = 1) -> Awaitable[Decision]:
        """As `Limiter.peek`."""
        if cost < 0:
            raise PolicyError(f"the cost must not be negative: {cost}")
        return self._counters.decide(key, cost, charge=False)

    def clear(self, key: str) -> Awaitable[None]:
        """As `Limiter.clear`."""
        return self._counters.clear(key)
