"""One file of a stream: its bytes by offset, as they were before it was compressed."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, Protocol

from backports import zstd

CHUNK_BYTES: Final = 64 * 1024
# What is read again behind the place that was decompressed last: to go further back is to begin anew.
_WINDOW_BYTES: Final = 8 * 1024 * 1024
# RFC 9659, section 3: a window above 8 MiB may be refused, and is: it is memory that a file asks for.
_ZSTD_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}


type Damage = Literal["truncated", "damaged"]


class Segment(Protocol):
    """One file of a stream."""

    file: "LogFile"
    block_bytes: int  # what going backward reads at once
    damage: Damage | None  # why it ends before its end
    size_bytes: int | None  # when it was opened; of a compressed one it is not known

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset: fewer than asked for at the end alone."""
        ...

    def is_intact(self) -> bool:
        """Tell whether it still has all that it had when it was opened."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file as it was found in its folder."""

    path: bytes  # below the root
    name: str
    compression: str | None
    size_bytes: int
    modified_ns: int
    changed_ns: int  # when its status changed: unlike modified_ns, nobody can set it back
    device: int
    inode: int


class PlainSegment:
    """A file that is not compressed. What is appended to it later is not seen."""

    block_bytes = CHUNK_BYTES
    damage: Damage | None = None

    def __init__(self, file: LogFile, descriptor: int) -> None:
        self.file = file
        self._descriptor = descriptor
        self._end = os.fstat(descriptor).st_size
        self.size_bytes: int | None = self._end

    def read(self, offset: int, size: int) -> bytes:
        size = min(size, self._end - offset)
        if size <= 0:
            return b""
        data = os.pread(self._descriptor, size, offset)
        while data and len(data) < size:
            more = os.pread(self._descriptor, size - len(data), offset + len(data))
            if not more:  # it was truncated meanwhile
                break
            data += more
        return data

    def is_intact(self) -> bool:
        return os.fstat(self._descriptor).st_size >= self._end

    def close(self) -> None:
        os.close(self._descriptor)


class CompressedSegment:
    """A file that can only be read from its start: of what was read last a window is kept."""

    block_bytes = 4 * 1024 * 1024
    size_bytes: int | None = None

    def __init__(self, file: LogFile, descriptor: int, decompress: Callable[[BinaryIO], BinaryIO]) -> None:
        self.file = file
        self.damage: Damage | None = None
        self._raw = os.fdopen(descriptor, "rb")
        self._decompress = decompress
        self._restart()

    def _restart(self) -> None:
        self._raw.seek(0)
        self._decoder = self._decompress(self._raw)
        self._window = bytearray()
        self._window_start = 0
        self._is_over = False

    def read(self, offset: int, size: int) -> bytes:
        if offset < self._window_start:
            self._restart()
        while not self._is_over and self._window_start + len(self._window) < offset + size:
            self._fill()
            spare = min(len(self._window) - _WINDOW_BYTES, offset - self._window_start)
            if spare > _WINDOW_BYTES:  # seldom: what is kept is moved each time
                del self._window[:spare]
                self._window_start += spare
        start = offset - self._window_start
        return bytes(self._window[start : start + size])

    def _fill(self) -> None:
        try:
            # One step at a time: what came before the fault is not lost with it.
            data = self._decoder.read1(CHUNK_BYTES)  # type: ignore[attr-defined]  # both have it, as BufferedIOBase
        except (EOFError, OSError, zlib.error, zstd.ZstdError) as error:
            self.damage = "truncated" if isinstance(error, EOFError) else "damaged"
            self._is_over = True
            return
        self._is_over = not data
        self._window += data

    def is_intact(self) -> bool:
        return True  # nobody writes to an archive that is there

    def close(self) -> None:
        self._raw.close()


_DECOMPRESSORS: Final[Mapping[str, Callable[[BinaryIO], BinaryIO]]] = {
    "gzip": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),  # type: ignore[dict-item,return-value]
    "zstd": lambda raw: zstd.ZstdFile(raw, options=_ZSTD_WINDOW),  # type: ignore[dict-item,return-value]
}


def open_segment(folder: int, file: LogFile) -> Segment | None:
    """Open a file in its folder; None if another one has its name by now."""
    try:
        # O_NONBLOCK: to open a FIFO would wait for somebody who writes.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(file.path.rpartition(b"/")[2], flags, dir_fd=folder)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_ino != file.inode:
        os.close(descriptor)
        return None
    if file.compression is None:
        return PlainSegment(file, descriptor)
    return CompressedSegment(file, descriptor, _DECOMPRESSORS[file.compression])
