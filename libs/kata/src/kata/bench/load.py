"""A load generator: keeps one request in flight on each of so many connections, for so many seconds.

`python -m kata.bench.load PORT CONNECTIONS PATH` reads a number of seconds from each line of stdin, and
answers with the requests per second and how many answers were not 200. It shares its interpreter with nobody.
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


def run(port: int, count: int, path: str, seconds: float) -> tuple[float, int]:
    """Return the answers per second, and how many of them were not 200."""
    selector = selectors.DefaultSelector()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
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
                wrong += not head.startswith(b"HTTP/1.1 200")
                key.data.ask()
    for connection in connections:
        connection.socket.close()
    selector.close()
    return answered / elapsed, wrong


def main() -> None:
    """Measure once for each line of stdin."""
    port, count, path = sys.argv[1:]
    for line in sys.stdin:
        print(*run(int(port), int(count), path, float(line)), flush=True)


if __name__ == "__main__":
    main()
