"""Whether the machine stood still: then what came late may not be the service's fault."""

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

# The interval rule covers delays of the verifier, but not of a service that stood still along with it. A nap
# of 5 ms was at most 19 ms late with both cores busy, and 31 ms with six busy processes on two cores. So a
# stall of 80 ms is not load but a machine that stood still, for longer than TOLERANCE_SECONDS forgives.
STALL_SECONDS = 0.08

_TICK_SECONDS = 0.005


class StallMonitor:
    """A thread that sleeps 5 ms again and again, and remembers by how much it overslept."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        # (due, woke) of the naps that ended late by more than their own length, oldest first.
        self._late: deque[tuple[float, float]] = deque(maxlen=100_000)
        self._due = 0.0

    def start(self) -> None:
        if self._thread is not None:
            raise RuntimeError("the monitor is started already")
        self._stopping.clear()
        self._due = self._clock() + _TICK_SECONDS
        self._thread = threading.Thread(target=self._watch, name="stall-monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it saw stays."""
        if self._thread is None:
            return
        self._stopping.set()
        self._thread.join()
        self._thread = None

    def worst_between(self, start: float, end: float) -> float:
        """Return the seconds of the longest stall that overlaps the interval; one going on counts so far."""
        late = list(self._late)
        now = self._clock()
        if self._thread is not None and now > self._due:
            late.append((self._due, now))
        first = bisect_left(late, start, key=lambda stall: stall[1])
        return max((woke - due for due, woke in late[first:] if due <= end), default=0.0)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._sleep(_TICK_SECONDS)
            woke = self._clock()
            if woke - self._due > _TICK_SECONDS:
                self._late.append((self._due, woke))
            self._due = woke + _TICK_SECONDS

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
