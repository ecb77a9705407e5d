"""A body on its way in: bounded, never held whole, and taken in before it is refused."""

from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from service_kit.daemon_thread import on_daemon_thread
from service_kit.limits import LimitedBody, declared_length
from service_kit.problems import ProblemError, of_status

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PIECE_BYTES: Final = 65_536
DRAINED_BYTES: Final = 8 * 1_048_576
DRAIN_SECONDS: Final = 3.0
HIGHEST_LENGTH: Final = 2**63
UPLOAD: Final = "file_cache.upload"


class Upload:
    """The body of one request."""

    def __init__(self, environ: "WSGIEnvironment") -> None:
        self._environ = environ
        self.announced_bytes: int | None = None
        self._is_over = not (environ.get("CONTENT_LENGTH") or self.is_chunked)

    @property
    def is_chunked(self) -> bool:
        return "HTTP_TRANSFER_ENCODING" in self._environ

    def pieces(self, limit_bytes: int, *, is_checked: bool) -> Iterator[bytes]:
        """Yield the body. `is_checked` says that a digest will tell whether it is whole.

        One that comes in chunks without a digest is refused: where it breaks off, this server sees the same
        as where it ends (granian's `wsgi.input`), and what looks whole would be stored.
        Raises: ProblemError: 400 for a body shorter than its Content-Length, 411, 413.
        """
        if self.is_chunked and not is_checked:
            raise ProblemError(
                of_status(411, "A body in chunks needs a Content-Digest, any other its length.")
            )
        self.announced_bytes = declared_length(self._environ.get("CONTENT_LENGTH"), limit_bytes)
        return self._read(limit_bytes)

    def _read(self, limit_bytes: int) -> Iterator[bytes]:
        if self._is_over:
            return
        body = LimitedBody(self._environ["wsgi.input"], limit_bytes, self.announced_bytes)
        while piece := body.read(PIECE_BYTES):
            yield piece
        self._is_over = True

    def drain(self) -> None:
        """Take in what a refused request still sends: so much, and for so long, at most.

        A server closes a connection with something unread in it by a reset, and the answer may be lost. Who
        waits to be told to go on sends nothing, and must not be told.
        """
        if self._is_over or self._environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            return
        wait([on_daemon_thread(self._discard, "drain")], DRAIN_SECONDS)

    def _discard(self) -> None:
        with suppress(ProblemError):
            body = LimitedBody(self._environ["wsgi.input"], HIGHEST_LENGTH, None)
            left_bytes = DRAINED_BYTES
            while left_bytes > 0 and (piece := body.read(PIECE_BYTES)):
                left_bytes -= len(piece)


def upload_of(environ: "WSGIEnvironment") -> Upload:
    """Return the body of the request, the same object for all who ask."""
    upload: Upload = environ.setdefault(UPLOAD, Upload(environ))
    return upload
