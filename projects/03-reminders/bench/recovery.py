"""How long a job that was being made waits for another worker, after kill -9 of its own.

The job calls a listener that never answers the first call; a second worker is idle when the first is killed.
"""

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from contestants import Arq, Ours, Worker, wait_until

LEASE_SECONDS = 10
RENEWALS_PER_LEASE = 3
START_SECONDS = 30.0
ARQ_SECONDS = 360.0
"""More than arq's default: the job's time-out of 300 s and 10 s more."""
SETTINGS = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "DELIVERY_TIMEOUT_SECONDS": "60",
    "ALLOW_PRIVATE_CALLBACKS": "true",
}


class Listener:
    """Stamps each call; the first it leaves unanswered, the others get a 204."""

    def __init__(self) -> None:
        self._calls: queue.Queue[float] = queue.Queue()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def next_call(self, seconds: float) -> float:
        try:
            return self._calls.get(timeout=seconds)
        except queue.Empty:
            raise SystemExit(f"nobody called within {seconds:g} s") from None

    def close(self) -> None:
        self._server.close()

    def _listen(self) -> None:
        unanswered = None
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.recv(65536)
            self._calls.put(time.monotonic())
            if unanswered is None:
                unanswered = connection
                continue
            with suppress(OSError):
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            connection.close()


def our_recovery(ours: Ours, rounds: int) -> list[float]:
    """Seconds from the kill to the next attempt, the kills spread over the time between two renewals."""

    def start() -> Worker:
        return ours.start("line", SETTINGS)

    def fill(port: int) -> None:
        ours.insert(1, time.time(), 0, f"http://127.0.0.1:{port}/")

    renewal_seconds = LEASE_SECONDS / RENEWALS_PER_LEASE
    values = []
    for number in range(rounds):
        ours.empty()
        wait_seconds = renewal_seconds * (number + 0.5) / rounds
        values.append(kill_and_wait(start, fill, "starting", wait_seconds, 3.0 * LEASE_SECONDS))
    return values


def arq_recovery(arq: Arq, *, wait: bool) -> float:
    """Seconds from the kill to the next run, or unless `wait` those that arq's lock has left at the kill.

    The lock is a key in Redis that expires, and no worker runs the job before that: no wait is shorter.
    """
    arq.empty()
    return kill_and_wait(
        lambda: arq.start("call"),
        lambda port: arq.fill("call", 1, port, 0),
        "ready",
        0,
        ARQ_SECONDS if wait else arq.in_progress_seconds,
    )


def kill_and_wait(
    start: Callable[[], Worker],
    fill: Callable[[int], None],
    greeting: str,
    wait_seconds: float,
    outcome: float | Callable[[], float],
) -> float:
    """Kill the worker that makes the only job; wait so many seconds for the next call, or ask how long."""
    listener = Listener()
    fill(listener.port)
    workers = [start()]
    try:
        listener.next_call(START_SECONDS)
        second = start()
        workers.append(second)
        wait_until(
            lambda: any(greeting in line for _, line in second.lines), second, START_SECONDS, "a start"
        )
        time.sleep(wait_seconds)
        killed_at = time.monotonic()
        workers.pop(0).kill()
        return listener.next_call(outcome) - killed_at if isinstance(outcome, float) else outcome()
    finally:
        for worker in workers:
            worker.stop()
        listener.close()
