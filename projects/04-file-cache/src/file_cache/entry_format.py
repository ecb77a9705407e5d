"""The idea: a file that can be checked while it is read.

    body            as it came; every 64 KiB of it are a block
    metadata        JSON
    checksums       XXH3-64 of each block, 8 bytes each
    tail            32 bytes: magic, length of the body, length of the metadata, number of blocks, and the
                    XXH3-64 of everything behind the body up to here

What is known only when the last byte has come stands behind the body: the file is written front to back. One
checksum for the whole would do for a file that is read whole. But the first bytes leave before the last are
read: what is wrong has to be found block by block, before it is sent.
"""

import errno
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final, Self

from xxhash import xxh3_64_digest

from file_cache.domain import Draft, Freshness, Metadata, Scope
from file_cache.errors import DamagedError

BLOCK_BYTES: Final = 65_536
CHECKSUM_BYTES: Final = 8
TAIL: Final = Struct(">8sQII8s")
MAGIC: Final = b"FCACHE03"
# What stands behind a body of 20 MiB: one read for nearly every entry, and all of a small one.
FIRST_READ_BYTES: Final = 4096
# The time of modification is when it was stored; its last nanosecond, whether it was read since: see sieve.
MARK: Final = 1
_JSON: Final = json.JSONEncoder(separators=(",", ":"))
DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class EntryWriter:
    """Writes an entry into a new file, while its bytes come."""

    def __init__(self, descriptor: int, on_full: Callable[[], bool]) -> None:
        """`on_full` is asked when the disk is full; True says that there is room again."""
        self._descriptor = descriptor
        self._on_full = on_full
        self._pending = bytearray()
        self._checksums = bytearray()
        self._sha256 = sha256()
        self.size_bytes = 0

    def write(self, some: bytes) -> None:
        """Take some bytes of the body. Raises: OSError."""
        self.size_bytes += len(some)
        self._sha256.update(some)
        if self._pending:
            self._pending += some
            some, self._pending = bytes(self._pending), bytearray()
        whole_bytes = len(some) // BLOCK_BYTES * BLOCK_BYTES
        if whole_bytes:
            self._write_blocks(memoryview(some)[:whole_bytes])
        self._pending += some[whole_bytes:]

    def finish(self, draft: Draft, now_ns: int) -> Metadata:
        """Write what stands behind the body. Raises: OSError."""
        if self._pending:
            self._write_blocks(memoryview(self._pending))
        metadata = Metadata(draft, self.size_bytes, self._sha256.digest(), now_ns)
        text = _dump(metadata)
        behind = text + self._checksums
        head = TAIL.pack(MAGIC, self.size_bytes, len(text), _blocks(self.size_bytes), b"")[:-CHECKSUM_BYTES]
        self._write_all(behind + head + xxh3_64_digest(behind + head))
        os.utime(self._descriptor, ns=(now_ns, now_ns & ~MARK))
        return metadata

    def _write_blocks(self, blocks: memoryview) -> None:
        for start in range(0, len(blocks), BLOCK_BYTES):
            self._checksums += xxh3_64_digest(blocks[start : start + BLOCK_BYTES])
        self._write_all(blocks)

    def _write_all(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                if error.errno not in DISK_FULL or not self._on_full():
                    raise


class EntryReader:
    """An open entry. Where its file is replaced or removed, this goes on to read what it has opened."""

    def __init__(self, descriptor: int, name: tuple[Scope, bytes] | None = None) -> None:
        """Take the descriptor over, unless this fails. `name`: whose entry this has to be, and of which key.

        Raises: DamagedError, also for the entry of another.
        """
        self.descriptor = descriptor
        state = os.fstat(descriptor)
        self._inode, self._file_bytes, self._place_ns = state.st_ino, state.st_size, state.st_mtime_ns
        self._end = _read(descriptor, max(0, self._file_bytes - FIRST_READ_BYTES), self._file_bytes)
        self.metadata, self._checksums = self._read_behind(name)

    def blocks(self, first: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the body or a part of it; each block is verified whole before any of it is handed out.

        Raises: DamagedError.
        """
        size_bytes = self.metadata.size_bytes
        end = size_bytes if end is None else end
        for start in range(first // BLOCK_BYTES * BLOCK_BYTES, end, BLOCK_BYTES):
            block = self._slice(start, min(start + BLOCK_BYTES, size_bytes))
            number = start // BLOCK_BYTES * CHECKSUM_BYTES
            if xxh3_64_digest(block) != self._checksums[number : number + CHECKSUM_BYTES]:
                raise DamagedError
            yield (
                block
                if first <= start and start + len(block) <= end
                else block[max(0, first - start) : end - start]
            )

    def whole(self) -> bytes:
        """Return all of the body, for who has room for it. Raises: DamagedError."""
        body = self._slice(0, self.metadata.size_bytes)
        view = memoryview(body)
        starts = range(0, max(len(body), self.metadata.size_bytes), BLOCK_BYTES)
        if b"".join(xxh3_64_digest(view[at : at + BLOCK_BYTES]) for at in starts) != self._checksums:
            raise DamagedError
        return body

    def mark(self) -> None:
        """Note that it was read; once is enough."""
        if not self._place_ns & MARK:
            self._place_ns |= MARK
            os.utime(self.descriptor, ns=(self._place_ns, self._place_ns))

    @property
    def file(self) -> tuple[int, int, int]:
        """What the file is known by: inode, nanoseconds of its time of modification, bytes."""
        return self._inode, self._place_ns, self._file_bytes

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_behind(self, name: tuple[Scope, bytes] | None) -> tuple[Metadata, bytes]:
        tail = self._end[-TAIL.size :]
        if len(tail) < TAIL.size:
            raise DamagedError
        magic, size_bytes, text_bytes, blocks, checksum = TAIL.unpack(tail)
        behind_bytes = text_bytes + blocks * CHECKSUM_BYTES + TAIL.size
        if magic != MAGIC or blocks != _blocks(size_bytes) or size_bytes + behind_bytes != self._file_bytes:
            raise DamagedError
        behind = self._slice(size_bytes, self._file_bytes)
        if xxh3_64_digest(behind[:-CHECKSUM_BYTES]) != checksum:
            raise DamagedError
        metadata = _load(behind[:text_bytes], size_bytes)
        if name is not None and name != (metadata.draft.scope, metadata.draft.key):
            raise DamagedError
        return metadata, behind[text_bytes : -TAIL.size]

    def _slice(self, first: int, last: int) -> bytes:
        held_from = self._file_bytes - len(self._end)
        if first >= held_from:
            return self._end[first - held_from : last - held_from]
        return _read(self.descriptor, first, last)


def open_entry(path: Path) -> EntryReader | None:
    """Open a file that was found in a folder; None if it is gone, or damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return EntryReader(descriptor)
    except DamagedError:
        os.close(descriptor)
        return None


def _blocks(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES)


def _dump(metadata: Metadata) -> bytes:
    draft = metadata.draft
    members = {
        "scope": draft.scope,
        "key": b64encode(draft.key).decode(),
        "content_type": draft.content_type,
        "groups": dict(draft.groups),
        "freshness": [
            draft.freshness.ttl_seconds,
            draft.freshness.stale_while_revalidate_seconds,
            draft.freshness.stale_if_error_seconds,
        ],
        "sha256": metadata.sha256.hex(),
        "stored_ns": metadata.stored_ns,
    }
    return _JSON.encode(members).encode()


def _load(text: bytes, size_bytes: int) -> Metadata:
    members = json.loads(text)  # its checksum was right: this is what was written
    freshness = Freshness(*members["freshness"])
    draft = Draft(
        b64decode(members["key"]),
        freshness,
        members["content_type"],
        members["groups"],
        Scope(members["scope"]),
    )
    return Metadata(draft, size_bytes, bytes.fromhex(members["sha256"]), members["stored_ns"])


def _read(descriptor: int, first: int, last: int) -> bytes:
    """Read a part of a file; less than that if the file ends before."""
    found = os.pread(descriptor, last - first, first)
    while found and len(found) < last - first:
        more = os.pread(descriptor, last - first - len(found), first + len(found))
        if not more:
            break
        found += more
    return found
