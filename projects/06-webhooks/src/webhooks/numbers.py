"""The service's own metrics: what became of deliveries, how fast they were answered, and what waits."""

import asyncio
from contextlib import suppress
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from service_kit.metrics import Metrics
from webhooks.domain import EventKey, Kept, Receipt
from webhooks.errors import StoreUnavailableError
from webhooks.events import Events

REFRESH_SECONDS: Final = 1.0


class Numbers:
    """Joins the numbers that every service has."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        registry = self.metrics.registry
        self._deliveries = Counter(
            "webhooks_deliveries",
            "Verified deliveries, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._kept = {kept: self._deliveries.labels(kept) for kept in Kept}
        self._rejections = Counter(
            "webhooks_rejections",
            "Deliveries that did not verify, by reason.",
            ("reason",),
            registry=registry,
        )
        self._fallbacks = Counter(
            "webhooks_fallback_keys", "Deliveries whose own key was not there.", registry=registry
        )
        self._ack = Histogram(
            "webhooks_ack_seconds",
            "Time from a delivery's last byte to its durable acknowledgement.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        self._depth = Gauge(
            "webhooks_inbox_events",
            "Events that are not over.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._oldest = Gauge(
            "webhooks_inbox_oldest_age_seconds",
            "How long the oldest event that is not over has been here.",
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def received(self, receipt: Receipt, key: EventKey, seconds: float) -> None:
        self._kept[receipt.kept].inc()
        if key.by == "body":
            self._fallbacks.inc()
        self._ack.observe(seconds)

    def rejected(self, reason: str) -> None:
        self._rejections.labels(reason).inc()

    async def refresh_for_ever(self, events: Events) -> None:
        """Ask PostgreSQL what waits, so that each process tells the same."""
        while True:
            with suppress(StoreUnavailableError):
                depth = await events.depth()
                self._depth.set(depth.events)
                self._oldest.set(depth.oldest_age_seconds)
            await asyncio.sleep(REFRESH_SECONDS)
