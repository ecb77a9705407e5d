"""How much body a request may carry, whether it says so beforehand or not."""

import io
from typing import TYPE_CHECKING, Protocol, override

from service_kit.problems import ProblemError, of_status

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Readable(Protocol):
    """What WSGI promises of `wsgi.input`, as far as it is needed here."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


def declared_length(header: str | None, limit_bytes: int | None) -> int | None:
    """Return the Content-Length, None without one; a limit of None is none.

    Raises: ProblemError, of 400 for nonsense and of 413 above the limit.
    """
    if not header:
        return None
    if not (header.isascii() and header.isdigit()):
        raise ProblemError(of_status(400, "Content-Length is not a number."))
    length = int(header)
    if limit_bytes is not None and length > limit_bytes:
        raise too_large(limit_bytes)
    return length


def too_large(limit_bytes: int) -> ProblemError:
    """Make the 413."""
    return ProblemError(of_status(413, f"A body may have {limit_bytes} bytes at most."))


class LimitedBody(io.RawIOBase):
    """A WSGI input that raises 413 past the limit, and 400 when it ends before the declared length.

    Werkzeug's own MAX_CONTENT_LENGTH cuts a chunked body off at the limit and calls it complete
    (LimitedStream.readall), and a body cut short by a lost connection ends like a whole one in granian.
    """

    def __init__(self, stream: Readable, limit_bytes: int, declared_bytes: int | None) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._declared_bytes = declared_bytes
        self._read_bytes = 0

    @override
    def readable(self) -> bool:
        """Tell io.BufferedReader that it may wrap this."""
        return True

    @override
    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as one read of the stream goes. Raises: ProblemError."""
        target = memoryview(buffer)
        # One byte past the limit tells a body of exactly the limit from a longer one.
        chunk = self._stream.read(min(len(target), self._limit_bytes + 1 - self._read_bytes))
        self._read_bytes += len(chunk)
        if self._read_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)
        if not chunk and self._declared_bytes is not None and self._read_bytes < self._declared_bytes:
            raise ProblemError(of_status(400, "The body is shorter than its Content-Length."))
        target[: len(chunk)] = chunk
        return len(chunk)
