"""The outside world that a solution calls: an HTTP server that answers as told and remembers everything."""

import socket
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from kata.errors import KataError, LaunchError
from kata.network.callbacks import Received, Reply
from kata.network.http_connection import HttpConnection
from kata.network.reactor import Reactor

_BACKLOG = 1024
_MOST_REQUESTS = 200_000


class CallbackServer:
    """Takes in requests on any path, in one background thread; the answer is 204 unless programmed."""

    def __init__(self, listen_host: str = "127.0.0.1", *, url_host: str | None = None) -> None:
        """Listen on the one address and be known by the other, as containers know this machine by another."""
        self._listen_host = listen_host
        self._url_host = url_host or listen_host
        self._running: Reactor | None = None
        self._listener: socket.socket | None = None
        self._connections: set[HttpConnection] = set()
        self._changed = threading.Condition()
        self._replies: dict[str, list[Reply]] = {}
        self._requests: list[Received] = []
        self._numbers: dict[str, list[int]] = {}

    def start(self) -> None:
        """Begin to listen.

        Raises:
            LaunchError: this machine does not have the address.

        """
        try:
            self._listener = socket.create_server((self._listen_host, 0), backlog=_BACKLOG)
        except OSError as error:
            raise LaunchError(
                f"no callback server can listen on {self._listen_host}: {error.strerror}"
            ) from error
        self._running = Reactor("the callback server")
        self._running.call(self._listen)

    def stop(self) -> None:
        """Reset every connection; what was received stays. A second call changes nothing."""
        if self._running is None:
            return
        self._running.call(self._shut_down)
        self._running.stop()
        self._running = None

    def url(self, path: str) -> str:
        """Return the address of the path, as the solution can reach it."""
        if self._listener is None:
            raise LaunchError("the callback server is not started, and has no address")
        return f"http://{self._url_host}:{self._listener.getsockname()[1]}{path}"

    def program(self, path: str, *replies: Reply) -> None:
        """Answer the next requests on this path with the replies in turn, and any more with the last one."""
        if not replies:
            raise ValueError("a program has at least one reply")
        with self._changed:
            self._replies[path] = list(replies)

    def received(self, path: str) -> list[Received]:
        """Return the requests on this path so far, in the order in which they were complete."""
        with self._changed:
            return self._so_far(path)

    def wait_for(self, path: str, count: int, timeout_seconds: float) -> list[Received]:
        """Return the requests on this path when `count` have come, or fewer when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._numbers.get(path, ())) >= count, timeout_seconds)
            return self._so_far(path)

    def accept(self, request: Received) -> tuple[int, Reply]:
        """Record the request; for the server's own connections."""
        with self._changed:
            number = len(self._requests)
            if number >= _MOST_REQUESTS:
                return number, Reply.reset()
            self._requests.append(request)
            self._numbers.setdefault(request.path, []).append(number)
            self._changed.notify_all()
            replies = self._replies.get(request.path, [Reply()])
            return number, replies.pop(0) if len(replies) > 1 else replies[0]

    def finish(self, number: int, moment: float) -> None:
        """Record the end of a request; for the server's own connections."""
        with self._changed:
            if number < len(self._requests):
                self._requests[number] = replace(self._requests[number], finished=moment)

    def forget(self, connection: HttpConnection) -> None:
        """Forget a connection; for the callback server's own."""
        self._connections.discard(connection)

    def _so_far(self, path: str) -> list[Received]:
        if len(self._requests) >= _MOST_REQUESTS:
            raise KataError(f"the callback server has had {_MOST_REQUESTS} requests, and records no more")
        return [self._requests[number] for number in self._numbers.get(path, ())]

    def _listen(self) -> None:
        if self._running is not None and self._listener is not None:
            self._running.accept(self._listener, self._welcome)

    def _welcome(self, sock: socket.socket) -> None:
        if self._running is not None:
            self._connections.add(HttpConnection(self._running, sock, self))

    def _shut_down(self) -> None:
        if self._running is not None and self._listener is not None:
            self._running.forget(self._listener)
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.reset()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
