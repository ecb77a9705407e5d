"""How an event reaches its destination: the bytes as they came, under the same id, signed anew.

An HTTP client would refuse an answer with a single line in its head that is not as it should be. Here its
status decides, so the answer is read as far as it is needed: the first line, and Retry-After.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx

from webhooks.domain import Claim, Outcome, Result, Scheme
from webhooks.egress import EgressGuard
from webhooks.errors import InvalidFieldError
from webhooks.keys import key_of
from webhooks.signatures import signed_headers

USER_AGENT: Final = "webhooks/1"
LONGEST_ERROR: Final = 200
STATUS_LINE: Final = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")


class Forwarder:
    """Posts events, each to the address of its destination that was checked, and follows no redirect."""

    def __init__(self, guard: EgressGuard, timeout_seconds: float) -> None:
        self._guard = guard
        self._timeout_seconds = timeout_seconds
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def forward(self, claim: Claim) -> Result:
        """Make one attempt, within the time for one; what goes wrong is in the result, not raised."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(claim, datetime.now(UTC))
        except TimeoutError:
            return Result(Outcome.FAILED, error=f"no answer within {self._timeout_seconds:g} s")
        except InvalidFieldError as error:
            return Result(Outcome.FAILED, error=f"refused: {error.reason}")
        except (OSError, EOFError, ValueError) as error:
            return Result(Outcome.FAILED, error=describe(error))

    async def _post(self, claim: Claim, now: datetime) -> Result:
        url = self._guard.check(claim.destination)
        _, key = key_of(Scheme.STANDARD, claim.signing_secret)
        headers = signed_headers(key, claim.message_id, now, claim.body) | {
            "webhook-attempt": str(claim.attempt_count),
            "User-Agent": USER_AGENT,
            "Content-Length": str(len(claim.body)),
            "Connection": "close",
        }
        if claim.content_type is not None:
            headers["Content-Type"] = claim.content_type
        reader, writer = await self._connect(url)
        try:
            writer.write(head_of(url, headers) + claim.body)
            return result_of(*await read_head(reader), now)
        finally:
            writer.transport.abort()  # the status is the answer, and the body may have no end

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


def result_of(status_code: int, retry_after: str, now: datetime) -> Result:
    """Turn an answer into a result: 2xx is success, 410 is final, all else is tried again."""
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        return Result(Outcome.FORWARDED, status_code)
    if status_code == HTTPStatus.GONE:
        return Result(Outcome.GONE, status_code, "the destination answered 410 Gone")
    wait_seconds = retry_after_seconds(retry_after, now)
    return Result(Outcome.FAILED, status_code, f"the destination answered {status_code}", wait_seconds)


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
