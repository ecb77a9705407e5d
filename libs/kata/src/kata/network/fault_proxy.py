"""A TCP proxy between a solution and a dependency, which fails on command in the ways that networks do."""

import socket
import sys
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from kata.errors import LaunchError
from kata.network.faults import Fault, Mode
from kata.network.proxied_connection import ProxiedConnection
from kata.network.reactor import Reactor

_BACKLOG = 1024


class FaultProxy:
    """Forwards to the upstream address until told to fail.

    Each method that changes the mode returns when the change is in force for live and new connections, and
    can be used in a `with` statement, which ends in `pass_through`. When the upstream refuses or resets a
    connection, the client's is reset.
    """

    def __init__(
        self, upstream_host: str, upstream_port: int, listen_host: str = "127.0.0.1", port: int | None = None
    ) -> None:
        self._upstream_host = upstream_host
        self._upstream_port = upstream_port
        self._listen_host = listen_host
        self._wanted_port = port
        self._running: Reactor | None = None
        self._keeper: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._proxied: set[ProxiedConnection] = set()
        self._fault = Fault(Mode.PASS)
        self.connections = 0
        self.bytes_to_server = 0

    @property
    def port(self) -> int:
        """The port to connect to, the same for the whole life of the proxy."""
        if self._keeper is None:
            raise LaunchError("the proxy is not started, and has no port")
        port: int = self._keeper.getsockname()[1]
        return port

    @property
    def mode(self) -> Mode:
        return self._fault.mode

    @property
    def live_connections(self) -> int:
        return len(self._proxied)

    def start(self) -> None:
        """Begin to listen.

        Raises:
            LaunchError: the port is taken, or a host name is unknown.

        """
        try:
            self._upstream = _resolve(self._upstream_host, self._upstream_port)
            # This socket never listens. It holds the port while the proxy is cut, so that nobody else gets it
            # and the kernel refuses whoever connects.
            self._keeper = _bound(self._listen_host, self._wanted_port or 0)
        except OSError as error:
            wanted = f"{self._listen_host}:{self._wanted_port or 'any port'}"
            upstream = f"{self._upstream_host}:{self._upstream_port}"
            raise LaunchError(f"no proxy from {wanted} to {upstream}: {error.strerror}") from error
        self._running = Reactor(f"the proxy to {self._upstream_host}:{self._upstream_port}")
        self._running.call(self._open)

    def stop(self) -> None:
        """Reset every connection and give the port back; a second call changes nothing."""
        if self._running is None or self._keeper is None:
            return
        try:
            self._running.call(self._shut_down)
        finally:
            self._running.stop()
            self._keeper.close()
            self._running = self._keeper = None

    @property
    def _reactor(self) -> Reactor:
        if self._running is None:
            raise LaunchError("the proxy is not started")
        return self._running

    def pass_through(self) -> None:
        """Forward everything, beginning with what a delay still held back.

        Connections from which a black hole swallowed something are reset; the others live on.
        """
        self._set(Fault(Mode.PASS))

    def delay(self, seconds: float) -> AbstractContextManager[object]:
        """Hand on every byte, and every end, so much later, in order, without a limit on bandwidth."""
        return self._set(Fault(Mode.DELAY, delay_seconds=seconds))

    def trickle(self, seconds: float) -> AbstractContextManager[object]:
        """Hand what the server says on byte by byte, each so much behind the one before it."""
        return self._set(Fault(Mode.TRICKLE, delay_seconds=seconds))

    def cut(self) -> AbstractContextManager[object]:
        """Refuse new connections, and reset the live ones."""
        return self._set(Fault(Mode.CUT))

    def black_hole(self) -> AbstractContextManager[object]:
        """Accept connections and bytes, and let nothing through either way: not even an end or a reset."""
        return self._set(Fault(Mode.BLACK_HOLE))

    def reset_after(self, n_bytes: int) -> AbstractContextManager[object]:
        """Forward the next `n_bytes` from the client on each connection, then reset both sides.

        The server has these bytes before the reset. With 0, connections are reset at once.
        """
        return self._set(Fault(Mode.RESET_AFTER, budget_bytes=n_bytes))

    def _set(self, fault: Fault) -> AbstractContextManager[object]:
        self._reactor.call(lambda: self._enter(fault))
        restore = ExitStack()
        restore.callback(self._restore)
        return restore

    def _restore(self) -> None:
        if self._running is not None:
            self.pass_through()

    def _enter(self, fault: Fault) -> None:
        self._fault = fault
        if fault.mode is Mode.CUT:
            self._refuse()
        else:
            self._open()
        for connection in list(self._proxied):
            connection.adopt(fault)

    def _open(self) -> None:
        if self._listener is None:
            self._listener = _bound(self._listen_host, self.port)
            self._listener.listen(_BACKLOG)
            self._reactor.accept(self._listener, self._welcome)

    def _refuse(self) -> None:
        if self._listener is not None:
            self._reactor.forget(self._listener)
            self._listener.close()
            self._listener = None

    def _shut_down(self) -> None:
        self._refuse()
        for connection in list(self._proxied):
            connection.reset()

    def _welcome(self, client: socket.socket) -> None:
        connection = ProxiedConnection(
            self._reactor,
            client,
            self._upstream,
            on_forwarded=self._forwarded,
            on_closed=self._proxied.discard,
        )
        self.connections += 1
        self._proxied.add(connection)
        connection.adopt(self._fault)

    def _forwarded(self, n_bytes: int) -> None:
        self.bytes_to_server += n_bytes

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, (str(address[0]), port)


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that shares the port with others of its kind, of which Linux lets one listen."""
    family, address = _resolve(host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "darwin":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
