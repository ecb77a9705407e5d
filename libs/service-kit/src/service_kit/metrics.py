"""Metrics for Prometheus: how many requests, how they ended, how long they took.

One worker keeps its numbers in memory. With several (WEB_CONCURRENCY above 1) a scrape reaches whichever
worker the kernel picks, and counters would jump back and forth between theirs. Then `serve` turns on
prometheus-client's multiprocess mode: each worker writes to files of its own, and any of them answers
with the sum.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
MULTIPROCESS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
# A client may invent methods, and each would be a time series of its own.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})


class Metrics:
    """The numbers of one application. Its own metrics join them through `registry`."""

    def __init__(self) -> None:
        is_for_several = values.ValueClass is not values.MutexValue
        if (MULTIPROCESS_DIRECTORY in os.environ) != is_for_several:
            # The library chose when it was imported, by the directory that there was then, or was not.
            values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # the library's
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests",  # the client library adds _total
            "Requests answered, by method, route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its answer, by method and route template.",
            ("method", "route"),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        # labels() takes 1 us a call; routes and statuses are few.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        if MULTIPROCESS_DIRECTORY not in os.environ:
            ProcessCollector(registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the template, never the path, which has no bound."""
        key = (method if method in METHODS else "OTHER", route, status)
        children = self._children.get(key)
        if children is None:
            counter = self._requests.labels(key[0], route, str(status))
            children = self._children[key] = (counter, self._duration.labels(key[0], route))
        children[0].inc()
        children[1].observe(seconds)

    def exposition(self) -> bytes:
        """Return the text that Prometheus reads."""
        if MULTIPROCESS_DIRECTORY not in os.environ:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]  # the library's
        return generate_latest(merged)
