"""Of many who miss at one instant one fills, and the others get what it has stored.

Whoever waits has a thread of the server, so only so many wait at once in a process: those that come then are
asked to come again. They wait by looking, since who stores may be another process.
"""

import time
from contextlib import suppress
from dataclasses import replace
from threading import BoundedSemaphore
from typing import Final

from file_cache.access import Access
from file_cache.bodies import Choice, Hit, Usable
from file_cache.domain import Metadata, Scope
from file_cache.errors import FillAwaitedError, LeaseGrantedError, NotCachedError
from file_cache.leases import Leases
from file_cache.preferences import Patience
from file_cache.service import Cache

POLL_SECONDS: Final = 0.02


class Collapsing:
    """Finds entries for those who are ready to wait for them."""

    def __init__(self, cache: Cache, leases: Leases, lease_seconds: int, max_waiters: int) -> None:
        self._cache = cache
        self._leases = leases
        self._lease_seconds = lease_seconds
        self._places = BoundedSemaphore(max_waiters)

    def find(self, access: Access, key: bytes, choose: Choice, patience: Patience) -> Hit:
        """Return what is stored, or is stored while this waits.

        What has expired is given out as far as it may be: nobody waits then, and one is to make a new one.
        Raises: LeaseGrantedError: the caller is to fill it. FillAwaitedError: somebody else does.
        NotCachedError, and whatever the choice raises.
        """
        try:
            return self._found(access, key, choose, Metadata.is_fresh)
        except NotCachedError as miss:
            reason = miss.reason
        with suppress(NotCachedError):
            return self._stale(access, key, choose, patience)
        if patience.wait_seconds is None:
            raise NotCachedError(reason)
        deadline = time.monotonic() + patience.wait_seconds
        while True:
            self._lease(access, key, reason)
            if not self._await_end(access, key, deadline):
                raise FillAwaitedError(reason)
            with suppress(NotCachedError):
                return replace(self._found(access, key, choose, Metadata.is_fresh), waited_for=reason)

    def _stale(self, access: Access, key: bytes, choose: Choice, patience: Patience) -> Hit:
        """Return what has expired, and may be given out all the same. Raises: NotCachedError."""
        error_seconds = patience.error_seconds
        if error_seconds is not None:
            with suppress(NotCachedError):
                return self._found(
                    access,
                    key,
                    choose,
                    lambda metadata, now_ns: metadata.is_for_errors(now_ns, error_seconds),
                )
        hit = self._found(access, key, choose, Metadata.is_revalidated)
        if patience.wait_seconds is None or access.writes is None:
            return hit
        lease = self._cache.lease(access.reads, access.writes, key)
        return hit if lease is None else replace(hit, lease=(lease.token, self._lease_seconds))

    def _found(self, access: Access, key: bytes, choose: Choice, usable: Usable) -> Hit:
        """Return the entry of the first scope that has one. Raises: NotCachedError, as for the first."""
        misses: list[NotCachedError] = []
        for scope in access.reads:
            try:
                return self._cache.find(scope, key, choose, usable)
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
