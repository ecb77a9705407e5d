"""The verbs of the cache: find, put, delete."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from file_cache.bodies import ABSENT, DAMAGED, EXPIRED, Body, Choice, Found, Hit, Stored, Usable, whole
from file_cache.budget import Budget, Reservation
from file_cache.conditions import Conditions
from file_cache.domain import Draft, Metadata, Scope
from file_cache.entry_files import EntryFiles, Upload
from file_cache.entry_format import DISK_FULL, EntryReader, open_entry
from file_cache.errors import DamagedError, NoRoomError, NotCachedError
from file_cache.groups import Groups
from file_cache.leases import Lease, Leases


class Cache:
    """Entries in files: fresh, whole, or not there."""

    def __init__(
        self,
        files: EntryFiles,
        groups: Groups,
        leases: Leases,
        budget: Budget,
        now_ns: Callable[[], int],
        on_lookup: Callable[[str], None],
    ) -> None:
        """`on_lookup` hears `hit` or why there was none, and `damaged` for each file that was."""
        self._files = files
        self._groups = groups
        self._leases = leases
        self._budget = budget
        self._now_ns = now_ns
        self._on_lookup = on_lookup

    def find(
        self, scope: Scope, key: bytes, choose: Choice = whole, usable: Usable = Metadata.is_fresh
    ) -> Hit:
        """Return what is stored, the first block of what is chosen of it verified.

        So what lies in one block is either given out whole, or is a miss.
        Raises: NotCachedError, and whatever the choice raises.
        """
        reader = self._opened(scope, key)
        try:
            hit = self._hit(scope, key, reader, choose, usable)
        except BaseException:
            reader.close()
            raise
        self._on_lookup("hit")
        return hit

    def read(self, scope: Scope, key: bytes) -> Found:
        """Return what is fresh, all of it at once. Raises: NotCachedError."""
        with self._opened(scope, key) as reader:
            if not self.is_valid(reader.metadata):
                raise self._miss(EXPIRED)
            try:
                body = reader.whole()
            except DamagedError:
                self._files.quarantine(scope, key, reader)
                raise self._miss(DAMAGED) from None
            reader.mark()
            self._on_lookup("hit")
            return Found(reader.metadata, body, reader.file)

    def lease(self, reads: Iterable[Scope], scope: Scope, key: bytes) -> Lease | None:
        """Take the lease of a key; None if somebody has it, or something fresh is there by now."""
        with self._files.locked():
            return None if self.look(reads, key) else self._leases.take(scope, key)

    def look(
        self, scopes: Iterable[Scope], key: bytes, usable: Usable = Metadata.is_fresh
    ) -> Metadata | None:
        """Return what is known of the usable entry in the first of these scopes that has one."""
        for scope in scopes:
            reader = self._peek(scope, key)
            if reader is not None:
                with reader:
                    if self.is_valid(reader.metadata, usable):
                        return reader.metadata
        return None

    def put(
        self,
        draft: Draft,
        conditions: Conditions,
        body: Body,
        lease: str | None = None,
        *,
        tells_whether_new: bool = True,
    ) -> Stored:
        """Store a body, all of it or nothing, and end the lease of its key.

        The conditions are asked before the body comes, and again in the step that puts it into its place; so
        is whether `lease` is still held, the token of the one under which the body was made.
        Raises: PreconditionFailedError, LeaseLostError, DigestMismatchError, NoRoomError, and whatever the
        body raises.
        """
        scope = draft.scope
        if lease is not None:
            with self._files.locked():
                self._leases.check(scope, draft.key, lease)
        if not conditions.are_none:
            conditions.check(self._etag(scope, draft.key))
        reservation = self._budget.reservation()
        try:
            reservation.cover(body.announced_bytes or 0)
            return self._store(draft, conditions, body, reservation, lease, tells_whether_new)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise NoRoomError from error
            raise
        finally:
            reservation.give_up()

    def _store(
        self,
        draft: Draft,
        conditions: Conditions,
        body: Body,
        reservation: Reservation,
        lease: str | None,
        tells_whether_new: bool,  # noqa: FBT001 - it is handed on
    ) -> Stored:
        scope = draft.scope
        upload = self._files.begin(self._budget.shed)
        try:
            metadata = self._take_in(upload, draft, body, reservation)
            with self._files.locked():
                self._leases.check(scope, draft.key, lease)
                # To look at the old entry takes as long as to put the new one there.
                is_looked_at = tells_whether_new or not conditions.are_none
                etag = self._etag(scope, draft.key) if is_looked_at else None
                conditions.check(etag)
                self._files.place(upload, scope, draft.key)
                self._leases.end(scope, draft.key)
                reservation.release()
        finally:
            upload.discard()
        return Stored(metadata, is_new=etag is None if is_looked_at else None)

    def _take_in(self, upload: Upload, draft: Draft, body: Body, reservation: Reservation) -> Metadata:
        for piece in body.pieces:
            reservation.cover(upload.writer.size_bytes + len(piece))
            upload.writer.write(piece)
            body.digests.update(piece)
        metadata = upload.writer.finish(draft, self._now_ns())
        body.digests.check(metadata.sha256)
        return metadata

    def is_valid(self, metadata: Metadata, usable: Usable = Metadata.is_fresh) -> bool:
        """Say whether an entry may be given out: not expired, and in no group that was invalidated since."""
        return usable(metadata, self._now_ns()) and self._groups.are_current(metadata.draft.groups)

    def is_kept(self, metadata: Metadata) -> bool:
        """Say whether an entry may still be given to anybody, fresh or stale."""
        return self.is_valid(metadata, Metadata.is_kept)

    def invalidate(self, group: str) -> None:
        """Make a miss of each entry that has this group, and of each that is on its way with it."""
        self._groups.invalidate(group)

    def purge(self, prefix: bytes, *scopes: Scope) -> int:
        """Remove each entry whose key begins so; return how many fresh ones have gone."""
        return sum(
            self._remove_if_below(path, prefix) for files in self._files.walk(*scopes) for path in files
        )

    def delete(self, scope: Scope, key: bytes, conditions: Conditions) -> None:
        """Remove an entry, and end the lease of its key. Raises: NotCachedError, PreconditionFailedError."""
        with self._files.locked():
            reader = self._peek(scope, key)
            if reader is None:
                conditions.check(None)
                self._leases.end(scope, key)
                raise NotCachedError(ABSENT)
            with reader:
                is_valid = self.is_valid(reader.metadata)
                conditions.check(reader.metadata.etag if is_valid else None)
                self._leases.end(scope, key)
                self._files.remove(self._files.path(scope, key), reader)
            if not is_valid:
                raise NotCachedError(EXPIRED)

    def _opened(self, scope: Scope, key: bytes) -> EntryReader:
        """Open an entry. Raises: NotCachedError: there is none, or it is damaged."""
        try:
            reader = self._files.open(scope, key)
        except DamagedError:
            raise self._miss(DAMAGED) from None
        if reader is None:
            raise self._miss(ABSENT)
        return reader

    def _hit(self, scope: Scope, key: bytes, reader: EntryReader, choose: Choice, usable: Usable) -> Hit:
        if not self.is_valid(reader.metadata, usable):
            raise self._miss(EXPIRED)
        now_ns = self._now_ns()
        part = choose(reader.metadata)
        blocks = reader.blocks(*(part or ()))
        try:
            first = next(blocks, b"")
        except DamagedError:
            self._files.quarantine(scope, key, reader)
            raise self._miss(DAMAGED) from None
        reader.mark()
        return Hit(reader.metadata, part, now_ns, self._rest(scope, key, reader, first, blocks), reader.close)

    def _remove_if_below(self, path: Path, prefix: bytes) -> bool:
        reader = open_entry(path)
        if reader is None:
            return False
        with reader:
            if not reader.metadata.draft.key.startswith(prefix):
                return False
            is_valid = self.is_valid(reader.metadata)
            with self._files.locked():
                return self._files.remove(path, reader) and is_valid

    def _etag(self, scope: Scope, key: bytes) -> str | None:
        """Return the tag of the entry that is there now, None for none that may be given out."""
        reader = self._peek(scope, key)
        if reader is None:
            return None
        with reader:
            return reader.metadata.etag if self.is_valid(reader.metadata) else None

    def _peek(self, scope: Scope, key: bytes) -> EntryReader | None:
        """Open an entry; a damaged one is none, and is put aside by the next who reads it."""
        try:
            return self._files.open(scope, key, put_aside=False)
        except DamagedError:
            return None

    def _rest(
        self, scope: Scope, key: bytes, reader: EntryReader, first: bytes, blocks: Iterator[bytes]
    ) -> Iterator[bytes]:
        """Go on with what was begun. At a damaged block it ends, short of what was announced."""
        yield first
        try:
            yield from blocks
        except DamagedError:
            self._files.quarantine(scope, key, reader)
            self._on_lookup(DAMAGED)

    def _miss(self, reason: str) -> NotCachedError:
        self._on_lookup(reason)
        return NotCachedError(reason)
