import asyncio
import base64
import hashlib
import hmac
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from reminders.delivery import LogChannel, WebhookChannel
from reminders.domain import Channel, Claim, Draft, Outcome, Result, State
from reminders.lifecycle import begun
from service_kit.egress import EgressGuard
from service_kit.outgoing import Poster

NOW = datetime(2026, 11, 20, 9, 0, 0, 250_000, tzinfo=UTC)
PATIENCE_SECONDS = 5.0
KEY = b"k" * 32

pytestmark = pytest.mark.anyio


def claim(url: str | None) -> Claim:
    draft = Draft("tea", NOW - timedelta(seconds=1), Channel.WEBHOOK, url)
    reminder = begun(UUID(int=7), draft, NOW)
    return Claim(replace(reminder, state=State.DELIVERING, occurrence=2, attempt_count=4), token=3)


@pytest.fixture
def webhook() -> WebhookChannel:
    return WebhookChannel(Poster(EgressGuard(allow_private=True), PATIENCE_SECONDS), None)


async def answered(webhook: WebhookChannel, *parts: bytes) -> Result:
    """Deliver to a receiver that answers with these bytes, and then neither says more nor closes."""
    done = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(parts))
        await done.wait()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        try:
            async with asyncio.timeout(5):
                return await webhook.deliver(
                    claim(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"), NOW
                )
        finally:
            done.set()


async def test_the_receiver_gets_json_with_a_key_that_stays_the_same(
    webhook: WebhookChannel, callback_server: CallbackServer
) -> None:
    result = await webhook.deliver(claim(callback_server.url("/hook?a=b")), NOW)
    assert result == Result(Outcome.DELIVERED, 204)
    (request,) = callback_server.received("/hook")
    assert (request.method, request.target) == ("POST", "/hook?a=b")
    assert request.header("content-type") == "application/json"
    assert request.header("idempotency-key") == f"{UUID(int=7)}:2"
    assert request.header("user-agent") == "reminders/1"
    assert request.header("webhook-signature") is None
    assert request.json() == {
        "reminder_id": str(UUID(int=7)),
        "occurrence": 2,
        "attempt": 4,
        "message": "tea",
        "remind_at": "2026-11-20T08:59:59.250000Z",
        "sent_at": "2026-11-20T09:00:00.250000Z",
    }


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_any_2xx_is_success(
    webhook: WebhookChannel, callback_server: CallbackServer, status: int
) -> None:
    callback_server.program("/hook", Reply(status))
    assert (await webhook.deliver(claim(callback_server.url("/hook")), NOW)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("status", [300, 400, 404, 409, 429, 500, 503])
async def test_anything_else_is_a_failure(
    webhook: WebhookChannel, callback_server: CallbackServer, status: int
) -> None:
    callback_server.program("/hook", Reply(status))
    result = await webhook.deliver(claim(callback_server.url("/hook")), NOW)
    assert (result.outcome, result.status_code) == (Outcome.FAILED, status)
    assert result.error == f"the receiver answered {status}"


MALFORMED = [
    b"X A: b",
    b"no colon",
    b": no name",
    b" folded",
    b"Content-Length: many",
    b"Content-Length: -1",
    b"Content-Length: 1\r\nContent-Length: 2",
    b"Content-Length: 18446744073709551616",
    b"Transfer-Encoding: nonsense",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3",
    b"X: \x00\x01\xff",
    b"X: " + b"y" * 200_000,
    b"\r\r",
    b"HTTP/1.1 500 Not a header",
]


@pytest.mark.parametrize("line", MALFORMED)
async def test_the_status_decides_whatever_else_the_head_says(webhook: WebhookChannel, line: bytes) -> None:
    ok = await answered(webhook, b"HTTP/1.1 200 OK\r\n", line, b"\r\n\r\n")
    assert ok == Result(Outcome.DELIVERED, 200)
    gone = await answered(webhook, b"HTTP/1.1 410 Gone\r\n", line, b"\r\n\r\n")
    assert (gone.outcome, gone.status_code) == (Outcome.GONE, 410)
    failed = await answered(webhook, b"HTTP/1.1 503 x\r\n", line, b"\r\nRetry-After: 7\r\n\r\n")
    assert (failed.outcome, failed.status_code, failed.retry_after_seconds) == (Outcome.FAILED, 503, 7.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.0 200 OK\n\n",
        b"HTTP/1.1 200 \xc3\xa9\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
    ],
)
async def test_a_status_has_several_spellings(webhook: WebhookChannel, answer: bytes) -> None:
    assert (await answered(webhook, answer)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n",
        b"200 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"x" * 200_000,
    ],
)
async def test_what_is_no_status_is_a_failure(webhook: WebhookChannel, answer: bytes) -> None:
    result = await answered(webhook, answer)
    assert (result.outcome, result.status_code) == (Outcome.FAILED, None)


async def test_410_is_final(webhook: WebhookChannel, callback_server: CallbackServer) -> None:
    callback_server.program("/hook", Reply(410, {"Retry-After": "5"}))
    assert (await webhook.deliver(claim(callback_server.url("/hook")), NOW)).outcome is Outcome.GONE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    webhook: WebhookChannel, callback_server: CallbackServer, status: int
) -> None:
    callback_server.program("/hook", Reply.redirect(callback_server.url("/elsewhere"), status))
    result = await webhook.deliver(claim(callback_server.url("/hook")), NOW)
    assert (result.outcome, result.status_code) == (Outcome.FAILED, status)
    assert callback_server.received("/elsewhere") == []


async def test_a_broken_connection_is_a_failure(
    webhook: WebhookChannel, callback_server: CallbackServer
) -> None:
    callback_server.program("/hook", Reply.reset())
    result = await webhook.deliver(claim(callback_server.url("/hook")), NOW)
    assert result.outcome is Outcome.FAILED
    assert result.status_code is None
    assert result.error


async def test_a_refused_connection_is_a_failure(webhook: WebhookChannel) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        result = await webhook.deliver(claim(f"http://127.0.0.1:{taken.getsockname()[1]}/"), NOW)
    assert result.outcome is Outcome.FAILED


async def test_a_name_without_an_address_is_a_failure(webhook: WebhookChannel) -> None:
    result = await webhook.deliver(claim("http://nothing.invalid/"), NOW)
    assert result.outcome is Outcome.FAILED
    assert result.error is not None
    assert result.error.startswith("gaierror")


async def test_cookies_are_not_kept(webhook: WebhookChannel, callback_server: CallbackServer) -> None:
    callback_server.program("/hook", Reply(204, {"Set-Cookie": "a=b; Path=/"}))
    for _ in range(2):
        await webhook.deliver(claim(callback_server.url("/hook")), NOW)
    assert [request.header("cookie") for request in callback_server.received("/hook")] == [None, None]


async def test_a_proxy_of_the_environment_is_not_used(
    webhook: WebhookChannel, callback_server: CallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert (await webhook.deliver(claim(callback_server.url("/hook")), NOW)).outcome is Outcome.DELIVERED


async def test_the_connection_goes_to_the_address_that_was_checked(
    webhook: WebhookChannel, callback_server: CallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes its mind after the look-up gains nothing: it is not looked up again."""
    port = int(callback_server.url("").rpartition(":")[2])
    looked_up: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        result = await webhook.deliver(claim(f"http://hook.example:{port}/hook"), NOW)
    assert result.outcome is Outcome.DELIVERED
    assert [name for name in looked_up if name != "127.0.0.1"] == ["hook.example"]
    assert callback_server.received("/hook")[0].header("host") == f"hook.example:{port}"


async def test_a_second_address_is_tried_when_the_first_cannot_be_connected_to(
    webhook: WebhookChannel, callback_server: CallbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(callback_server.url("").rpartition(":")[2])

    def getaddrinfo(_host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("127.0.0.2", "127.0.0.1")]

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", getaddrinfo)
        result = await webhook.deliver(claim(f"http://hook.example:{port}/hook"), NOW)
    assert result.outcome is Outcome.DELIVERED


async def test_a_private_address_is_refused_at_delivery_too(callback_server: CallbackServer) -> None:
    channel = WebhookChannel(Poster(EgressGuard(allow_private=False), PATIENCE_SECONDS), None)
    result = await channel.deliver(claim(callback_server.url("/hook")), NOW)
    assert (result.outcome, result.error) == (Outcome.FAILED, "refused: the address is not a public one")
    assert callback_server.received("/hook") == []


async def test_a_signature_covers_the_id_the_time_and_the_body(callback_server: CallbackServer) -> None:
    channel = WebhookChannel(Poster(EgressGuard(allow_private=True), PATIENCE_SECONDS), KEY)
    await channel.deliver(claim(callback_server.url("/hook")), NOW)
    (request,) = callback_server.received("/hook")
    assert request.header("webhook-id") == f"{UUID(int=7)}:2"
    assert request.header("webhook-timestamp") == str(int(NOW.timestamp()))
    signed = f"{UUID(int=7)}:2.{int(NOW.timestamp())}.".encode() + request.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.header("webhook-signature") == f"v1,{expected}"


async def test_retry_after_reaches_the_result(
    webhook: WebhookChannel, callback_server: CallbackServer
) -> None:
    callback_server.program("/hook", Reply(503, {"Retry-After": "17"}))
    assert (await webhook.deliver(claim(callback_server.url("/hook")), NOW)).retry_after_seconds == 17.0


async def test_the_log_channel_delivers_to_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert await LogChannel().deliver(claim(None), NOW) == Result(Outcome.DELIVERED)
    assert "tea" in capsys.readouterr().out
