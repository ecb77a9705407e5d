"""The socket to Redis: its time-out is for a whole answer, where a library's is for each of its reads.

An answer that trickles, a byte each 80 ms, would otherwise hold a request up for seconds.
"""

import socket
import time
from collections.abc import Buffer
from typing import override

from redis import Connection

# Zero would mean: do not wait at all, and say so in another error.
SHORTEST_SECONDS = 0.0001


class AnswerSocket(socket.socket):
    """A socket that waits for an answer for as long in all as the time-out was when the question was sent."""

    _until = 0.0
    _seconds: float | None = None

    @classmethod
    def taking_over(cls, connected: socket.socket) -> "AnswerSocket":
        """Make it out of another, which is of no use then."""
        seconds = connected.gettimeout()
        taken = cls(fileno=connected.detach())
        taken.settimeout(seconds)
        return taken

    @override
    def settimeout(self, value: float | None, /) -> None:
        self._seconds = value
        self._until = time.monotonic() + (value or 0.0)
        super().settimeout(value)

    @override
    def sendall(self, data: Buffer, flags: int = 0, /) -> None:
        self.settimeout(self._seconds)
        super().sendall(data, flags)

    @override
    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        self._wait_no_longer()
        return super().recv(bufsize, flags)

    @override
    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0, /) -> int:
        self._wait_no_longer()
        return super().recv_into(buffer, nbytes, flags)

    def _wait_no_longer(self) -> None:
        if self._seconds:
            super().settimeout(max(self._until - time.monotonic(), SHORTEST_SECONDS))


class AnswerConnection(Connection):
    """redis-py's connection, over such a socket."""

    def _connect(self) -> socket.socket:
        connected: socket.socket = super()._connect()  # type: ignore[no-untyped-call]  # redis-py's
        return AnswerSocket.taking_over(connected)
