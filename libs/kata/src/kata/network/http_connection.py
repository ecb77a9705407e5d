"""One connection to the callback server: the requests on it, one after another, and how each one ends."""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import h11

from kata.network.callbacks import WITHOUT_BODY, Ending, Received, Reply
from kata.network.persona import personas
from kata.network.reactor import Reactor, close_with_reset

_CHUNK_BYTES = 65_536
_KEPT_BODY_BYTES = 1_048_576
_DRIP_SECONDS = 0.1

# What goes on for longer, and what is sent while an answer is awaited, is broken off.
_LARGEST_BODY_BYTES = 67_108_864
_LARGEST_TRAILING_BYTES = 1_048_576


class Handler(Protocol):
    """Who answers what comes in on a connection."""

    def accept(self, request: Received) -> tuple[int, Reply]:
        """Record the request; return the number under which, and what to do with it."""

    def finish(self, number: int, moment: float) -> None:
        """Record that this request came to its end."""

    def forget(self, connection: "HttpConnection") -> None:
        """Forget the connection."""


class HttpConnection:
    """A connection; lives in the reactor's thread."""

    def __init__(self, reactor: Reactor, sock: socket.socket, handler: Handler) -> None:
        self._reactor = reactor
        self._socket = sock
        self._handler = handler
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_CHUNK_BYTES)
        self._head: h11.Request | None = None
        self._started = 0.0
        self._body = bytearray()
        self._size_bytes = 0
        self._trailing_bytes = 0
        self._number: int | None = None
        self._out = bytearray()
        self._answered = False
        self._leaving = False
        self._closed = False
        self._watch()

    def close(self, close: Callable[[socket.socket], None] = socket.socket.close) -> None:
        if self._closed:
            return
        self._closed = True
        self._finish()
        self._reactor.forget(self._socket)
        close(self._socket)
        self._handler.forget(self)

    def reset(self) -> None:
        self.close(close_with_reset)

    def _watch(self) -> None:
        if not self._closed:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
            self._reactor.watch(self._socket, events, self._on_events)

    def _on_events(self, events: int) -> None:
        if events & selectors.EVENT_READ and not self._closed:
            self._read()
        if events & selectors.EVENT_WRITE and not self._closed:
            self._flush()
        self._watch()

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not chunk:  # the client gave up, or has no more to ask
            self.close()
            return
        if self._number is not None or self._leaving:
            self._trailing_bytes += len(chunk)
            if self._trailing_bytes > _LARGEST_TRAILING_BYTES:
                self.reset()
                return
        if not self._leaving:
            self._parser.receive_data(chunk)
            self._parse()

    def _parse(self) -> None:
        try:
            while not self._closed and self._number is None and self._take(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError:
            self._respond(Reply(400, {"Connection": "close"}))

    def _take(self, event: object) -> bool:
        """Take in what the parser found; tell whether it may have more."""
        if isinstance(event, h11.Request):
            self._head, self._started = event, time.monotonic()
            self._body, self._size_bytes = bytearray(), 0
            if self._parser.they_are_waiting_for_100_continue:
                self._out += self._parser.send(h11.InformationalResponse(status_code=100, headers=[]))
                self._flush()
        elif isinstance(event, h11.Data):
            self._size_bytes += len(event.data)
            self._body += event.data[: _KEPT_BODY_BYTES - len(self._body)]
            if self._size_bytes > _LARGEST_BODY_BYTES:
                self.reset()
        elif isinstance(event, h11.EndOfMessage) and self._head is not None:
            self._complete(self._head)
        return isinstance(event, h11.Event)

    def _complete(self, head: h11.Request) -> None:
        request = Received(
            method=head.method.decode("latin-1"),
            target=head.target.decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()
            ),
            body=bytes(self._body),
            started=self._started,
            received=time.monotonic(),
            received_at=datetime.now(UTC),
        )
        self._trailing_bytes = 0
        self._number, reply = self._handler.accept(request)
        if reply.ending is Ending.HANG:
            return
        if reply.delay_seconds:
            self._reactor.at(request.received + reply.delay_seconds, lambda: self._act(reply))
        else:
            self._act(reply)

    def _act(self, reply: Reply) -> None:
        if self._closed:
            return
        if reply.ending is Ending.RESET:
            self.reset()
        elif reply.ending is Ending.DRIP:
            self._drip(f"HTTP/1.1 {reply.status} OK\r\nX-Filler: ".encode())
        elif reply.ending is Ending.STALL:
            self._write(f"HTTP/1.1 {reply.status} OK\r\nContent-Length: {_CHUNK_BYTES}\r\n\r\nx".encode())
        else:
            self._respond(reply)
            self._watch()

    def _drip(self, some: bytes) -> None:
        self._write(some)
        if not self._closed:
            self._reactor.at(time.monotonic() + _DRIP_SECONDS, lambda: self._drip(b"x"))

    def _write(self, some: bytes) -> None:
        """Send what is not a whole answer: the client ends the request."""
        if not self._closed:
            self._out += some
            self._flush()
            self._watch()

    def _respond(self, reply: Reply) -> None:
        headers = dict(reply.headers)
        if reply.status not in WITHOUT_BODY:
            headers["Content-Length"] = str(len(reply.body))
        head = personas.server().head(headers)
        self._out += self._parser.send(h11.Response(status_code=reply.status, headers=head))
        if reply.body and (self._head is None or self._head.method != b"HEAD"):
            self._out += self._parser.send(h11.Data(data=reply.body))
        self._out += self._parser.send(h11.EndOfMessage())
        self._answered = True
        self._flush()

    def _flush(self) -> None:
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if self._answered:
            self._answered = False
            self._finish()
            self._go_on()

    def _go_on(self) -> None:
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
            self._parse()
            return
        # To close with something unread would reset the connection, and the client might lose the answer.
        self._leaving = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _finish(self) -> None:
        if self._number is not None:
            self._handler.finish(self._number, time.monotonic())
            self._number = None
