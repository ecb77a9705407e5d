import heapq
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from itertools import count

from kata.errors import KataError

_ACCEPTS_PER_TURN = 64
_RETRY_ACCEPT_SECONDS = 0.05
_CLOSED = -1


class Reactor:
    """One thread that waits for sockets and moments, and between them does what other threads ask for.

    Everything but `call` and `stop` is for that thread only, which is why nothing here needs a lock
    but the mailbox.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._selector = selectors.DefaultSelector()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._bell.setblocking(False)  # noqa: FBT003
        self._selector.register(self._ear, selectors.EVENT_READ, self._hear)
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._mailbox: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._lock = threading.Lock()
        self._open = True
        self._broken: BaseException | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a second call changes nothing."""
        with suppress(KataError):
            self.call(self._stop)
        self._thread.join()

    def call(self, action: Callable[[], None]) -> None:
        """Run the action in the reactor's thread and return when it is done; its exception is raised here."""
        done: Future[None] = Future()
        with self._lock:
            if not self._open:
                raise KataError(f"{self._name} is not running") from self._broken
            self._mailbox.append((action, done))
            with suppress(BlockingIOError):  # the bell rings already
                self._bell.send(b"\0")
        done.result()

    def watch(self, sock: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the events that the socket is ready for; no events: leave it in peace."""
        key = self._selector.get_map().get(sock)
        if not events:
            self.forget(sock)
        elif key is None:
            self._selector.register(sock, events, callback)
        elif key.events != events:
            self._selector.modify(sock, events, callback)

    def forget(self, sock: socket.socket) -> None:
        """Watch it no longer; to be called before it is closed."""
        if sock.fileno() != _CLOSED and sock in self._selector.get_map():
            self._selector.unregister(sock)

    def at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once the monotonic clock has reached the moment, never before."""
        heapq.heappush(self._timers, (moment, next(self._order), callback))

    def accept(self, listener: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        """Pass on each connection that comes in, until the listener is no longer watched or is closed."""

        def take(_events: int) -> None:
            for _ in range(_ACCEPTS_PER_TURN):
                if listener.fileno() == _CLOSED:  # earlier in this turn, or by the welcome of the one before
                    return
                try:
                    sock, _ = listener.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    return
                except OSError:  # out of file descriptors: to watch on would be a busy loop
                    self.forget(listener)
                    self.at(time.monotonic() + _RETRY_ACCEPT_SECONDS, resume)
                    return
                sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                welcome(sock)

        def resume() -> None:
            if listener.fileno() != _CLOSED:
                self.watch(listener, selectors.EVENT_READ, take)

        listener.setblocking(False)  # noqa: FBT003
        resume()

    def _stop(self) -> None:
        self._stopping = True

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except BaseException as error:
            self._broken = error
            raise
        finally:
            with self._lock:
                self._open = False
                abandoned, self._mailbox = self._mailbox, deque()
            for _, done in abandoned:
                done.set_exception(KataError(f"{self._name} has stopped"))
            self._selector.close()
            self._ear.close()
            self._bell.close()

    def _turn(self) -> None:
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        for key, events in self._selector.select(timeout):
            callback: Callable[[int], None] = key.data
            callback(events)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def _hear(self, _events: int) -> None:
        # Before the mailbox is emptied: a call that arrives in between rings again.
        with suppress(BlockingIOError):
            while self._ear.recv(4096):
                pass
        while self._mailbox:
            action, done = self._mailbox.popleft()
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                done.set_exception(error)
            else:
                done.set_result(None)


def close_with_reset(sock: socket.socket) -> None:
    """Close so that the other side gets RST instead of FIN."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
