"""Races, forced: many requests that each lack their last byte, and then all the last bytes at once."""

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

import h11

from kata.errors import KataError
from kata.network.exchange import LARGEST_BODY_BYTES, Exchange, Request, transport_error
from kata.network.history import history
from kata.network.persona import personas

_CHUNK_BYTES = 65_536
_MOST_CONNECTIONS = 500
_KEPT_BYTES = 4096  # of what was sent
_INCOMPLETE = "connection closed without a complete answer"

# As much as the Client's httpcore takes, instead of h11's own 16 KiB: the same answer is good for both.
_LARGEST_HEAD_BYTES = 102_400


def burst(
    url: str,
    requests: Sequence[Request],
    *,
    connect_timeout_seconds: float = 5.0,
    timeout_seconds: float = 5.0,
) -> list[Exchange]:
    """Send the requests at the same instant, each from somebody else, and return the answers in their order.

    First the connections are opened and everything but each request's last byte is written, within
    `connect_timeout_seconds`. Then the last bytes leave together, and the answers have `timeout_seconds`. A
    connection that fails is an Exchange with status 0.

    Raises:
        ValueError: a request is malformed, or there are more than 500.
        KataError: the system lets the verifier open no more sockets.

    """
    if len(requests) > _MOST_CONNECTIONS:
        raise ValueError(f"at most {_MOST_CONNECTIONS} requests in a burst, not {len(requests)}")
    target = urlsplit(url)
    prepared = [_prepare(request, target.netloc) for request in requests]
    family, address = _resolve(target)
    shots: list[_Shot] = []
    try:
        for parser, data in prepared:
            shots.append(_Shot(_open_socket(family), parser, data))
        for shot in shots:
            shot.connect(address)
        _work(shots, selectors.EVENT_WRITE, _Shot.load, connect_timeout_seconds)
        for shot in shots:
            shot.release()
        _work(shots, selectors.EVENT_READ, _Shot.receive, timeout_seconds)
        exchanges = [
            replace(shot.exchange(), asked=request.line, base_url=url, sent_bytes=data[:_KEPT_BYTES])
            for shot, request, (_, data) in zip(shots, requests, prepared, strict=True)
        ]
        history.add(exchanges)
        return exchanges
    finally:
        for shot in shots:
            shot.socket.close()


class _Shot:
    """One connection with its request; `busy` while its part of the present stage is not done."""

    def __init__(self, sock: socket.socket, parser: h11.Connection, data: bytes) -> None:
        self.socket = sock
        self.busy = True
        self._parser = parser
        self._unsent, self._last = data[:-1], data[-1:]
        self._connected = False
        self._answer: h11.Response | None = None
        self._body = bytearray()
        self._sent = self._received = 0.0
        self._early_end = ""  # the kernel tells of a reset once, and thereafter of a mere end
        self._error = ""

    def connect(self, address: tuple[str, int]) -> None:
        code = self.socket.connect_ex(address)
        if code not in {0, errno.EINPROGRESS}:
            self.fail(transport_error(OSError(code, os.strerror(code))))

    def load(self) -> None:
        """Write all but the last byte, and wait until there is room for that one too."""
        if not self._connected:
            code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self.fail(transport_error(OSError(code, os.strerror(code))))
            self._connected = True
        elif not self._unsent:
            self.busy = False
        else:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                pass
            except OSError as error:  # closed early, perhaps with an answer, which `receive` then finds
                self._early_end = transport_error(error)
                self.busy = False

    def release(self) -> None:
        if self._error:
            return
        self.busy = True
        self._sent = time.monotonic()
        try:
            self.socket.send(self._last)
        except OSError as error:  # as above
            self._early_end = self._early_end or transport_error(error)

    def receive(self) -> None:
        try:
            chunk = self.socket.recv(_CHUNK_BYTES)
            self._received = time.monotonic()
            self._parser.receive_data(chunk)
            while self._take(self._parser.next_event()):
                pass
        except BlockingIOError:
            pass
        except OSError as error:
            self.fail(transport_error(error))
        except h11.RemoteProtocolError as error:
            self.fail(f"not an HTTP answer: {error}" if chunk else self._early_end or _INCOMPLETE)

    def _take(self, event: object) -> bool:
        """Take in what the parser found; tell whether it may have more."""
        if isinstance(event, h11.Response):
            self._answer = event
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > LARGEST_BODY_BYTES:
                self.fail(f"the answer is larger than {LARGEST_BODY_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self.busy = False
        elif isinstance(event, h11.ConnectionClosed):
            self.fail(self._early_end or _INCOMPLETE)
        return self.busy and isinstance(event, h11.Event)

    def fail(self, error: str) -> None:
        self.busy = False
        self._error = error
        self._received = time.monotonic()
        self._sent = self._sent or self._received

    def time_out(self, seconds: float) -> None:
        if not self._connected:
            self.fail(f"no connection within {seconds:g} s")
        elif not self._sent:
            self.fail(f"the request was not taken within {seconds:g} s")
        else:
            self.fail(f"no complete answer within {seconds:g} s")

    def exchange(self) -> Exchange:
        if self._error or self._answer is None:
            return Exchange(self._sent, self._received, 0, error=self._error)
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._answer.headers.raw_items()
        )
        status = self._answer.status_code
        return Exchange(self._sent, self._received, status, headers, bytes(self._body)).decoded()


def _work(shots: list[_Shot], events: int, step: Callable[[_Shot], None], timeout_seconds: float) -> None:
    """Take the step for each shot whose socket is ready, until none is busy or the time is up."""
    deadline = time.monotonic() + timeout_seconds
    with selectors.DefaultSelector() as selector:
        for shot in shots:
            if shot.busy:
                selector.register(shot.socket, events, shot)
        overdue = False
        while selector.get_map() and not overdue:
            remaining = deadline - time.monotonic()
            overdue = remaining <= 0  # one last look: the answers may be there, and this process late
            for key, _ in selector.select(max(0.0, remaining)):
                step(key.data)
                if not key.data.busy:
                    selector.unregister(key.fileobj)
        for key in selector.get_map().values():
            key.data.time_out(timeout_seconds)


def _prepare(request: Request, host: str) -> tuple[h11.Connection, bytes]:
    """Return the request's bytes, and a parser that knows which answer it may have."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD_BYTES)
    head = personas.client().head(request.fields, host=host)
    try:
        data = parser.send(h11.Request(method=request.method, target=request.path, headers=head))
        data += parser.send(h11.Data(data=request.body))
        data += parser.send(h11.EndOfMessage())
    except h11.LocalProtocolError as error:
        raise ValueError(f"not a request: {error}") from error
    return parser, data


def _resolve(target: SplitResult) -> tuple[socket.AddressFamily, tuple[str, int]]:
    port = target.port or 80
    family, _, _, _, address = socket.getaddrinfo(target.hostname, port, type=socket.SOCK_STREAM)[0]
    return family, (str(address[0]), port)


def _open_socket(family: socket.AddressFamily) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise KataError(f"the verifier cannot open another connection: {error.strerror}") from error
    sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
