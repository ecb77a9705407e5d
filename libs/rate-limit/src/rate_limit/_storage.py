"""What a limiter needs of whoever keeps count."""

from collections.abc import Awaitable
from typing import Protocol

from rate_limit._decision import Decision
from rate_limit._policy import PolicySet


class Counters(Protocol):
    """The counts of one set of policies."""

    def decide(self, key: str, cost: int, *, charge: bool) -> Decision:
        """Charge the cost to all policies, or to none of them, atomically; without `charge` only look.

        Raises: StorageUnavailableError, in bounded time.
        """
        ...

    def clear(self, key: str) -> None:
        """Give the key its whole quota back.

        Raises: StorageUnavailableError, in bounded time.
        """
        ...


class Storage(Protocol):
    """Keeps counts, by key and by the policy's name and algorithm."""

    def bind(self, policies: PolicySet) -> Counters: ...


class AsyncCounters(Protocol):
    """The same, for asyncio."""

    def decide(self, key: str, cost: int, *, charge: bool) -> Awaitable[Decision]: ...
    def clear(self, key: str) -> Awaitable[None]: ...


class AsyncStorage(Protocol):
    """The same, for asyncio."""

    def bind_async(self, policies: PolicySet) -> AsyncCounters: ...
