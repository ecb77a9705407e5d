import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kata.network.stream import Stream

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers each part of a body with as long a line, at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(HEAD)
                    answered, read = 0, b""
                    while not read.endswith(b"\r\n0\r\n\r\n") and (more := connection.recv(65_536)):
                        read += more
                        for _ in range(read.count(b"part") - answered):
                            connection.sendall(b"4\r\ngot\n\r\n")
                            answered += 1
                    connection.sendall(b"0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def served() -> Iterator[tuple[str, list[bytes]]]:
    """A server that keeps what it reads until the second part, and hangs up without an answer."""
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    while more := connection.recv(65_536):
                        read.append(more)
                        if b"part 2" in b"".join(read):
                            break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", read
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_body_of_a_known_length_is_sent_as_it_is(served: tuple[str, list[bytes]]) -> None:
    url, read = served
    with Stream(url, "/", {"Content-Length": "12"}) as stream:
        stream.send(b"part 1")
        stream.send(b"part 2")
        stream.answer()
    head, _, body = b"".join(read).partition(b"\r\n\r\n")
    assert body == b"part 1part 2"
    assert b"chunked" not in head.lower()


def test_who_hangs_up_without_an_answer_is_status_0(served: tuple[str, list[bytes]]) -> None:
    with Stream(served[0], "/", {}) as stream:
        stream.send(b"part 2")
        answer = stream.answer()
    assert (answer.status, answer.error) == (0, "the connection ended without a complete HTTP answer")


def test_an_answer_that_came_before_the_connection_was_reset_is_read() -> None:
    """A server that refuses a body closes while it is still sent, and what it has not read makes a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

        thread = threading.Thread(target=refuse)
        thread.start()
        with Stream(f"http://127.0.0.1:{listening.getsockname()[1]}", "/", {}) as stream:
            stream.send(b"x" * 60_000)
            thread.join(10)
            for _ in range(3):
                stream.send(b"x" * 60_000)
            answer = stream.answer()
    assert (answer.status, answer.body) == (413, b"no")


def test_it_is_seen_that_an_answer_has_come(echo: str) -> None:
    with Stream(echo, "/", {}) as stream:
        stream.send(b"part")
        stream.line()
        before = stream.is_answered
        stream.end()
        deadline = time.monotonic() + 5
        while not stream.is_answered and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (before, stream.is_answered) == (False, True)


def test_a_line_of_the_answer_is_read_before_the_body_has_ended(echo: str) -> None:
    with Stream(echo, "/stream", {"Content-Type": "text/csv"}) as stream:
        stream.send(b"part 1\n")
        assert stream.line() == b"got"
        stream.send(b"part 2\n")
        assert stream.line() == b"got"
        stream.end()
        answer = stream.answer()
    assert (answer.status, answer.body, answer.asked) == (200, b"", "POST /stream")


def test_a_line_that_does_not_come_is_none(echo: str) -> None:
    with Stream(echo, "/", {}) as stream:
        assert stream.line(0.05) is None


def test_an_answer_that_does_not_end_is_status_0(echo: str) -> None:
    with Stream(echo, "/", {}, timeout_seconds=0.1) as stream:
        stream.send(b"part")
        assert stream.line() == b"got"
        assert stream.answer().status == 0
