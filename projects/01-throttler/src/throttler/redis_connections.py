"""Connections to Redis that never keep a request waiting past its deadline.

Built on redis-py's connections, without its client: on one core, `Redis.evalsha` made 28,000 decisions a
second and the same script over a bare `Connection` 39,000. And neither bounds the look-up of the host's name,
for which getaddrinfo knows no time-out.
"""

import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Protocol

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

TRUSTED_IDLE_SECONDS = 0.1
"""A connection that was in use so short a time ago is not checked, for under load every system call hands the
interpreter's lock over. Less than the circuit breaker's cool-down, after which all are checked."""


class Connection(Protocol):
    """The part of redis-py's connection that is used here, with the types that it does not declare."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self) -> bool: ...
    def pack_command(self, *parts: str | int) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes], *, check_health: bool) -> None: ...
    def read_response(self, *, timeout: float = ...) -> object: ...


class RedisConnections:
    """A stack of idle connections: taken by one thread at a time, and opened when there is none."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        # A pool only for its knowledge of URLs. No retries: they make a refused connection cost seconds.
        # RESP2 and no driver_info: nothing to negotiate, so a new connection costs no round trip of its own.
        self._factory = ConnectionPool.from_url(url, max_connections=2**31)
        self._factory.connection_kwargs |= {
            "protocol": 2,
            "driver_info": None,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
        }
        self._idle: deque[tuple[Connection, float]] = deque()  # its pop and append are atomic

    def take(self) -> Connection | None:
        """Give an idle connection that still lives, if there is one."""
        while True:
            try:
                connection, idle_since = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - idle_since < TRUSTED_IDLE_SECONDS or not _went_stale(connection):
                return connection
            connection.disconnect()

    def give_back(self, connection: Connection) -> None:
        self._idle.append((connection, time.monotonic()))

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop()[0].disconnect()

    def open_ahead(self, count: int, deadline: float) -> None:
        """Have as many idle connections, if that many can be opened by the deadline."""
        with suppress(RedisError, OSError):
            for _ in range(count - len(self._idle)):
                self.give_back(self.open(deadline))

    def open(self, deadline: float) -> Connection:
        """Give a new connection.

        Raises: RedisError, OSError, TimeoutError at the deadline (of time.monotonic).
        """
        opened: Future[Connection] = Future()
        threading.Thread(target=self._connect, args=(opened,), name="redis-connect", daemon=True).start()
        try:
            return opened.result(timeout=deadline - time.monotonic())
        except TimeoutError:
            if opened.cancel():
                raise
            return opened.result()  # it arrived between the two lines
        except ValueError as exc:  # a host name that cannot be one
            raise ConnectionError(str(exc)) from exc

    def _connect(self, opened: Future[Connection]) -> None:
        connection: Connection = self._factory.make_connection()
        try:
            connection.connect()
        except Exception as exc:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            if opened.set_running_or_notify_cancel():
                opened.set_exception(exc)
            return
        if opened.set_running_or_notify_cancel():
            opened.set_result(connection)
        else:
            connection.disconnect()


def _went_stale(connection: Connection) -> bool:
    """Tell whether an idle connection has something to say: between requests that can only be its end.

    Without this, every connection of the stack would fail a request of its own after Redis was restarted.
    """
    try:
        return connection.can_read()
    except (RedisError, OSError):
        return True
