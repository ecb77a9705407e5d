"""Who asks for an entry, and is ready to wait for it."""

import http.client
import select
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from kata.steps import Exchange, describe_answer, expect

from .store import NO_HEADERS, NOT_FOUND, Store, in_doubt

ANSWER_SECONDS = 12.0
FIELD = "cache-lease"


@dataclass
class Asker:
    """A request of which the last byte is sent when it is released."""

    connection: socket.socket
    last: bytes
    asked: str
    sent: float = 0.0

    def release(self) -> None:
        self.sent = time.monotonic()
        self.connection.sendall(self.last)

    @property
    def is_answered(self) -> bool:
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0))

    def answer(self) -> Exchange:
        try:
            with http.client.HTTPResponse(self.connection) as answer:
                answer.begin()
                body = answer.read()
                headers = tuple(answer.getheaders())
                return Exchange(self.sent, time.monotonic(), answer.status, headers, body, asked=self.asked)
        except TimeoutError:
            error = f"no complete answer within {ANSWER_SECONDS:g} s"
        except (OSError, http.client.HTTPException) as problem:
            error = f"{type(problem).__name__}: {problem}"
        return Exchange(self.sent, time.monotonic(), 0, error=error, asked=self.asked)


def asker(
    store: Store, stack: ExitStack, key: bytes, headers: Mapping[str, str], *, process: int = 0
) -> Asker:
    """Connect, and send all but the last byte."""
    address = urlsplit(store.service.urls[process])
    connection = socket.create_connection((address.hostname or "", address.port or 80), ANSWER_SECONDS)
    stack.enter_context(connection)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = store.head("GET", key, headers)
    connection.sendall(head[:-1])
    return Asker(connection, head[-1:], f"GET with {dict(headers)} of process {process}")


def waiting(
    store: Store,
    stack: ExitStack,
    key: bytes,
    seconds: int,
    *,
    process: int = 0,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Asker:
    """Ask, and be ready to wait."""
    made = asker(store, stack, key, {"Prefer": f"wait={seconds}", **headers}, process=process)
    made.release()
    return made


def first_answered(askers: Iterable[Asker], timeout_seconds: float = ANSWER_SECONDS) -> Asker | None:
    """Wait until one of them has its answer."""
    all_of_them = list(askers)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        for one in all_of_them:
            if one.is_answered:
                return one
        time.sleep(0.005)
    return None


def lease_of(answer: Exchange, ttl_seconds: str) -> str:
    """Return what has to come back: the token as it was written. Raises: CheckFailedError."""
    told = answer.header(FIELD) or ""
    token, _, parameter = told.partition(";")
    is_lease = answer.status == NOT_FOUND and token[:1] == token[-1:] == '"' and len(token) > 2
    got = f"{describe_answer(answer)}, Cache-Lease: {told or 'none'}"
    expect(
        is_lease and parameter.strip() == f"ttl={ttl_seconds}",
        expected=f'404 with Cache-Lease: "…";ttl={ttl_seconds} for {answer.asked}',
        got=got,
        answer=answer,
        timing=in_doubt(answer),
    )
    return token


def is_awaited(answer: Exchange) -> None:
    """Expect 404 without a lease: somebody else fills it."""
    again = answer.header("retry-after") or ""
    is_so = answer.status == NOT_FOUND and answer.header(FIELD) is None and again.isdigit()
    expect(
        is_so,
        expected=f"404 with Retry-After and without Cache-Lease for {answer.asked}",
        got=f"{describe_answer(answer)}, Cache-Lease: {answer.header(FIELD)}, Retry-After: {again or None}",
        answer=answer,
        timing=in_doubt(answer),
    )


def has_no_lease(answer: Exchange, who: str = "") -> None:
    """Expect a plain 404."""
    again = answer.header("retry-after")
    plain = answer.header(FIELD) is None and again is None
    expect(
        answer.status == NOT_FOUND and plain,
        expected=f"404 without Cache-Lease and without Retry-After for {answer.asked}{who}",
        got=f"{describe_answer(answer)}, Cache-Lease: {answer.header(FIELD)}, Retry-After: {again}",
        answer=answer,
    )
