"""The bytes of files, in a folder that all processes share. What is kept is on the disk before it is told."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from uuid import UUID

from core.errors import StoreUnavailableError
from core.files.domain import WrongLengthError
from core.files.kinds import Sniffer

CHUNK_BYTES: Final = 262_144


class Blobs:
    """A file's bytes are one file, under its id; what is still coming stands beside them."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._parts = folder / "parts"

    def part(self, file_id: UUID, size_bytes: int) -> "Part":
        with translated():
            self._parts.mkdir(parents=True, exist_ok=True)
            self._blobs.mkdir(exist_ok=True)
        name = f"{file_id}-{os.urandom(8).hex()}"
        return Part(self._parts / name, self._blobs / str(file_id), size_bytes)

    async def read(self, file_id: UUID) -> AsyncIterator[bytes]:
        """Open a file's bytes; who has opened them reads them to their end, whoever deletes them."""
        with translated():
            opened = await asyncio.to_thread((self._blobs / str(file_id)).open, "rb")
        return _chunks(opened)

    async def remove(self, file_id: UUID) -> None:
        """Remove a file's bytes, if there are any."""
        with translated():
            await asyncio.to_thread((self._blobs / str(file_id)).unlink, missing_ok=True)

    def sweep(self, older_than_seconds: float) -> None:
        """Remove what nobody can be writing any more: its process was killed."""
        with translated():
            for path in self._parts.glob("*"):
                with suppress(FileNotFoundError):  # one that has just been put in its place
                    if path.stat().st_mtime < time.time() - older_than_seconds:
                        path.unlink()


class Part:
    """What is coming: counted, hashed and looked at as it is written."""

    def __init__(self, path: Path, target: Path, size_bytes: int) -> None:
        self._path = path
        self._target = target
        self._left_bytes = size_bytes
        self._buffer = bytearray()
        self._sniffer = Sniffer()
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        with translated():
            self._file = self._path.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    async def write(self, chunk: bytes) -> None:
        """Raises: WrongLengthError, for more than was announced."""
        self._left_bytes -= len(chunk)
        if self._left_bytes < 0:
            raise WrongLengthError("The body is longer than the file was announced.")
        self._digest.update(chunk)
        self._sniffer.feed(chunk)
        self._buffer += chunk
        if len(self._buffer) >= CHUNK_BYTES:
            await self._flush()

    async def end(self) -> None:
        """Have all of it on the disk. Raises: WrongLengthError, for less than was announced."""
        if self._left_bytes:
            raise WrongLengthError("The body is shorter than the file was announced.")
        await self._flush()
        with translated():
            await asyncio.to_thread(self._sync)

    @property
    def type(self) -> str | None:
        return self._sniffer.type()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def keep(self) -> None:
        """Put it in its place, under its own name, for good."""
        with translated():
            await asyncio.to_thread(self._move)

    async def _flush(self) -> None:
        with translated():
            await asyncio.to_thread(self._file.write, bytes(self._buffer))
        self._buffer.clear()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _move(self) -> None:
        self._path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"files: {type(error).__name__}") from error


async def _chunks(opened: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(opened.read, CHUNK_BYTES):
            yield chunk
    finally:
        opened.close()
