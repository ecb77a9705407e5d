import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from kata.network.exchange import Exchange
from kata.network.raw import send_raw
from kata.system.ports import free_port


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A socket that treats its one connection as `answer` says; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def replying(data: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(data)

    return answer


def asked(data: bytes, request: bytes = b"GET / HTTP/1.1\r\n\r\n") -> Exchange:
    with server(replying(data)) as url:
        return send_raw(url, request)


def test_the_bytes_arrive_as_they_are() -> None:
    arrived = []

    def answer(connection: socket.socket) -> None:
        arrived.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with server(answer) as url:
        send_raw(url, b"\x00 not HTTP \xff\r\n\r\n")
    assert arrived == [b"\x00 not HTTP \xff\r\n\r\n"]


def test_an_answer_is_read_with_its_headers_and_body() -> None:
    exchange = asked(b"HTTP/1.1 413 Too Large\r\nX-Request-ID: abc\r\nContent-Length: 4\r\n\r\nbody")
    assert (exchange.status, exchange.header("x-request-id"), exchange.text) == (413, "abc", "body")
    assert exchange.received >= exchange.sent


def test_a_connection_that_is_closed_without_an_answer_is_status_0() -> None:
    exchange = asked(b"")
    assert (exchange.status, exchange.error) == (
        0,
        "RemoteDisconnected: Remote end closed connection without response",
    )


def test_an_answer_that_is_not_http_is_status_0() -> None:
    exchange = asked(b"220 mail.example ESMTP\r\n")
    assert (exchange.status, exchange.error) == (0, "BadStatusLine: 220 mail.example ESMTP\r\n")


def test_a_body_that_is_cut_short_is_status_0() -> None:
    exchange = asked(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody")
    assert (exchange.status, exchange.error) == (
        0,
        "IncompleteRead: IncompleteRead(4 bytes read, 5 more expected)",
    )


def test_a_server_that_says_nothing_is_given_up() -> None:
    done = threading.Event()

    def say_nothing(_connection: socket.socket) -> None:
        done.wait(30)

    with server(say_nothing) as url:
        exchange = send_raw(url, b"GET / HTTP/1.1\r\n\r\n", timeout_seconds=0.05)
        done.set()
    assert (exchange.status, exchange.error) == (0, "TimeoutError: timed out")


def test_a_closed_port_is_status_0() -> None:
    exchange = send_raw(f"http://127.0.0.1:{free_port()}", b"GET / HTTP/1.1\r\n\r\n")
    assert exchange.status == 0
    assert exchange.error.startswith("ConnectionRefusedError")


def test_an_address_without_a_port_means_port_80(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: tuple[str, int], timeout: float) -> socket.socket:
        del timeout
        raise ConnectionRefusedError(str(address))

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert "('example.test', 80)" in send_raw("http://example.test", b"").error


def test_of_a_long_request_line_the_query_is_shown() -> None:
    path = f"/{'a' * 90}/validate?view=forest"
    exchange = asked(b"", f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert exchange.asked == f"GET /{'a' * 35}…{path[-39:]}"
