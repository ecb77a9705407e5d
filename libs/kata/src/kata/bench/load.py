"""A load generator: keeps one request in flight on each of so many connections, for so many seconds.

`python -m kata.bench.load PORT CONNECTIONS REQUESTS` sends the requests, which are written in JSON, in turn.
It reads a number of seconds from each line of stdin, and answers with the requests per second, how many
answers had another status than was expected, and within how many milliseconds half of them came, and 99 of
100. It shares its interpreter with nobody.
"""

import json
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle
from types import MappingProxyType
from typing import NamedTuple

NO_ANSWER = "no answer"
PATIENCE_SECONDS = 30.0


class Request(NamedTuple):
    """What is sent, and the status that is expected; None for any."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = MappingProxyType({})
    body: str = ""
    status: int | None = 200

    def encoded(self) -> bytes:
        """Write it as HTTP/1.1 has it."""
        body = self.body.encode()
        headers = {"Host": "127.0.0.1", **self.headers}
        if body:
            headers["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


type Turns = Iterator[tuple[bytes, bytes]]
"""What is sent next, and how the answer to it has to begin."""


class Outcome(NamedTuple):
    """What was measured."""

    rate: float
    wrong: int
    p50_ms: float
    p99_ms: float


def written(requests: Sequence[Request]) -> str:
    """Write requests for the command line."""
    return json.dumps([[*request[:2], dict(request.headers), *request[3:]] for request in requests])


class Connection:
    """One connection with one request in flight."""

    def __init__(self, port: int, requests: Turns) -> None:
        self._requests = requests
        self._expected = b""
        self._asked_at = 0.0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self) -> None:
        """Send the next request."""
        request, self._expected = next(self._requests)
        self._asked_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> tuple[float, str] | None:
        """Return the seconds until an answer was complete, and its first line if that is not as expected."""
        received = self.socket.recv(65536)
        self.buffer += received
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not received:
            return time.perf_counter() - self._asked_at, NO_ANSWER
        if not found:
            return None
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return None
        self.buffer = body[length:]
        wrong = "" if head.startswith(self._expected) else head.split(b"\r\n", 1)[0].decode()
        return time.perf_counter() - self._asked_at, wrong


def in_turn(requests: Sequence[Request]) -> Turns:
    """Return these, again and again."""
    return cycle([(request.encoded(), f"HTTP/1.1 {request.status or ''}".encode()) for request in requests])


def run(port: int, count: int, turns: Turns, seconds: float) -> Outcome:
    """Measure once, and wait for what is under way then: the next measurement is not to bear it."""
    waits: list[float] = []
    wrong: list[str] = []
    in_time = 0
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for _ in range(count):
            connection = Connection(port, turns)
            stack.callback(connection.socket.close)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask()
        started = time.perf_counter()
        while selector.get_map():
            events = selector.select(PATIENCE_SECONDS)
            if not events:
                raise SystemExit(f"no answer within {PATIENCE_SECONDS:g} s at port {port}")
            for key, _ in events:
                answer = key.data.answer()
                if answer is None:
                    continue
                waits.append(answer[0])
                wrong += filter(None, answer[1:])
                is_in_time = time.perf_counter() - started < seconds
                in_time += is_in_time
                if is_in_time and answer[1] != NO_ANSWER:
                    key.data.ask()
                else:
                    selector.unregister(key.fileobj)
    if wrong:
        sys.stderr.write(f"{wrong[0]} at port {port}\n")
    percentiles = statistics.quantiles(waits, n=100) if len(waits) > 1 else [seconds] * 99
    return Outcome(in_time / seconds, len(wrong), percentiles[49] * 1000, percentiles[98] * 1000)


def measure_each_line(port: int, count: int, make_turns: Callable[[], Turns]) -> None:
    """Measure once for each line of stdin; what is sent is made anew before."""
    for line in sys.stdin:
        print(*run(port, count, make_turns(), float(line)), flush=True)


def main() -> None:
    """Measure once for each line of stdin."""
    port, count, requests = sys.argv[1:]
    asked = [Request(*fields) for fields in json.loads(requests)]
    measure_each_line(int(port), int(count), lambda: in_turn(asked))


if __name__ == "__main__":
    main()
