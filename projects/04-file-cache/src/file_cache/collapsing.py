"""Of many who miss at one instant one fills, and the others get what it has stored.

Whoever waits has a thread of the server, so only so many wait at once in a process: those that come then are
asked to come again. They wait by looking, since who stores may be another process.
"""

import time
from dataclasses import replace
from threading import BoundedSemaphore
from typing import Final

from file_cache.access import Access
from file_cache.domain import Scope
from file_cache.errors import FillAwaitedError, LeaseGrantedError, NotCachedError
from file_cache.leases import Leases
from file_cache.service import Cache, Choice, Hit

POLL_SECONDS: Final = 0.02


class Collapsing:
    """Finds entries for those who are ready to wait for them."""

    def __init__(self, cache: Cache, leases: Leases, lease_seconds: int, max_waiters: int) -> None:
        self._cache = cache
        self._leases = leases
        self._lease_seconds = lease_seconds
        self._places = BoundedSemaphore(max_waiters)

    def find(self, access: Access, key: bytes, choose: Choice, wait_seconds: int | None) -> Hit:
        """Return what is stored, or is stored while this waits; None does not wait, and takes no lease.

        Raises: LeaseGrantedError: the caller is to fill it. FillAwaitedError: somebody else does.
        NotCachedError, and whatever the choice raises.
        """
        try:
            return self._found(access, key, choose)
        except NotCachedError as miss:
            if wait_seconds is None:
                raise
            reason = miss.reason
        deadline = time.monotonic() + wait_seconds
        while True:
            self._lease(access, key, reason)
            if not self._await_end(access, key, deadline):
                raise FillAwaitedError(reason)
            try:
                return replace(self._found(access, key, choose), waited_for=reason)
            except NotCachedError:
                continue

    def _found(self, access: Access, key: bytes, choose: Choice) -> Hit:
        """Return the entry of the first scope that has one. Raises: NotCachedError, as for the first."""
        misses: list[NotCachedError] = []
        for scope in access.reads:
            try:
                return self._cache.find(scope, key, choose)
            except NotCachedError as miss:
                misses.append(miss)
        raise misses[0]

    def _lease(self, access: Access, key: bytes, reason: str) -> None:
        """Raises: LeaseGrantedError. NotCachedError: nobody fills it, and the caller may not."""
        if access.writes is None:
            if not self._leases.is_held(Scope.TRUSTED, key) and not self._cache.look(access.reads, key):
                raise NotCachedError(reason)
            return
        lease = self._cache.lease(access.reads, access.writes, key)
        if lease is not None:
            raise LeaseGrantedError(reason, lease.token, self._lease_seconds)

    def _await_end(self, access: Access, key: bytes, deadline: float) -> bool:
        """Wait until nobody fills the key any more; False if it takes too long, or too many wait already."""
        scope = access.writes or Scope.TRUSTED
        if not self._leases.is_held(scope, key):
            return True
        if not self._places.acquire(blocking=False):
            return False
        try:
            while self._leases.is_held(scope, key):
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_SECONDS)
            return True
        finally:
            self._places.release()
