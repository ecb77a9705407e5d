"""What a destination may do to who calls it: a real server on this machine answers in each way."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from service_kit.egress import EgressGuard, RefusedDestinationError
from service_kit.outgoing import Answer, Poster, retry_after_seconds

PATIENCE_SECONDS = 0.5
NOW = datetime(2026, 11, 20, 9, 0, 0, 250_000, UTC)


async def posted(reply: bytes, *, silent: bool = False, allow_private: bool = True) -> tuple[Answer, bytes]:
    """Post to a server that answers so; return what came back, and what it was sent."""
    sent = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent.extend(await reader.readuntil(b"\r\n\r\n"))
        sent.extend(await reader.readexactly(5))
        writer.write(reply)
        await writer.drain()
        if silent:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        poster = Poster(EgressGuard(allow_private=allow_private), PATIENCE_SECONDS)
        answer = await poster.post(f"http://127.0.0.1:{port}/hook?a=b", {"X-Kind": "tea"}, b"hello")
    return answer, bytes(sent)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, None)),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", Answer(302, None)),
        (b"HTTP/1.1 503 \r\nRetry-After: 7\r\n\r\n", Answer(503, 7.0)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Answer(200, None)),
    ],
)
def test_the_status_is_the_answer_and_no_redirect_is_followed(reply: bytes, answer: Answer) -> None:
    found, sent = asyncio.run(posted(reply))
    assert found == answer
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"X-Kind: tea" in head
    assert b"Content-Length: 5" in head
    assert body == b"hello"


def test_an_answer_without_end_is_not_waited_for() -> None:
    found, _ = asyncio.run(posted(b"HTTP/1.1 200 OK\r\n\r\nand so on", silent=True))
    assert found.status == 200


def test_silence_is_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(posted(b"", silent=True))
    assert time.monotonic() - began < PATIENCE_SECONDS + 2


@pytest.mark.parametrize("reply", [b"", b"SMTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nbroken"])
def test_what_is_no_answer_is_an_error(reply: bytes) -> None:
    with pytest.raises((EOFError, OSError)):
        asyncio.run(posted(reply))


def test_a_private_destination_is_not_called() -> None:
    with pytest.raises(RefusedDestinationError):
        asyncio.run(posted(b"HTTP/1.1 204 \r\n\r\n", allow_private=False))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9" * 400, float("inf")),
        ("Fri, 20 Nov 2026 09:00:10 GMT", 9.75),
        ("Fri, 20 Nov 2026 08:00:00 GMT", None),
        ("Friday, 20-Nov-26 09:00:10 GMT", 9.75),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds
