"""Conversations of threads with Redis that never last longer than their deadline.

A socket and hiredis's parser, without a client between them. The waiting is left to the kernel (SO_RCVTIMEO):
one system call for an answer. With Python's own time-out it is two, and each hands the interpreter's lock
over and has to get it back. Names are looked up in a thread, because getaddrinfo knows no time-out.
"""

import os
import selectors
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from weakref import WeakSet

from hiredis import HiredisError, Reader

from redis_wire._address import Address, kernel_timeout
from redis_wire._commands import WithText, checked, lacks_script
from redis_wire._errors import RedisUnavailableError

TRUSTED_IDLE_SECONDS = 0.1
"""A connection that was in use so short a time ago is not checked: under load every system call counts. Less
than what a caller waits after a loss before it asks again."""

RECEIVE_BYTES = 65_536

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # epoll would need a file of its own


class Connection:
    """One connection: for one thread at a time."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._reader = Reader()
        self._socket = _connected(address, timeout_seconds)
        self.idle_since = 0.0
        try:
            for greeting in address.greetings:
                checked(self.ask(greeting, time.monotonic() + timeout_seconds))
            if address.tls is None and os.name == "posix":
                self._leave_time_outs_to_kernel()
        except BaseException:
            self.close()
            raise

    def ask(self, command: bytes, deadline: float) -> object:
        """Send one command and return the reply, which may be a ReplyError.

        Raises: OSError, HiredisError, RedisUnavailableError.
        """
        self._socket.sendall(command)
        reader = self._reader
        while True:
            received = self._socket.recv(RECEIVE_BYTES)
            if not received:
                raise RedisUnavailableError("Redis closed the connection")
            reader.feed(received)
            reply = reader.gets()
            if reply is not False:
                return reply
            if time.monotonic() > deadline:  # a reply in pieces: each of them had the whole time
                raise TimeoutError("the reply of Redis came in pieces, too slowly")

    def is_stale(self) -> bool:
        """Tell whether it has something to say: between conversations that can only be its end.

        Without this, every idle connection would fail a request of its own after Redis was restarted.
        """
        with _Selector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(0))

    def close(self) -> None:
        self._socket.close()

    def _leave_time_outs_to_kernel(self) -> None:
        self._socket.settimeout(None)
        timeval = kernel_timeout(self._timeout_seconds)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def _connected(address: Address, timeout_seconds: float) -> socket.socket:
    if address.path:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(address.path)
        except OSError:
            connection.close()
            raise
        return connection
    connection = socket.create_connection((address.host, address.port), timeout_seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls is not None:
        return address.tls.wrap_socket(connection, server_hostname=address.host)
    return connection


class Sockets:
    """Connections of all threads: each is taken by one at a time, and opened when none is idle."""

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._idle: deque[Connection] = deque()  # its pop and append are atomic
        _ALL.add(self)

    def ask(self, command: bytes) -> object:
        """Send one command and return the reply, which may be a ReplyError.

        There are no retries: they would not fit into the time, and after a lost reply one might charge twice.

        Raises: RedisUnavailableError, about `timeout_seconds` later at the latest.
        """
        deadline = time.monotonic() + self._timeout_seconds
        connection = self._take()
        try:
            if connection is None:
                connection = self._open(deadline)
            reply = connection.ask(command, deadline)
        except (OSError, ValueError, HiredisError, RedisUnavailableError) as exc:
            if connection is not None:
                connection.close()
            raise RedisUnavailableError(f"{type(exc).__name__}: {exc}") from exc
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        return reply

    def run_script(self, by_hash: bytes, with_text: WithText) -> object:
        """Send a script's call, once more with its text where Redis does not have it.

        Raises: RedisUnavailableError.
        """
        reply = self.ask(by_hash)
        return self.ask(with_text()) if lacks_script(reply) else reply

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection | None:
        """Give an idle connection that still lives, if there is one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            idle_seconds = time.monotonic() - connection.idle_since
            if idle_seconds < TRUSTED_IDLE_SECONDS or not connection.is_stale():
                return connection
            connection.close()

    def _open(self, deadline: float) -> Connection:
        opened: Future[Connection] = Future()
        threading.Thread(target=self._connect, args=(opened,), name="redis-connect", daemon=True).start()
        try:
            return opened.result(timeout=max(deadline - time.monotonic(), 0))
        except TimeoutError:
            if opened.cancel():
                raise
            return opened.result()  # it arrived between the two lines

    def _connect(self, opened: Future[Connection]) -> None:
        try:
            connection = Connection(self._address, self._timeout_seconds)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            if opened.set_running_or_notify_cancel():
                opened.set_exception(exc)
            return
        if opened.set_running_or_notify_cancel():
            opened.set_result(connection)
        else:
            connection.close()

    def forget(self) -> None:
        """Leave the connections to the parent process, whose they are."""
        self._idle.clear()


_ALL: WeakSet[Sockets] = WeakSet()


def _after_fork() -> None:
    for sockets in _ALL:
        sockets.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
