"""A POST to a destination that somebody else has named: bounded in time, to the address that was checked.

An HTTP client would refuse an answer with a single line in its head that is not as it should be. Here its
status decides, so the answer is read as far as it is needed: the first line, and Retry-After. No redirect is
followed.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, NamedTuple

import httpx

from service_kit.egress import EgressGuard

LONGEST_ERROR: Final = 200
STATUS_LINE: Final = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")


class Answer(NamedTuple):
    """What a destination has answered."""

    status: int
    retry_after_seconds: float | None


class Poster:
    """Posts to destinations, each at the address that was checked."""

    def __init__(self, guard: EgressGuard, timeout_seconds: float) -> None:
        self._guard = guard
        self.timeout_seconds = timeout_seconds
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def post(self, destination: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer's status, whatever it is.

        Raises: RefusedDestinationError; TimeoutError; OSError, EOFError and ValueError for what is no answer.
        """
        async with asyncio.timeout(self.timeout_seconds):
            url = self._guard.check(destination)
            reader, writer = await self._connect(url)
            own = {"Content-Length": str(len(body)), "Connection": "close"}
            try:
                writer.write(head_of(url, {**headers, **own}) + body)
                status, retry_after = await read_head(reader)
            finally:
                writer.transport.abort()  # the status is the answer, and the body may have no end
        return Answer(status, retry_after_seconds(retry_after, datetime.now(UTC)))

    async def _connect(self, url: httpx.URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address of the host that can be connected to."""
        is_secure = url.scheme == "https"
        context, name = (self._tls, url.raw_host.decode("ascii")) if is_secure else (None, None)
        port = url.port or (443 if is_secure else 80)
        *others, last = map(str, await self._guard.resolve(url))
        for address in others:
            with suppress(OSError):
                return await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
        return await asyncio.open_connection(last, port, ssl=context, server_hostname=name)


def head_of(url: httpx.URL, headers: Mapping[str, str]) -> bytes:
    lines = [f"Host: {url.netloc.decode('ascii')}", *(f"{name}: {value}" for name, value in headers.items())]
    return b"POST %b HTTP/1.1\r\n%b\r\n\r\n" % (url.raw_path, "\r\n".join(lines).encode("latin-1"))


async def read_line(reader: asyncio.StreamReader) -> bytes:
    """Return a line; of one that is longer than 64 KiB only that there was one."""
    try:
        return await reader.readline()
    except ValueError:
        return b"too long\n"


async def read_head(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Return the status of an answer, and its Retry-After, when its head is complete.

    Raises: EOFError, OSError.
    """
    while True:
        first = STATUS_LINE.fullmatch(await read_line(reader))
        if first is None:
            raise EOFError("no answer in HTTP/1.1")
        retry_after = ""
        while (line := await read_line(reader)) not in {b"\r\n", b"\n"}:
            if not line.endswith(b"\n"):
                raise EOFError("the answer was broken off")
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "retry-after":
                retry_after = value
        if (status := int(first[1])) >= HTTPStatus.OK:  # below that another answer follows
            return status, retry_after


def retry_after_seconds(value: str, now: datetime) -> float | None:
    """Read Retry-After, seconds or a date; None if it is neither, or past.

    Source: RFC 9110, section 10.2.3.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    try:
        wait_seconds = (parsedate_to_datetime(text).replace(tzinfo=UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return wait_seconds if wait_seconds > 0 else None


def describe(error: Exception) -> str:
    """Say what went wrong in one line that any database takes: parts of it may come from the destination."""
    line = ascii(f"{type(error).__name__}: {error}".rstrip(": "))[1:-1]
    return line[:LONGEST_ERROR]
