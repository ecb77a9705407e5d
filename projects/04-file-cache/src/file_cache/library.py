"""The same entries for Python programs, without HTTP: they and the service may share a folder.

Values are bytes, or what MessagePack has: None, bool, int, float, str, list and dict of these. Nothing is
pickled: whoever may write into the folder could run code in every program that reads it. What would not come
back as it was, such as a tuple, is refused.
"""

import functools
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, Self, cast

from file_cache.access import WRITE
from file_cache.bodies import DAMAGED, Body, Found, Hit, whole
from file_cache.budget import Budget
from file_cache.cleaning import Cleaner
from file_cache.collapsing import Collapsing
from file_cache.conditions import Conditions, EntityTags
from file_cache.digests import ExpectedDigests
from file_cache.domain import Draft, Freshness, Metadata, Scope
from file_cache.entry_files import EntryFiles
from file_cache.errors import (
    DigestMismatchError,
    FillAwaitedError,
    LeaseGrantedError,
    LeaseLostError,
    NotCachedError,
    PreconditionFailedError,
)
from file_cache.freshness import LONGEST_SECONDS
from file_cache.groups import Groups, check_group
from file_cache.leases import Leases
from file_cache.memory import Memory
from file_cache.preferences import LONGEST_WAIT_SECONDS, Patience
from file_cache.service import Cache
from file_cache.values import bytes_of, content_type_of, key_bytes, packed, tags_of, value_of

ALWAYS: Final = Conditions(None, None)
ABSENT: Final = Conditions.parse(None, "*")


class FileCache:
    """A cache in a folder, for all threads and processes that open it."""

    def __init__(
        self,
        folder: str | Path,
        *,
        budget_bytes: int = 1024 * 1024 * 1024,
        default_ttl_seconds: int = 86_400,
        lease_seconds: int = 30,
        max_waiters: int = 64,
        cleanup_seconds: float | None = 60,
        memory_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Open it, and make it if it is not there. `cleanup_seconds`: None leaves what has expired to others.

        `memory_bytes`: so much of what was read is held in this process, and a get only looks at its file. It
        is memory of each process that has the folder open, as soon as it has read so much.

        Raises: OSError.
        """
        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files = EntryFiles(root)
        self._groups = Groups(root / "groups")
        leases = Leases(root / "leases", self._files.locked, lease_seconds, time.time_ns)
        budget = Budget(self._files, budget_bytes, lambda _: None)
        self._cache = Cache(self._files, self._groups, leases, budget, time.time_ns, lambda _: None)
        self._collapsing = Collapsing(self._cache, leases, lease_seconds, max_waiters)
        self._memory = Memory(memory_bytes)
        self._default_ttl_seconds = default_ttl_seconds
        self._cleaner = Cleaner(self._files, leases, self._cache.is_kept, cleanup_seconds or LONGEST_SECONDS)
        if cleanup_seconds is not None:
            self._cleaner.start()

    def get(self, key: str | bytes, default: object = None) -> object:
        """Return a value, or the default where nothing fresh is stored."""
        try:
            found = self._find(key_bytes(key))
            return value_of(found.metadata, found.body)
        except NotCachedError:
            return default

    def __contains__(self, key: str | bytes) -> bool:
        return self._cache.look([Scope.TRUSTED], key_bytes(key)) is not None

    def set(
        self, key: str | bytes, value: object, ttl_seconds: int | None = None, tags: Iterable[str] = ()
    ) -> None:
        """Store a value. Raises: TypeError: it would not come back as it is. NoRoomError."""
        self._put(key, value, ttl_seconds, tags, ALWAYS)

    def add(
        self, key: str | bytes, value: object, ttl_seconds: int | None = None, tags: Iterable[str] = ()
    ) -> bool:
        """Store a value if none is there; of many at the same instant one is told True."""
        try:
            self._put(key, value, ttl_seconds, tags, ABSENT)
        except PreconditionFailedError:
            return False
        return True

    def delete(self, key: str | bytes) -> bool:
        """Remove a value; say whether there was one."""
        try:
            self._cache.delete(Scope.TRUSTED, key_bytes(key), ALWAYS)
        except NotCachedError:
            return False
        return True

    def touch(self, key: str | bytes, ttl_seconds: int | None = None) -> bool:
        """Let a value live for so long from now on; say whether it is there."""
        return self._again(key, self._freshness(ttl_seconds), ())

    def tag(self, key: str | bytes, *tags: str) -> bool:
        """Put a value into more groups; say whether it is there."""
        return self._again(key, None, tags)

    def invalidate(self, tag: str) -> None:
        """Make a miss of each value with this tag, in constant time. Raises: InvalidGroupError."""
        check_group(tag)
        self._cache.invalidate(tag)

    def clear(self) -> int:
        """Remove all values; return how many there were."""
        return self._cache.purge(b"", Scope.TRUSTED)

    def memoize[**P, R](
        self, ttl_seconds: int | None = None, tags: Iterable[str] = ()
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Keep what a function returns for its arguments; both are values.

        Of all who call it with the same arguments at the same time, in all processes, one computes.
        """
        groups = tuple(tags)

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            name = f"{function.__module__}.{function.__qualname__}"

            @functools.wraps(function)
            def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
                called = packed([list(args), dict(sorted(kwargs.items()))])
                key = f"memoize/{name}/{sha256(called).hexdigest()}"
                return self._remembered(key, lambda: function(*args, **kwargs), ttl_seconds, groups)

            return remembered

        return decorate

    def close(self) -> None:
        """Let go of the folder; what is stored stays."""
        self._cleaner.stop()
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, key: bytes) -> Found:
        """Raises: NotCachedError."""
        found = self._memory.find(key)
        if found is None or not self._cache.is_valid(found.metadata):
            found = self._cache.read(Scope.TRUSTED, key)
            self._memory.hold(key, str(self._files.path(Scope.TRUSTED, key)), found)
        return found

    def _remembered[R](
        self, key: str, compute: Callable[[], R], ttl_seconds: int | None, tags: Iterable[str]
    ) -> R:
        while True:
            try:
                hit = self._collapsing.find(WRITE, key.encode(), whole, Patience(LONGEST_WAIT_SECONDS))
                if hit.lease is None:
                    return cast("R", value_of(hit.metadata, _all_of(hit)))
                hit.close()  # stale, and it is for this caller to make a new one
                token = hit.lease[0]
                break
            except LeaseGrantedError as granted:
                token = granted.token
                break
            except FillAwaitedError:
                continue
        generations = self._groups.generations(tuple(tags))
        try:
            result = compute()
        except BaseException:
            self.delete(key)  # ends the lease: another may have better luck
            raise
        with suppress(LeaseLostError):
            draft = self._draft(key, result, self._freshness(ttl_seconds), generations)
            self._store(draft, bytes_of(result), ALWAYS, token)
        return result

    def _put(
        self,
        key: str | bytes,
        value: object,
        ttl_seconds: int | None,
        tags: Iterable[str],
        conditions: Conditions,
    ) -> None:
        generations = self._groups.generations(tags_of(tags))
        draft = self._draft(key, value, self._freshness(ttl_seconds), generations)
        self._store(draft, bytes_of(value), conditions)

    def _store(self, draft: Draft, data: bytes, conditions: Conditions, lease: str | None = None) -> None:
        body = Body([data], len(data), ExpectedDigests({}, draft.key))
        self._cache.put(draft, conditions, body, lease, tells_whether_new=False)

    def _again(self, key: str | bytes, freshness: Freshness | None, tags: Iterable[str]) -> bool:
        """Store an entry anew with what is not None, unless it is replaced meanwhile."""
        more = self._groups.generations(tags_of(tags))
        try:
            hit = self._cache.find(Scope.TRUSTED, key_bytes(key))
        except NotCachedError:
            return False
        old = hit.metadata.draft
        left = Freshness(max(0, old.freshness.ttl_seconds - hit.metadata.age_seconds(hit.now_ns)))
        draft = Draft(old.key, freshness or left, old.content_type, {**old.groups, **more})
        try:
            self._cache.put(draft, _same(hit.metadata), _body(hit))
        except (PreconditionFailedError, DigestMismatchError):
            return False
        finally:
            hit.close()
        return True

    def _draft(
        self, key: str | bytes, value: object, freshness: Freshness, generations: dict[str, str]
    ) -> Draft:
        return Draft(key_bytes(key), freshness, content_type_of(value), generations)

    def _freshness(self, ttl_seconds: int | None) -> Freshness:
        if ttl_seconds is not None and ttl_seconds < 0:
            raise ValueError("a time to live is no negative number")
        seconds = self._default_ttl_seconds if ttl_seconds is None else ttl_seconds
        return Freshness(min(seconds, LONGEST_SECONDS))


def _same(metadata: Metadata) -> Conditions:
    return Conditions(EntityTags.parse("If-Match", metadata.etag), None)


def _body(hit: Hit) -> Body:
    """Copy what was found; what turns out to be damaged is not stored again."""
    digests = ExpectedDigests({"sha-256": hit.metadata.sha256}, hit.metadata.draft.key)
    return Body(hit.body, hit.metadata.size_bytes, digests)


def _all_of(hit: Hit) -> bytes:
    """Read a value. Raises: NotCachedError: its file was damaged behind the first block."""
    try:
        data = b"".join(hit.body)
    finally:
        hit.close()
    if len(data) != hit.metadata.size_bytes:
        raise NotCachedError(DAMAGED)
    return data
