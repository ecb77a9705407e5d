import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from kata.errors import KataError, LaunchError
from kata.network.burst import burst
from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Received, Reply
from kata.network.client import Client
from kata.network.exchange import Request

PATIENCE_SECONDS = 10.0


@pytest.fixture
def client(callback_server: CallbackServer) -> Iterator[Client]:
    with Client(callback_server.url("")) as opened:
        yield opened


def await_finish(callback_server: CallbackServer, path: str) -> list[Received]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (
        any(request.finished is None for request in callback_server.received(path))
        and time.monotonic() < deadline
    ):
        time.sleep(0.002)
    return callback_server.received(path)


def dial(callback_server: CallbackServer) -> socket.socket:
    parts = urlsplit(callback_server.url(""))
    return socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS)


def test_a_request_is_recorded_as_it_was_sent(callback_server: CallbackServer, client: Client) -> None:
    before, wall_before = time.monotonic(), datetime.now(UTC)
    headers = {"Idempotency-Key": "a:1", "X-Odd": "\xe9"}
    assert client.request("POST", "/hook?n=1", headers=headers, json={"a": 1}).status == 204
    (request,) = callback_server.received("/hook")
    assert (request.method, request.target, request.path) == ("POST", "/hook?n=1", "/hook")
    assert request.header("idempotency-key") == "a:1"
    assert (request.json(), request.body) == ({"a": 1}, b'{"a": 1}')
    assert before <= request.started <= request.received <= time.monotonic()
    assert wall_before <= request.received_at <= datetime.now(UTC)
    assert request.header("x-odd") == "\xe9"


def test_replies_come_in_turn_and_the_last_one_stays(callback_server: CallbackServer, client: Client) -> None:
    callback_server.program("/hook", Reply(503, {"Retry-After": "2"}), Reply(500, body=b"no"), Reply(201))
    exchanges = [client.request("POST", "/hook") for _ in range(4)]
    assert [exchange.status for exchange in exchanges] == [503, 500, 201, 201]
    assert exchanges[0].header("retry-after") == "2"
    assert exchanges[1].text == "no"
    assert client.request("POST", "/other").status == 204
    callback_server.program("/hook", Reply(410))
    assert client.request("POST", "/hook").status == 410


def test_a_redirect_names_the_place(callback_server: CallbackServer, client: Client) -> None:
    callback_server.program("/hook", Reply.redirect("http://169.254.169.254/latest", 307))
    exchange = client.get("/hook")
    assert (exchange.status, exchange.header("location")) == (307, "http://169.254.169.254/latest")


def test_a_delayed_answer_is_never_early_and_is_finished_when_it_was_sent(
    callback_server: CallbackServer, client: Client
) -> None:
    callback_server.program("/hook", Reply(200, delay_seconds=0.1))
    exchange = client.get("/hook")
    (request,) = await_finish(callback_server, "/hook")
    assert exchange.received - exchange.sent >= 0.1
    assert request.finished is not None
    assert request.finished - request.received >= 0.1


def test_a_hanging_request_is_recorded_at_once_and_finished_when_the_client_gives_up(
    callback_server: CallbackServer,
) -> None:
    callback_server.program("/hook", Reply.hang())
    with dial(callback_server) as sock:
        sock.sendall(b"GET /hook HTTP/1.1\r\nHost: x\r\n\r\n")
        (request,) = callback_server.wait_for("/hook", 1, PATIENCE_SECONDS)
        assert request.finished is None
        sock.settimeout(0.15)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        gave_up = time.monotonic()
    (request,) = await_finish(callback_server, "/hook")
    assert request.finished is not None
    assert request.finished >= gave_up


def test_a_reset_breaks_the_connection_off(callback_server: CallbackServer, client: Client) -> None:
    callback_server.program("/hook", Reply.reset(), Reply.reset(0.05), Reply())
    exchanges = [client.request("POST", "/hook", body=b"x") for _ in range(3)]
    assert [exchange.error for exchange in exchanges] == ["connection reset", "connection reset", ""]
    assert exchanges[1].received - exchanges[1].sent >= 0.05
    assert all(request.finished for request in await_finish(callback_server, "/hook"))


@pytest.mark.parametrize(
    ("reply", "begins"),
    [
        (Reply.drip(), b"HTTP/1.1 200 OK\r\nX-Filler: x"),
        (Reply.stall(201), b"HTTP/1.1 201 OK\r\nContent-Length: 65536\r\n\r\nx"),
    ],
)
def test_an_answer_without_end_is_finished_when_the_client_gives_up(
    callback_server: CallbackServer, reply: Reply, begins: bytes
) -> None:
    callback_server.program("/hook", reply)
    with dial(callback_server) as sock:
        sock.sendall(b"GET /hook HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        while len(got) < len(begins):
            got += sock.recv(4096)
        assert got == begins
        (request,) = callback_server.received("/hook")
        assert request.finished is None
    assert await_finish(callback_server, "/hook")[0].finished is not None


def test_wait_for_returns_when_enough_have_come_and_gives_up_with_what_there_is(
    callback_server: CallbackServer,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(callback_server.wait_for, "/hook", 3, PATIENCE_SECONDS)
        burst(callback_server.url(""), [Request("POST", "/hook", body=b"x")] * 3)
        assert len(waiting.result()) == 3
    assert len(callback_server.wait_for("/hook", 4, 0.05)) == 3
    assert callback_server.wait_for("/nobody", 1, 0.01) == []


def test_simultaneous_requests_overlap_and_successive_ones_do_not(
    callback_server: CallbackServer, client: Client
) -> None:
    callback_server.program("/both", Reply(200, delay_seconds=0.2))
    burst(callback_server.url(""), [Request("POST", "/both")] * 2)
    first, second = await_finish(callback_server, "/both")
    assert first.overlaps(second)
    assert second.overlaps(first)
    for _ in range(2):
        client.get("/in-turn")
    first, second = await_finish(callback_server, "/in-turn")
    assert not first.overlaps(second)
    assert not second.overlaps(first)


def test_what_has_not_ended_overlaps_all_that_follows() -> None:
    now = datetime.now(UTC)
    hanging = Received("POST", "/", (), b"", 1.0, 1.1, now)
    earlier = Received("POST", "/", (), b"", 0.0, 0.1, now, finished=0.5)
    later = Received("POST", "/", (), b"", 9.0, 9.1, now, finished=9.2)
    assert hanging.overlaps(later)
    assert not hanging.overlaps(earlier)


def test_a_connection_is_kept_and_answers_in_order(callback_server: CallbackServer) -> None:
    callback_server.program("/a", Reply(200, body=b"one", delay_seconds=0.05))
    with dial(callback_server) as sock:
        sock.sendall(
            b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + b"junk\r\n\r\n"
        )
        answer = b""
        while chunk := sock.recv(65_536):
            answer += chunk
    heads = answer.split(b"HTTP/1.1 ")
    assert [head[:3] for head in heads[1:]] == [b"200", b"200", b"400"]
    assert heads[1].endswith(b"\r\n\r\none")
    assert heads[2].endswith(b"\r\n\r\n")
    assert [request.method for request in callback_server.received("/a")] == ["GET", "HEAD"]


def test_a_chunked_body_is_put_together(callback_server: CallbackServer) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    assert burst(callback_server.url(""), [Request("POST", "/hook", headers, b"in chunks")])[0].status == 204
    assert callback_server.received("/hook")[0].body == b"in chunks"


def test_a_client_that_asks_whether_to_continue_is_told_to(callback_server: CallbackServer) -> None:
    with dial(callback_server) as sock:
        sock.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"ab")
        assert sock.recv(100).startswith(b"HTTP/1.1 204 ")
    assert callback_server.received("/hook")[0].body == b"ab"


def test_only_the_first_mib_of_a_body_is_kept(callback_server: CallbackServer, client: Client) -> None:
    assert client.request("POST", "/hook", body=b"x" * 3_000_000).status == 204
    assert len(callback_server.received("/hook")[0].body) == 1_048_576


def test_an_endless_body_and_an_endless_head_are_broken_off(callback_server: CallbackServer) -> None:
    def send(start: bytes) -> None:
        with dial(callback_server) as sock:
            sock.sendall(start)
            for _ in range(1_000):
                sock.sendall(b"x" * 1_000_000)

    for start in (
        b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: ",
    ):
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send(start)
    assert callback_server.received("/hook") == []


def test_a_request_that_never_became_whole_is_not_recorded(
    callback_server: CallbackServer, client: Client
) -> None:
    with dial(callback_server) as sock:
        sock.sendall(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfive.")
    client.get("/after")
    assert callback_server.received("/hook") == []


def test_five_hundred_deliveries_at_once_are_all_recorded(callback_server: CallbackServer) -> None:
    requests = [Request("POST", "/hook", body=str(number).encode()) for number in range(500)]
    assert {exchange.status for exchange in burst(callback_server.url(""), requests)} == {204}
    assert sorted(int(request.body) for request in callback_server.received("/hook")) == list(range(500))


def test_stop_ends_everything_with_connections_open_and_keeps_the_record(
    callback_server: CallbackServer,
) -> None:
    callback_server.program("/hook", Reply.hang())
    callback_server.program("/later", Reply(delay_seconds=60))
    with dial(callback_server) as idle, dial(callback_server) as hanging, dial(callback_server) as waiting:
        hanging.sendall(b"GET /hook HTTP/1.1\r\nHost: x\r\n\r\n")
        waiting.sendall(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        callback_server.wait_for("/hook", 1, PATIENCE_SECONDS)
        callback_server.wait_for("/later", 1, PATIENCE_SECONDS)
        callback_server.stop()
        callback_server.stop()
        for sock in (idle, hanging, waiting):
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
    assert [thread for thread in threading.enumerate() if thread.name == "the callback_server"] == []
    assert callback_server.received("/hook")[0].finished is not None


def test_the_server_can_be_known_by_another_name() -> None:
    with CallbackServer("127.0.0.1", url_host="host.docker.internal") as callback_server:
        parts = urlsplit(callback_server.url("/hook"))
        assert (parts.hostname, parts.path) == ("host.docker.internal", "/hook")
        assert parts.port is not None


def test_a_server_that_cannot_start_or_is_not_started_says_so() -> None:
    with pytest.raises(LaunchError, match=r"192\.0\.2\.1"):
        CallbackServer("192.0.2.1").start()
    with pytest.raises(LaunchError, match="not started"):
        CallbackServer().url("/")


def test_a_reply_that_could_not_be_sent_is_refused_when_it_is_made(callback_server: CallbackServer) -> None:
    with pytest.raises(ValueError, match="204 has no body"):
        Reply(204, body=b"x")
    with pytest.raises(ValueError, match="sets Content-Length itself"):
        Reply(200, {"Content-Length": "5"})
    with pytest.raises(ValueError, match="not an answer"):
        Reply(200, {"bad name": "x"})
    with pytest.raises(ValueError, match="not an answer"):
        Reply(99)
    with pytest.raises(ValueError, match="at least one"):
        callback_server.program("/hook")


def test_too_many_requests_are_the_verifiers_own_trouble(
    callback_server: CallbackServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kata.network.callback_server._MOST_REQUESTS", 2)
    assert [client.get("/hook").status for _ in range(3)] == [204, 204, 0]
    with pytest.raises(KataError, match="no more"):
        callback_server.received("/hook")


def test_a_body_that_is_not_json_says_so(callback_server: CallbackServer, client: Client) -> None:
    client.request("POST", "/hook", body=b"plain")
    with pytest.raises(json.JSONDecodeError):
        callback_server.received("/hook")[0].json()
