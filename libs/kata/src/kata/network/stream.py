"""A request whose body is sent part by part, and whose answer is read line by line meanwhile."""

import select
import socket
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import h11

from kata.network.exchange import LARGEST_BODY_BYTES, Exchange, shortened, transport_error
from kata.network.history import history
from kata.network.persona import personas

_CHUNK_BYTES = 65_536


class Stream:
    """One such request over a connection of its own. Each wait ends after `timeout_seconds`.

    The body goes in chunks, unless the headers have its Content-Length.
    """

    def __init__(
        self,
        url: str,
        path: str,
        headers: Mapping[str, str],
        *,
        method: str = "POST",
        timeout_seconds: float = 5.0,
    ) -> None:
        """Connect, and send the head."""
        target = urlsplit(url)
        self._asked = shortened(f"{method} {path}")
        self._timeout_seconds = timeout_seconds
        self._parser = h11.Connection(h11.CLIENT)
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._read_bytes = 0
        self._error = ""
        self._is_over = False
        self.sent = time.monotonic()
        address = (target.hostname or "", target.port or 80)
        self._socket = socket.create_connection(address, timeout_seconds)
        given = {name.lower(): value for name, value in headers.items()} | {"connection": "close"}
        if "content-length" not in given:
            given["transfer-encoding"] = "chunked"
        head = personas.client().head(given, host=target.netloc)
        self._write(h11.Request(method=method, target=path, headers=head))

    def send(self, part: bytes) -> None:
        """Send a part of the body; of an answer that has come meanwhile nothing is lost."""
        self._write(h11.Data(data=part))

    def end(self) -> None:
        """Send the end of the body."""
        self._write(h11.EndOfMessage())

    @property
    def is_answered(self) -> bool:
        """Tell whether an answer has begun to come, or the connection has ended."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def line(self, timeout_seconds: float | None = None) -> bytes | None:
        """Return the next line of the answer's body, without its end; None if none comes."""
        deadline = time.monotonic() + (timeout_seconds or self._timeout_seconds)
        while b"\n" not in self._body and not self._is_over:
            self._receive(deadline)
        line, found, rest = bytes(self._body).partition(b"\n")
        if not found:
            return None
        self._body[:] = rest
        return line

    def answer(self) -> Exchange:
        """Read what is left, and return it with the head; status 0 if the answer did not end."""
        deadline = time.monotonic() + self._timeout_seconds
        while not self._is_over:
            self._receive(deadline)
        status = self._head.status_code if self._head is not None and not self._error else 0
        fields = self._head.headers.raw_items() if self._head is not None else ()
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)
        exchange = Exchange(
            self.sent, time.monotonic(), status, headers, bytes(self._body), self._error, self._asked
        )
        history.add([exchange])
        return exchange

    def close(self) -> None:
        self._socket.close()

    def _write(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._parser.send(event)
        self._socket.settimeout(self._timeout_seconds)
        try:
            self._socket.sendall(data or b"")
        except OSError as error:
            self._error = self._error or transport_error(error)

    def _receive(self, deadline: float) -> None:
        try:
            event = self._parser.next_event()
        except h11.RemoteProtocolError:
            self._error = self._error or "the connection ended without a complete HTTP answer"
            self._is_over = True
            return
        if isinstance(event, h11.Response):
            self._head = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            self._read_bytes += len(event.data)
            self._is_over |= self._read_bytes > LARGEST_BODY_BYTES
        elif isinstance(event, h11.EndOfMessage):
            self._is_over = True
            self._error = ""  # a complete answer counts, also if what was sent last met a closed end
        elif isinstance(event, h11.ConnectionClosed):
            self._is_over = True
        elif event is h11.NEED_DATA:
            self._fill(deadline)

    def _fill(self, deadline: float) -> None:
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            self._parser.receive_data(self._socket.recv(_CHUNK_BYTES))
        except OSError as error:
            self._error = self._error or transport_error(error)
            self._is_over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
