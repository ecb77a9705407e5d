"""The room that there is: what is stored and what is on its way never have more than the budget, together."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from file_cache.entry_files import EntryFiles
from file_cache.errors import NoRoomError
from file_cache.sieve import Sieve

# Once there is no room, so much of it is made: else every further upload would have to look for some.
LOW_WATER = 0.9
# What stands behind a body: see entry_format.
BESIDE_BYTES = 4096
BESIDE_PART = 8 / 65_536

log = structlog.get_logger()


class Reservation:
    """Room for one upload."""

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self._reserved_bytes = 0

    def cover(self, body_bytes: int) -> None:
        """See to it that a body of so many bytes fits. Raises: NoRoomError."""
        wanted = body_bytes + BESIDE_BYTES + int(body_bytes * BESIDE_PART)
        if wanted > self._reserved_bytes:
            self._budget.reserve(wanted - self._reserved_bytes)
            self._reserved_bytes = wanted

    def release(self) -> None:
        """Give the room back: what has become of it is in the ledger, or gone. The caller holds the lock."""
        self._budget.release(self._reserved_bytes)
        self._reserved_bytes = 0

    def give_up(self) -> None:
        """Give back what is still held; the caller does not hold the lock."""
        if self._reserved_bytes:
            with self._budget.locked():
                self.release()


class Budget:
    """Hands out room, and evicts where there is none."""

    def __init__(self, files: EntryFiles, budget_bytes: int, on_evicted: Callable[[int], None]) -> None:
        self._files = files
        self._budget_bytes = budget_bytes
        self._on_evicted = on_evicted
        self._sieve = Sieve(files)
        self._evicting = threading.Lock()

    def reservation(self) -> Reservation:
        return Reservation(self)

    def reserve(self, size_bytes: int) -> None:
        """Take so much of the room, after an eviction if need be. Raises: NoRoomError."""
        if not self._take(size_bytes):
            self.make_room(size_bytes)
            if not self._take(size_bytes):
                raise NoRoomError

    def release(self, size_bytes: int) -> None:
        self._files.reserve(-size_bytes)

    def locked(self) -> AbstractContextManager[None]:
        return self._files.locked()

    def make_room(self, size_bytes: int) -> int:
        """Evict until this fits below the low water, or nothing is left to evict; return how many went."""
        self._files.sweep()  # of who has died meanwhile the room is free
        return self._evict(lambda: self._used() + size_bytes <= self._budget_bytes * LOW_WATER)

    def shed(self) -> bool:
        """Make room on a disk that is full, whatever the budget says; return whether anything has gone."""
        most = self._files.ledger.total() * LOW_WATER
        return self._evict(lambda: self._files.ledger.total() < most) > 0

    def _evict(self, is_enough: Callable[[], bool]) -> int:
        with self._evicting:
            evicted = self._sieve.evict(is_enough)
        if evicted:
            self._on_evicted(evicted)
            log.info("evicted", entries=evicted)
        return evicted

    def _take(self, size_bytes: int) -> bool:
        with self._files.locked():
            if self._used() + size_bytes > self._budget_bytes:
                return False
            self._files.reserve(size_bytes)
            return True

    def _used(self) -> int:
        return self._files.ledger.total() + self._files.reserved_bytes()
