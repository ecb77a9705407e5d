"""The verifier's own clock: what can be judged by it, and when the machine was too slow to judge."""

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable
from enum import Enum
from types import TracebackType
from typing import Self

from kata.errors import KataError
from kata.exchange import Exchange, Span

# A service is not asked to be exact to the millisecond: its own clock, a store's clock and rounding to whole
# milliseconds lie between the end of a window and the moment at which it must have noticed.
TOLERANCE_SECONDS = 0.05

# The interval rule covers delays of the verifier, but not of a service that stood still along with it. A nap
# of 5 ms was at most 19 ms late with both cores busy, and 31 ms with six busy processes on two cores. So a
# stall of 80 ms is not load but a machine that stood still, for longer than TOLERANCE_SECONDS forgives.
STALL_SECONDS = 0.08

_TICK_SECONDS = 0.005
_GROUP_SECONDS = 0.05


class Inconclusive(KataError):  # noqa: N818 - a verdict, not a fault
    """The machine was too slow for this moment to be judged; the check is to be tried again."""


class Side(Enum):
    """On which side of a window's end a request surely fell."""

    WITHIN = "within"
    AFTER = "after"


def surely_within(opened: Span, now: Span, window_seconds: float) -> bool:
    """Tell whether `now` was answered before a window that `opened` began can have ended.

    The window began at `opened.sent` at the earliest, so its end is counted from there.
    """
    return now.received <= opened.sent + window_seconds


def surely_after(
    opened: Span, now: Span, window_seconds: float, tolerance_seconds: float = TOLERANCE_SECONDS
) -> bool:
    """Tell whether `now` was sent after a window that `opened` began must have ended.

    The window began at `opened.received` at the latest, so its end is counted from there.
    """
    return now.sent >= opened.received + window_seconds + tolerance_seconds


def judge(
    opened: Span, now: Span, window_seconds: float, tolerance_seconds: float = TOLERANCE_SECONDS
) -> Side:
    """Return the side of the window's end on which `now` surely fell.

    Raises:
        Inconclusive: it may have been either.

    """
    if surely_within(opened, now, window_seconds):
        return Side.WITHIN
    if surely_after(opened, now, window_seconds, tolerance_seconds):
        return Side.AFTER
    raise Inconclusive(
        f"a request between +{now.sent - opened.sent:.3f} s and +{now.received - opened.sent:.3f} s "
        f"is too close to the end of the {window_seconds:g} s window "
        f"(between +{window_seconds:.3f} s and "
        f"+{opened.received - opened.sent + window_seconds + tolerance_seconds:.3f} s)"
    )


def wait_until(moment: float) -> None:
    """Sleep until the monotonic `moment`, never short of it."""
    while (remaining := moment - time.monotonic()) > 0:
        time.sleep(remaining)


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


def timeline(exchanges: Iterable[Exchange]) -> str:
    """Render what was sent and answered, in the order of sending; the last one carries an arrow.

    `+0.000 1x200 | +0.610 8x200 1x429 | +1.020 200 <-`: seconds since the first request, and how often each
    status came among requests sent within 50 ms of a group's first. `---` is a request without an answer.
    """
    ordered = sorted(exchanges, key=lambda exchange: exchange.sent)
    groups: list[list[Exchange]] = []
    for exchange in ordered[:-1]:
        if groups and exchange.sent - groups[-1][0].sent <= _GROUP_SECONDS:
            groups[-1].append(exchange)
        else:
            groups.append([exchange])
    # The last one is the subject of the judgement, and so stands alone.
    groups += [[exchange] for exchange in ordered[-1:]]
    if not groups:
        return "(no requests)"
    origin = groups[0][0].sent
    return " | ".join(f"+{group[0].sent - origin:.3f} {_statuses(group)}" for group in groups) + " <-"


def _statuses(group: list[Exchange]) -> str:
    counts = Counter(exchange.status for exchange in group)
    names = {status: str(status) if status else "---" for status in counts}
    if len(group) == 1:
        return names[group[0].status]
    return " ".join(f"{count}x{names[status]}" for status, count in sorted(counts.items()))
