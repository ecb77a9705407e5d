"""One connection through the fault proxy: a pipe each way, and what a fault does to them."""

import errno
import fcntl
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable

from kata.network.faults import Fault, Mode
from kata.network.pipe import Pipe
from kata.network.reactor import Reactor, close_with_reset

_CHUNK_BYTES = 65_536

_UNSENT_POLL_SECONDS = 0.001
_SIOCOUTQNSD = 0x894B  # Linux, linux/sockios.h
_SO_NWRITE = 0x1024  # macOS, sys/socket.h


class ProxiedConnection:
    """A client's connection and the one that was opened for it; lives in the reactor's thread."""

    def __init__(
        self,
        reactor: Reactor,
        client: socket.socket,
        upstream: tuple[socket.AddressFamily, tuple[str, int]],
        *,
        on_forwarded: Callable[[int], None],
        on_closed: Callable[["ProxiedConnection"], None],
    ) -> None:
        self._reactor = reactor
        self._client = client
        self._upstream = upstream
        self._on_forwarded = on_forwarded
        self._on_closed = on_closed
        self._server: socket.socket | None = None
        self._connected = False
        self._to_server = Pipe()
        self._to_client = Pipe()
        self._fault = Fault(Mode.PASS)
        self._budget_bytes: int | None = None
        self._lossy = False
        self._closed = False

    def adopt(self, fault: Fault) -> None:
        """Live under this fault from now on."""
        healed = self._fault.mode is Mode.BLACK_HOLE and fault.mode is not Mode.BLACK_HOLE
        self._fault = fault
        doomed = self._budget_bytes == 0
        self._budget_bytes = 0 if doomed else fault.budget_bytes
        # TCP never loses bytes from the middle of a stream: a connection that did cannot go on.
        if fault.mode is Mode.CUT or fault.budget_bytes == 0 or (healed and self._lossy):
            self.reset()
            return
        if fault.mode is Mode.BLACK_HOLE:
            dropped = [self._to_server.drop(), self._to_client.drop()]
            self._lossy = self._lossy or doomed or any(dropped)
            self._budget_bytes = None
            self._watch()
            return
        if self._server is None:
            self._connect()
        if fault.mode not in {Mode.DELAY, Mode.TRICKLE}:
            self._release(float("inf"))
        self._watch()

    def reset(self) -> None:
        """Send RST to both sides."""
        self._close(close_with_reset)

    def _close(self, close: Callable[[socket.socket], None] = socket.socket.close) -> None:
        if self._closed:
            return
        self._closed = True
        self._on_closed(self)  # first, so that whoever sees the end no longer finds the connection counted
        for sock in (self._client, self._server):
            if sock is not None:
                self._reactor.forget(sock)
                close(sock)

    def _connect(self) -> None:
        family, address = self._upstream
        self._server = socket.socket(family, socket.SOCK_STREAM)
        self._server.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.connect_ex(address) not in {0, errno.EINPROGRESS}:
            self.reset()

    def _watch(self) -> None:
        if self._closed:
            return
        silent = self._fault.mode is Mode.BLACK_HOLE
        doomed = self._budget_bytes == 0
        read = self._to_server.hungry and (self._connected or silent) and not doomed
        write = bool(self._to_client.ready) and not doomed
        self._reactor.watch(self._client, _events(read=read, write=write), self._on_client)
        if self._server is not None:
            read = self._to_client.hungry and self._connected and not doomed
            write = bool(self._to_server.ready) or not self._connected
            self._reactor.watch(self._server, _events(read=read, write=write), self._on_server)

    def _on_client(self, events: int) -> None:
        if events & selectors.EVENT_READ and not self._closed:
            self._read(self._client, self._to_server)
        if events & selectors.EVENT_WRITE and not self._closed:
            self._flush()
        self._watch()

    def _on_server(self, events: int) -> None:
        if self._server is None or self._closed:
            return
        if not self._connected:
            if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._break(self._to_client)
            self._connected = True
        elif events & selectors.EVENT_READ:
            self._read(self._server, self._to_client)
        if events & selectors.EVENT_WRITE and not self._closed:
            self._flush()
        self._watch()

    def _read(self, source: socket.socket, pipe: Pipe) -> None:
        try:
            chunk = source.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._break(pipe)
            return
        if not chunk:
            pipe.source_ended = True
        if self._fault.mode is Mode.BLACK_HOLE:
            self._swallow(pipe)
            return
        if pipe is self._to_server and self._budget_bytes is not None:
            chunk = chunk[: self._budget_bytes]
            self._budget_bytes -= len(chunk)
        if self._fault.mode is Mode.DELAY:
            due = time.monotonic() + self._fault.delay_seconds
            pipe.hold(chunk, due)
            self._reactor.at(due, self._on_due)
        elif self._fault.mode is Mode.TRICKLE and pipe is self._to_client:
            self._trickle(chunk)
        else:
            pipe.put(chunk)
            self._flush()

    def _trickle(self, chunk: bytes) -> None:
        due = max(time.monotonic(), self._to_client.last_due)
        for piece in [bytes([byte]) for byte in chunk] or [chunk]:
            due += self._fault.delay_seconds
            self._to_client.hold(piece, due)
            self._reactor.at(due, self._on_due)

    def _swallow(self, pipe: Pipe) -> None:
        if pipe.source_ended and self._server is None:
            self._close()  # the upstream never heard of this connection, so nothing has to be kept up
        self._lossy = True

    def _break(self, pipe: Pipe) -> None:
        """Pass a reset on, unless nothing may pass."""
        if self._fault.mode is Mode.BLACK_HOLE:
            pipe.source_ended = True
            self._swallow(pipe)
        else:
            self.reset()

    def _on_due(self) -> None:
        if not self._closed:
            self._release(time.monotonic())
            self._watch()

    def _release(self, now: float) -> None:
        self._to_server.release(now)
        self._to_client.release(now)
        self._flush()

    def _flush(self) -> None:
        if self._fault.mode is Mode.BLACK_HOLE:
            return
        if self._connected and self._server is not None:
            self._on_forwarded(self._send(self._server, self._to_server))
        self._send(self._client, self._to_client)
        if self._budget_bytes == 0:
            if not self._to_server.ready:
                self._reset_once_sent()
        elif self._to_server.ended and self._to_client.ended:
            self._close()

    def _reset_once_sent(self) -> None:
        # A reset discards what the kernel has yet to send: the server would miss bytes that it was promised.
        if self._closed or self._server is None or self._budget_bytes != 0:
            return
        if _unsent_bytes(self._server):
            self._reactor.at(time.monotonic() + _UNSENT_POLL_SECONDS, self._reset_once_sent)
        else:
            self.reset()

    def _send(self, destination: socket.socket, pipe: Pipe) -> int:
        """Send what the destination takes, and its end after the last byte; return the number of bytes."""
        total = 0
        try:
            while pipe.ready and not self._closed:
                sent = destination.send(pipe.ready[:_CHUNK_BYTES])
                del pipe.ready[:sent]
                total += sent
            if pipe.ending and not pipe.ended and not self._closed:
                destination.shutdown(socket.SHUT_WR)
                pipe.ended = True
        except BlockingIOError:
            pass
        except OSError:
            self.reset()
        return total


def _unsent_bytes(sock: socket.socket) -> int:
    # Not what is unacknowledged: a kernel may wait 40 ms with its acknowledgement, in the hope of an answer.
    if sys.platform == "darwin":
        return sock.getsockopt(socket.SOL_SOCKET, _SO_NWRITE)
    answer = fcntl.ioctl(sock, _SIOCOUTQNSD, struct.pack("i", 0))
    n_bytes: int = struct.unpack("i", answer)[0]
    return n_bytes


def _events(*, read: bool, write: bool) -> int:
    return (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
