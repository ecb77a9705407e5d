"""The service as it runs, under load, while its Redis is killed and started again."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

import httpx
import pytest
from redis import Redis

from kata.fixtures import FreePort
from kata.servers.valkey import EmbeddedValkey
from kata.solution.process import ManagedProcess

LIMIT = 40
PROCESSES = 2
CLIENTS = 6

# An answer may take 200 ms. A busy machine adds to that; a hang would be seconds.
HANG_SECONDS = 2.0
PATIENCE_SECONDS = 15.0


@pytest.fixture
def urls(own_redis: EmbeddedValkey, free_port: FreePort) -> Iterator[list[str]]:
    """Several processes of the service on one Redis."""
    services = {}
    for number in range(PROCESSES):
        port = free_port()
        settings = {
            "PORT": str(port),
            "REDIS_URL": own_redis.url,
            "LIMIT": str(LIMIT),
            "WINDOW_SECONDS": "3600",
            "TRUSTED_HOPS": "1",
        }
        services[f"http://127.0.0.1:{port}"] = ManagedProcess(
            f"web {number}",
            f"{sys.executable} -m throttler",
            own_redis.data_dir.parent,
            os.environ | settings,
        )
    for service in services.values():
        service.start()
    for url in services:
        wait_until(partial(is_ready, url))
    yield list(services)
    for service in services.values():
        assert service.terminate() == 0


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Load:
    """Clients that never stop asking, and what they were told."""

    def __init__(self, urls: list[str], address: str) -> None:
        self._urls = urls
        self._headers = {"X-Forwarded-For": address}
        self._stop = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.slowest_seconds = 0.0

    def run(self, number: int) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            while not self._stop.is_set():
                started = time.monotonic()
                response = client.get(f"{self._urls[number % len(self._urls)]}/api/v1/ping")
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - started)
                self.statuses[response.status_code] += 1

    def answers_more(self, count: int = 50) -> None:
        """Wait until so many more answers have come."""
        enough = self.statuses.total() + count
        wait_until(lambda: self.statuses.total() >= enough)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running = [self._pool.submit(self.run, number) for number in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()


def test_through_an_outage_under_load_every_answer_is_a_decision(
    own_redis: EmbeddedValkey, urls: list[str]
) -> None:
    """At most the limit each by Redis, by every process alone, and by the Redis that came back empty."""
    with Load(urls, "192.0.2.1") as load, Redis.from_url(own_redis.url) as redis:
        load.answers_more()
        own_redis.kill()
        load.answers_more()
        assert [httpx.get(f"{url}/ready").status_code for url in urls] == [503] * PROCESSES
        own_redis.start()
        for url in urls:
            wait_until(partial(is_ready, url))
        wait_until(lambda: redis.get("rate:192.0.2.1:/api/v1/ping") == str(LIMIT).encode())
        load.answers_more()
    assert set(load.statuses) == {200, 429}
    assert 2 * LIMIT <= load.statuses[200] <= (2 + PROCESSES) * LIMIT
    assert load.slowest_seconds < HANG_SECONDS


def test_a_redis_that_falls_silent_and_wakes_up_is_used_again_with_what_it_knows(
    own_redis: EmbeddedValkey, urls: list[str]
) -> None:
    with Load(urls, "192.0.2.1") as load, Redis.from_url(own_redis.url) as redis:
        wait_until(lambda: load.statuses[429] > 0)
        own_redis.pause()
        load.answers_more()
        own_redis.resume()
        for url in urls:
            wait_until(partial(is_ready, url))
        httpx.get(f"{urls[0]}/api/v1/ping", headers={"X-Forwarded-For": "192.0.2.2"})
        load.answers_more()
        assert redis.get("rate:192.0.2.1:/api/v1/ping") == str(LIMIT).encode()
    assert set(load.statuses) == {200, 429}
    assert LIMIT <= load.statuses[200] <= (1 + PROCESSES) * LIMIT
    assert load.slowest_seconds < HANG_SECONDS
