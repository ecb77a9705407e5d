"""On which side of a moment a request surely fell, whatever delayed the verifier."""

import time
from enum import Enum

from kata.errors import KataError
from kata.network.exchange import Span

# A service is not asked to be exact to the millisecond: its own clock, a store's clock and rounding to whole
# milliseconds lie between the end of a window and the moment at which it must have noticed.
TOLERANCE_SECONDS = 0.05


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


def side_of_end(
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
