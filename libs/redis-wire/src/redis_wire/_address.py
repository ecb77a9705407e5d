"""Where a Redis is, as its URL says."""

import ssl
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.connection import parse_url

from redis_wire._commands import command
from redis_wire._errors import RedisUrlError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Redis is and what it has to be told first."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""
    """Of a Unix socket, in place of host and port."""
    tls: ssl.SSLContext | None = None
    greetings: tuple[bytes, ...] = ()
    """Commands that a new connection begins with: AUTH and SELECT."""


def parse_address(url: str) -> Address:
    """Read `redis://`, `rediss://` or `unix://`, with user, password, host, port and database.

    Raises: RedisUrlError.
    """
    try:
        parts = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py leaves it undeclared
    except ValueError as exc:
        raise RedisUrlError(f"not the URL of a Redis: {exc}") from None
    known = {"username", "password", "host", "port", "db", "path", "connection_class"}
    if unknown := set(parts) - known:
        raise RedisUrlError(f"cannot be set in the URL: {', '.join(sorted(unknown))}; pass a client instead")
    greetings = []
    if password := parts.get("password"):
        user = [str(parts["username"]).encode()] if parts.get("username") else []
        greetings.append(command(b"AUTH", *user, str(password).encode()))
    if database := int(parts.get("db", 0)):
        greetings.append(command(b"SELECT", b"%d" % database))
    return Address(
        host=str(parts.get("host", "localhost")),
        port=int(parts.get("port", 6379)),
        path=str(parts.get("path", "")),
        tls=ssl.create_default_context() if urlsplit(url).scheme == "rediss" else None,
        greetings=tuple(greetings),
    )


def kernel_timeout(seconds: float) -> bytes:
    """Pack a time-out for SO_RCVTIMEO: a struct timeval."""
    whole = int(seconds)
    return struct.pack("@ll", whole, max(int((seconds - whole) * 1_000_000), 1))
