"""Whose turn it is to fill a key that is missing: one at a time, whichever process they ask.

A lease is a file, which is read and written under the lock of all files. It ends when its time is over, with
a PUT or with a DELETE of its key, so that nothing hangs on a holder that has died. A value that was made
under a lease that has ended is refused: it may be older than the DELETE that has ended it.
Source: Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import http_sf

from file_cache.domain import Scope
from file_cache.errors import InvalidFieldError, LeaseLostError

FIELD: Final = "Cache-Lease"
LONGEST_TOKEN: Final = 128


class Lease(NamedTuple):
    """The right to fill a key."""

    token: str
    expires_ns: int


class Leases:
    """All of them, a file for each."""

    def __init__(
        self,
        folder: Path,
        locked: Callable[[], AbstractContextManager[None]],
        ttl_seconds: int,
        now_ns: Callable[[], int],
    ) -> None:
        """Make the folder. Raises: OSError."""
        folder.mkdir(exist_ok=True, mode=0o700)
        self._folder = folder
        self._locked = locked
        self._ttl_ns = ttl_seconds * 1_000_000_000
        self._now_ns = now_ns

    def take(self, scope: Scope, key: bytes) -> Lease | None:
        """Take the lease of a key; None if somebody has it. The caller holds the lock, here and below."""
        path = self._path(scope, key)
        if self._held(path) is not None:
            return None
        lease = Lease(os.urandom(16).hex(), self._now_ns() + self._ttl_ns)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{lease.token} {lease.expires_ns}")
        return lease

    def check(self, scope: Scope, key: bytes, token: str | None) -> None:
        """Let a PUT pass that names no lease, or one that is still held. Raises: LeaseLostError."""
        held = None if token is None else self._held(self._path(scope, key))
        if token is not None and (held is None or held.token != token):
            raise LeaseLostError

    def end(self, scope: Scope, key: bytes) -> None:
        """End the lease of a key, for all who see what is stored in this scope."""
        for one in scope.seen_by:
            with suppress(FileNotFoundError):
                os.unlink(self._path(one, key))  # noqa: PTH108 - each PUT does it, and a Path takes long

    def is_held(self, scope: Scope, key: bytes) -> bool:
        """Say whether somebody fills this key; the caller does not hold the lock, here and below."""
        with self._locked():
            return self._held(self._path(scope, key)) is not None

    def clean(self) -> None:
        """Remove those whose time is over."""
        for path in self._folder.iterdir():
            with self._locked():
                if self._held(path) is None:
                    path.unlink(missing_ok=True)

    def _held(self, path: str | Path) -> Lease | None:
        try:
            token, _, expires_ns = Path(path).read_text().partition(" ")
        except FileNotFoundError:
            return None
        # Empty: who began to write it was killed.
        lease = Lease(token, int(expires_ns or 0))
        # A clock that was put back makes no lease longer than it was.
        return lease if 0 < lease.expires_ns - self._now_ns() <= self._ttl_ns else None

    def _path(self, scope: Scope, key: bytes) -> str:
        return f"{self._folder}/{scope}-{sha256(key).hexdigest()}"


def token_of(header: str | None) -> str | None:
    """Read Cache-Lease of a PUT, a string whose parameters mean nothing here. Raises: InvalidFieldError."""
    if header is None:
        return None
    try:
        parsed = http_sf.parse(header.encode(), tltype="item")
    except ValueError as error:
        raise InvalidFieldError(FIELD, "it is no string.") from error
    token = parsed[0] if isinstance(parsed, tuple) else parsed
    if type(token) is not str or len(token) > LONGEST_TOKEN:
        raise InvalidFieldError(FIELD, "it is no string that a lease can have.")
    return token


def lease_field(token: str, ttl_seconds: int) -> str:
    """Write the value of Cache-Lease."""
    return f'"{token}";ttl={ttl_seconds}'
