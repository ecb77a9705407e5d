"""How late a job runs: it writes one line to stdout, whose arrival is stamped by this process's clock."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from contestants import Contestant, Worker, wait_until

LEAD_SECONDS = 8.0
"""From the filling to the first due time: the worker has started by then."""
GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Lateness:
    p50_ms: float
    p99_ms: float
    worst_ms: float
    early: int


def lateness(contestants: Sequence[Contestant], count: int, span_seconds: float) -> dict[str, Lateness]:
    """Measure each once: every job is a sample."""
    return {contestant.name: measure(contestant, count, span_seconds) for contestant in contestants}


def measure(contestant: Contestant, count: int, span_seconds: float) -> Lateness:
    contestant.empty()
    first = time.time() + LEAD_SECONDS
    contestant.fill("line", count, first, span_seconds)
    worker = contestant.start("line")
    patience_seconds = first + span_seconds + GRACE_SECONDS - time.time()
    try:
        # The lines are not looked at before all are due and a second over: that would slow what is measured.
        time.sleep(first + span_seconds + 1 - time.time())
        wait_until(
            lambda: len(late_seconds(contestant, worker)) >= count,
            worker,
            patience_seconds,
            f"{contestant.name} runs {count}",
        )
    finally:
        worker.stop()
    values = late_seconds(contestant, worker)
    if len(values) != count:
        raise SystemExit(f"{contestant.name}: {len(values)} lines of {count}")
    milliseconds = [value * 1000 for value in values]
    percentiles = statistics.quantiles(milliseconds, n=100)
    return Lateness(percentiles[49], percentiles[98], max(milliseconds), sum(value < 0 for value in values))


def late_seconds(contestant: Contestant, worker: Worker) -> list[float]:
    # A copy: the reader goes on.
    dues = [(came_at, contestant.due(line)) for came_at, line in list(worker.lines)]
    return [came_at - due for came_at, due in dues if due is not None]
