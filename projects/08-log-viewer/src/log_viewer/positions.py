"""A place between two lines that survives what happens to files: renaming, compression, truncation.

A name and an offset are lost at the first rotation: app.log is another file then. So a place is told by what
stands there. The head of the file says which file it is, whatever its name and also when it has been
compressed; the bytes just before the place prove that it is the same place. One kind of token is all there
is: cursor and id of an entry are the same.
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from log_viewer.errors import GoneError, InvalidQueryError
from log_viewer.segments import Segment

_HEAD_BYTES: Final = 1024
_ANCHOR_BYTES: Final = 64
_VERSION: Final = 1
# version, stream, length and hash of the head, inode, offset, hash of what stands before it
_LAYOUT: Final = struct.Struct(">B4sH8sQQ6s")
_CHECKSUM_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Place:
    """An offset in one of the segments of a stream."""

    segment: int
    offset: int


class Positions:
    """Writes places of one stream as tokens, and finds them again."""

    def __init__(self, stream_id: str, segments: Sequence[Segment]) -> None:
        self._tag = _hash(stream_id.encode(), 4)
        self._segments = segments
        self._heads: dict[int, bytes] = {}

    def write(self, place: Place) -> str:
        segment = self._segments[place.segment]
        head = self._head(place.segment)
        data = _LAYOUT.pack(
            _VERSION,
            self._tag,
            len(head),
            _hash(head, 8),
            segment.file.inode,
            place.offset,
            _anchor(segment, place.offset),
        )
        return base64.urlsafe_b64encode(data + _hash(data, _CHECKSUM_BYTES)).rstrip(b"=").decode()

    def owns(self, token: str, parameter: str) -> bool:
        """Tell whether a token is of this stream. Raises: InvalidQueryError, for what is none."""
        return _read(token, parameter)[0] == self._tag

    def find(self, token: str, parameter: str) -> Place:
        """Find the place of a token.

        Raises: InvalidQueryError, for what this stream did not give out; GoneError, where its bytes are gone.
        """
        tag, head_bytes, head_hash, inode, offset, anchor = _read(token, parameter)
        if tag != self._tag:
            raise InvalidQueryError(parameter, "invalid_cursor", "It belongs to another stream.")
        candidates = sorted(
            range(len(self._segments)), key=lambda number: self._segments[number].file.inode != inode
        )
        for number in candidates:
            segment = self._segments[number]
            if head_bytes == 0 and segment.file.inode != inode:
                continue
            head = self._head(number)[:head_bytes]
            is_same = len(head) == head_bytes and _hash(head, 8) == head_hash
            if is_same and _anchor(segment, offset) == anchor:
                return Place(number, offset)
        raise GoneError

    def _head(self, number: int) -> bytes:
        if number not in self._heads:
            self._heads[number] = self._segments[number].read(0, _HEAD_BYTES)
        return self._heads[number]


def _anchor(segment: Segment, offset: int) -> bytes:
    """Hash what stands before an offset; a file that ends before it has another hash."""
    start = max(offset - _ANCHOR_BYTES, 0)
    before = segment.read(start, offset - start)
    return _hash(before if len(before) == offset - start else before + b"\0ends", 6)


def _read(token: str, parameter: str) -> tuple[bytes, int, bytes, int, int, bytes]:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        data = b""
    content, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    # Compared as text too: the last character has bits to spare, and a decoder passes over some others.
    is_ours = base64.urlsafe_b64encode(data).rstrip(b"=").decode() == token
    if not is_ours or len(content) != _LAYOUT.size or _hash(content, _CHECKSUM_BYTES) != checksum:
        raise InvalidQueryError(parameter, "invalid_cursor", "This service gave out no such cursor.")
    _, tag, head_bytes, head_hash, inode, offset, anchor = _LAYOUT.unpack(content)
    return tag, head_bytes, head_hash, inode, offset, anchor


def _hash(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()
