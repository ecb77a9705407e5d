import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import h11
import pytest

from kata.network.burst import burst
from kata.network.client import Client
from kata.network.exchange import Exchange, Request
from kata.network.persona import Persona

PLAIN = Persona((("User-Agent", "plain"),), str.title, order=0)
PATIENCE_SECONDS = 10.0

type Handler = Callable[[socket.socket], None]


class Server:
    """Gives every connection to `handler` in a thread of its own, and remembers what it raised."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=600)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._pool = ThreadPoolExecutor(max_workers=600)
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(PATIENCE_SECONDS)
            self._pool.submit(self._handle, connection)

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            self._handler(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self._pool.shutdown()


type Serve = Callable[[Handler], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def read_request(
    connection: socket.socket, parser: h11.Connection | None = None
) -> tuple[h11.Request, bytes]:
    parser = parser or h11.Connection(h11.SERVER)
    head, body = None, b""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(connection.recv(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return head, body
        else:
            raise ConnectionError(str(event))


def answering(raw: bytes) -> Handler:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(raw)

    return handle


def mirror(connection: socket.socket) -> None:
    """Tell as JSON what was asked, as often as the connection is used."""
    parser = h11.Connection(h11.SERVER)
    while True:
        try:
            request, body = read_request(connection, parser)
        except ConnectionError:
            return
        told = json.dumps(
            {
                "method": request.method.decode(),
                "target": request.target.decode(),
                "headers": {name.decode(): value.decode() for name, value in request.headers},
                "body": body.decode(),
            }
        ).encode()
        answer = h11.Response(status_code=200, headers=[("content-length", str(len(told)))])
        data = parser.send(answer) + parser.send(h11.Data(data=told)) + parser.send(h11.EndOfMessage())
        connection.sendall(data)
        if parser.our_state is h11.MUST_CLOSE:
            return
        parser.start_next_cycle()


def told(exchange: Exchange) -> dict[str, object]:
    value = exchange.json()
    assert isinstance(value, dict)
    return value


def test_no_last_byte_leaves_before_every_request_has_been_taken(serve: Serve) -> None:
    """One request is too large for the buffers and is not read: meanwhile the others lack their last byte."""
    withheld: list[bytes] = []
    reading = threading.Event()

    def handle(connection: socket.socket) -> None:
        if connection.recv(4, socket.MSG_PEEK) == b"POST":
            assert reading.wait(PATIENCE_SECONDS)
            read_request(connection)
        else:
            head = b""
            while not head.endswith(b"\r\n\r"):
                head += connection.recv(1)
            connection.settimeout(0.15)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            withheld.append(head)
            if len(withheld) == 5:
                reading.set()
            connection.settimeout(PATIENCE_SECONDS)
            assert connection.recv(1) == b"\n"
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    large = Request("POST", "/", body=bytes(16_000_000))
    exchanges = burst(serve(handle).url, [*[Request()] * 5, large])
    assert [exchange.status for exchange in exchanges] == [204] * 6
    assert len(withheld) == 5


def test_the_last_bytes_leave_together_and_not_as_the_answers_come(serve: Serve) -> None:
    """Nobody is answered before all 500 requests are complete; one after another, they never would be."""
    together = threading.Barrier(500)

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        together.wait(PATIENCE_SECONDS)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    server = serve(handle)
    exchanges = burst(server.url, [Request()] * 500)
    assert [exchange.status for exchange in exchanges] == [204] * 500
    assert server.connections == 500
    assert max(exchange.sent for exchange in exchanges) <= min(exchange.received for exchange in exchanges)


def test_the_answers_come_in_the_order_of_the_requests_with_what_was_asked(serve: Serve) -> None:
    requests = [
        Request("GET", "/a//b/../c?d=%20", {"X-Name": "value"}),
        Request("POST", "/", {"Content-Type": "text/plain"}, b"body"),
        Request("POST", "/empty"),
        Request("PUT", "/chunks", {"Transfer-Encoding": "chunked"}, b"in chunks"),
        Request("DELETE", "/gone"),
    ]
    server = serve(mirror)
    answers = [told(exchange) for exchange in burst(server.url, requests)]
    assert [(answer["method"], answer["target"], answer["body"]) for answer in answers] == [
        ("GET", "/a//b/../c?d=%20", ""),
        ("POST", "/", "body"),
        ("POST", "/empty", ""),
        ("PUT", "/chunks", "in chunks"),
        ("DELETE", "/gone", ""),
    ]
    headers = answers[0]["headers"]
    assert isinstance(headers, dict)
    assert headers["x-name"] == "value"
    assert headers["host"].rpartition(":")[2] == server.url.rpartition(":")[2]


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
    ids=["content-length", "chunked", "until-close", "http-1.0", "after-early-hints"],
)
def test_an_answer_is_complete_however_its_end_is_told(serve: Serve, raw: bytes, body: bytes) -> None:
    url = serve(answering(raw)).url
    with Client(url) as client:
        for exchange in (*burst(url, [Request()]), client.get("/")):
            assert (exchange.status, exchange.body, exchange.error) == (200, body, "")


def test_a_header_may_be_large(serve: Serve) -> None:
    large = b"x" * 60_000
    url = serve(answering(b"HTTP/1.1 200 OK\r\nX-Large: " + large + b"\r\nContent-Length: 0\r\n\r\n")).url
    with Client(url) as client:
        for exchange in (*burst(url, [Request()]), client.get("/")):
            assert exchange.header("x-large") == large.decode()


def test_a_head_request_has_an_answer_without_its_body(serve: Serve) -> None:
    url = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")).url
    assert burst(url, [Request("HEAD")])[0].header("content-length") == "5"


def test_an_answer_that_takes_its_time_is_received_when_it_is_complete(serve: Serve) -> None:
    moments: list[float] = []

    def handle(connection: socket.socket) -> None:
        read_request(connection)
        moments.append(time.monotonic())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        time.sleep(0.05)
        moments.append(time.monotonic())
        connection.sendall(b"b")

    url = serve(handle).url
    with Client(url) as client:
        exchanges = [*burst(url, [Request()]), client.get("/")]
    assert [exchange.text for exchange in exchanges] == ["ab", "ab"]
    order = [exchanges[0].sent, *moments[:2], exchanges[0].received]
    order += [exchanges[1].sent, *moments[2:], exchanges[1].received]
    assert order == sorted(order)


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def reset(connection: socket.socket) -> None:
    connection.recv(1)  # the rest is unread, and so closing resets


def stay_silent(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)


def stop_halfway(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
    connection.recv(1)


def end_halfway(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")


def talk_nonsense(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


def dribble(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    try:
        for _ in range(1000):
            connection.sendall(b".")
            time.sleep(0.02)
    except OSError:
        pass


def never_end(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            connection.sendall(bytes(1_000_000))
    except OSError:
        pass


FAILURES = [
    (hang_up, "connection closed without a complete answer"),
    (reset, "connection reset"),
    (stay_silent, "no complete answer within"),
    (stop_halfway, "no complete answer within"),
    (end_halfway, "connection closed without a complete answer"),
    (talk_nonsense, "not an HTTP answer"),
    (dribble, "no complete answer within"),
]


@pytest.mark.parametrize(("handler", "error"), FAILURES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_failed_connection_is_told_and_spoils_no_other(serve: Serve, handler: Handler, error: str) -> None:
    turn = iter(range(1000))

    def handle(connection: socket.socket) -> None:
        if next(turn) % 2:
            mirror(connection)
        else:
            handler(connection)

    # Time enough for the good ones; only what never comes is waited for so long.
    exchanges = burst(serve(handle).url, [Request()] * 6, timeout_seconds=1.0)
    failed = [exchange for exchange in exchanges if exchange.status == 0]
    assert len(failed) == 3
    for exchange in failed:
        assert error in exchange.error
        assert 0 < exchange.sent <= exchange.received
        assert (exchange.headers, exchange.body) == ((), b"")


@pytest.mark.parametrize(("handler", "error"), FAILURES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_failed_request_of_the_client_is_an_exchange(serve: Serve, handler: Handler, error: str) -> None:
    timeout_seconds = 0.3 if "within" in error else PATIENCE_SECONDS
    with Client(serve(handler).url, timeout_seconds=timeout_seconds) as client:
        exchange = client.get("/")
        assert (exchange.status, exchange.headers, exchange.body) == (0, (), b"")
        assert error in exchange.error
        assert exchange.sent <= exchange.received
        assert client.exchanges == [exchange]


def test_an_answer_without_end_is_given_up(serve: Serve) -> None:
    url = serve(never_end).url
    with Client(url) as client:
        for exchange in (*burst(url, [Request()]), client.get("/")):
            assert exchange.status == 0
            assert "larger than 16777216 bytes" in exchange.error


def test_a_refused_connection_is_an_exchange() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with Client(url) as client:
            for exchange in (*burst(url, [Request()] * 2), client.get("/")):
                assert (exchange.status, exchange.error) == (0, "connection refused")
                assert 0 < exchange.sent <= exchange.received


def test_an_answer_to_a_request_that_was_never_complete_counts(serve: Serve) -> None:
    """As a server does that refuses a body by its announced size, and closes before it has all."""

    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass

    assert burst(serve(handle).url, [Request("POST", body=b"x" * 1000)])[0].status == 413


def test_a_request_that_nobody_takes_is_an_exchange() -> None:
    """The server's backlog accepts the connection, and its buffers only a part of the request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        large = Request("POST", body=bytes(16_000_000))
        exchange = burst(url, [large], connect_timeout_seconds=0.2)[0]
    assert exchange.error == "the request was not taken within 0.2 s"


def test_a_reset_before_the_last_byte_is_told_as_one(serve: Serve) -> None:
    """The large request is read only when the other connection has been reset, and its last byte is late."""
    reading = threading.Event()

    def handle(connection: socket.socket) -> None:
        if connection.recv(4, socket.MSG_PEEK) == b"POST":
            assert reading.wait(PATIENCE_SECONDS)
            answering(b"HTTP/1.1 204 No Content\r\n\r\n")(connection)
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            reading.set()

    exchanges = burst(serve(handle).url, [Request(), Request("POST", body=bytes(16_000_000))])
    assert [(exchange.status, exchange.error) for exchange in exchanges] == [
        (0, "connection reset"),
        (204, ""),
    ]


def test_a_malformed_request_is_the_callers_mistake(serve: Serve) -> None:
    server = serve(mirror)
    with pytest.raises(ValueError, match="not a request"):
        burst(server.url, [Request(), Request(path="/with space")])
    with pytest.raises(ValueError, match="not a request"):
        burst(server.url, [Request(headers={"bad\nname": "x"})])
    assert server.connections == 0
    with Client(server.url) as client, pytest.raises(ValueError, match="not a request"):
        client.get("/with space")


def test_more_than_500_connections_are_refused_and_none_need_nothing(serve: Serve) -> None:
    server = serve(mirror)
    with pytest.raises(ValueError, match="at most 500 requests"):
        burst(server.url, [Request()] * 501)
    assert burst(server.url, []) == []
    assert server.connections == 0


def test_the_client_sends_what_it_is_told(serve: Serve) -> None:
    server = serve(mirror)
    own = {"X-Client": "one", "X-Other": "a"}
    with Client(server.url + "/", headers=own, persona=PLAIN) as client:
        told_get = told(client.get("/a//b/../c?d=%20&e=/", headers={"X-Other": "b"}))
        told_json = told(client.request("POST", "/json", json={"a": [1, None]}))
        told_body = told(
            client.request("PATCH", "/body", headers={"Content-Type": "text/plain"}, body=b"raw")
        )
        with pytest.raises(ValueError, match="either json or a body"):
            client.request("POST", "/", json={}, body=b"")
    assert (told_get["method"], told_get["target"]) == ("GET", "/a//b/../c?d=%20&e=/")
    assert told_get["headers"] == {
        "host": server.url.removeprefix("http://"),
        "user-agent": "plain",
        "x-client": "one",
        "x-other": "b",
    }
    headers = [value["headers"] for value in (told_json, told_body)]
    assert [fields["content-type"] for fields in headers if isinstance(fields, dict)] == [
        "application/json",
        "text/plain",
    ]
    assert (told_json["body"], told_body["body"]) == ('{"a": [1, null]}', "raw")


def test_the_client_keeps_its_connection_and_its_exchanges(serve: Serve) -> None:
    server = serve(mirror)
    with Client(server.url, persona=PLAIN) as client:
        exchanges = [client.get(f"/{number}") for number in range(10)]
        assert client.exchanges == exchanges
    assert server.connections == 1
    moments = [moment for exchange in exchanges for moment in (exchange.sent, exchange.received)]
    assert moments == sorted(moments)


def test_the_client_goes_on_after_a_failure(serve: Serve) -> None:
    turn = iter([hang_up, mirror])

    def handle(connection: socket.socket) -> None:
        next(turn)(connection)

    with Client(serve(handle).url) as client:
        assert [client.get("/").status for _ in range(2)] == [0, 200]


def test_the_client_follows_no_redirect_and_uses_no_proxy_of_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server = serve(answering(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"))
    with Client(server.url) as client:
        exchange = client.get("/")
    assert (exchange.status, exchange.header("location")) == (302, "/elsewhere")
    assert server.connections == 1


def test_the_client_keeps_its_cookies(serve: Serve) -> None:
    def handle(connection: socket.socket) -> None:
        request, _ = read_request(connection)
        cookie = dict(request.headers).get(b"cookie", b"")
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: session=91c2\r\nConnection: close\r\n\r\n" + cookie
        )

    with Client(serve(handle).url) as client:
        assert [client.get("/").text for _ in range(2)] == ["", "session=91c2"]


def test_a_body_is_what_it_was_before_it_was_compressed(serve: Serve) -> None:
    body = gzip.compress(b"hello")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    url = serve(answering(head.encode() + body)).url
    with Client(url) as client:
        assert [exchange.text for exchange in (*burst(url, [Request()]), client.get("/"))] == ["hello"] * 2


@pytest.mark.parametrize("body", [b"hello", gzip.compress(b"hello", mtime=0)[:-4]])
def test_a_body_that_is_not_compressed_as_it_says_is_no_answer(body: bytes) -> None:
    answer = Exchange(0.0, 0.0, 200, (("Content-Encoding", "gzip"),), body).decoded()
    assert (answer.status, answer.error) == (0, "not an HTTP answer: its body is not gzip")


def test_a_header_is_found_in_any_case_and_repeated_ones_are_joined(serve: Serve) -> None:
    url = serve(
        answering(b"HTTP/1.1 200 OK\r\nRateLimit: a\r\nx-one: 1\r\nratelimit: b\r\nContent-Length: 0\r\n\r\n")
    ).url
    with Client(url) as client:
        for exchange in (*burst(url, [Request()]), client.get("/")):
            assert exchange.header("ratelimit") == "a, b"
            assert exchange.header("X-One") == "1"
            assert exchange.header("x-two") is None
            assert ("RateLimit", "a") in exchange.headers


@pytest.mark.parametrize(
    ("body", "value"),
    [(b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}), ('"é"'.encode(), "é"), (b"7", 7)],
)
def test_json_is_parsed(body: bytes, value: object) -> None:
    assert Exchange(0.0, 0.0, 200, body=body).json() == value


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part of it notices
        Exchange(0.0, 0.0, 200, body=body).json()


def test_text_shows_what_is_not_utf_8() -> None:
    assert Exchange(0.0, 0.0, 200, body=b"caf\xc3\xa9 \xff").text == "café \N{REPLACEMENT CHARACTER}"
