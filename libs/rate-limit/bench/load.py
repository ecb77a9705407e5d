"""A load generator: keeps one request in flight on each of so many connections, for so many seconds.

`python load.py PORT CONNECTIONS`; each line of stdin is a number of seconds, each line of stdout the requests
per second and how many answers were not 200. A process of its own: it shares an interpreter with nobody.
"""

import selectors
import socket
import sys
import time

REQUEST = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Connection:
    """One connection with one request in flight."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self) -> None:
        self.socket.sendall(REQUEST)

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


def run(port: int, count: int, seconds: float) -> tuple[float, int]:
    selector = selectors.DefaultSelector()
    connections = [Connection(port) for _ in range(count)]
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
    port, count = (int(word) for word in sys.argv[1:])
    for line in sys.stdin:
        print(*run(port, count, float(line)), flush=True)


if __name__ == "__main__":
    main()
