"""A load generator: keeps one request in flight on each of so many connections, for so many seconds.

`python -m kata.bench.load PORT CONNECTIONS PATH STATUS [JSON]` reads a number of seconds from each line of
stdin, and answers with the requests per second and how many answers had another status. With JSON it posts
that. It shares its interpreter with nobody.
"""

import selectors
import socket
import sys
import time


class Connection:
    """One connection with one request in flight."""

    def __init__(self, port: int, request: bytes) -> None:
        self.request = request
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self) -> None:
        """Send the request."""
        self.socket.sendall(self.request)

    def answer(self) -> bytes | None:
        """Return the head of a complete answer, or None while it is not complete."""
        self.buffer += self.socket.recv(65536)
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        self.buffer = body[length:]
        return head


def request_of(path: str, body: str | None) -> bytes:
    host = "Host: 127.0.0.1\r\n"
    if body is None:
        return f"GET {path} HTTP/1.1\r\n{host}\r\n".encode()
    length = len(body.encode())
    entity = f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"POST {path} HTTP/1.1\r\n{host}{entity}\r\n{body}".encode()


def run(port: int, count: int, request: bytes, status: str, seconds: float) -> tuple[float, int]:
    """Return the answers per second, and how many of them had another status."""
    selector = selectors.DefaultSelector()
    wanted = f"HTTP/1.1 {status}".encode()
    connections = [Connection(port, request) for _ in range(count)]
    for connection in connections:
        connection.ask()
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    answered = wrong = 0
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for key, _ in selector.select(0.1):
            head = key.data.answer()
            if head is not None:
                answered += 1
                wrong += not head.startswith(wanted)
                key.data.ask()
    for connection in connections:
        connection.socket.close()
    selector.close()
    return answered / elapsed, wrong


def main() -> None:
    """Measure once for each line of stdin."""
    port, count, path, status, *body = sys.argv[1:]
    request = request_of(path, body[0] if body else None)
    for line in sys.stdin:
        print(*run(int(port), int(count), request, status, float(line)), flush=True)


if __name__ == "__main__":
    main()
