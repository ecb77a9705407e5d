"""Bodies as they are announced and sent by hand: in chunks, or not before they are wanted."""

import socket
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from kata.steps import expect

from .store import NO_HEADERS, Store

CHUNK_BYTES = 60_000


def digest(body: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def in_chunks(body: bytes, *, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


def connected(store: Store, *, process: int = 0) -> socket.socket:
    address = urlsplit(store.service.urls[process])
    return socket.create_connection((address.hostname or "", address.port or 80), 5)


def first_answer(
    store: Store, key: bytes, headers: Mapping[str, str] = NO_HEADERS, *, process: int = 0
) -> bytes:
    """Send a head that waits to be told to go on, and return the first that comes."""
    spelling = store.draw.choice(("100-continue", "100-Continue"))
    with connected(store, process=process) as connection:
        connection.sendall(store.head("PUT", key, {**headers, "Expect": spelling}))
        return connection.recv(65_536)


def comes_first(came: bytes, status: int, what: str) -> None:
    """Expect a refusal, and no 100 before it."""
    is_first = came.startswith(f"HTTP/1.1 {status} ".encode())
    got = came[:40].decode("latin-1") or "the connection closed"
    expect(is_first, expected=f"{status} first, for {what}", got=got)
