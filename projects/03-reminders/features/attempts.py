"""All attempts of a reminder whose receiver fails, and the waits between them."""

import time
from itertools import pairwise

from kata.steps import Received, expect

from .agenda import (
    LATE_SECONDS,
    PATIENCE_SECONDS,
    Agenda,
    Reminder,
)
from .receiver import Receiver, gap_seconds, moments

BOUNDED = "the wait after attempt n is at most min(cap, base * 2 ** (n - 1))"
RETRIED = "an attempt that failed is made again, until MAX_ATTEMPTS were made"


def every_attempt(agenda: Agenda, receiver: Receiver, reminder: Reminder) -> list[Received]:
    """Return the calls of a reminder that fails, once all are made; if not all are, say which and why."""
    most, bound = agenda.times.max_attempts, agenda.times.longest_wait_seconds
    receiver.wait_for(reminder, 1, "a reminder that is due is posted to its callback")
    calls = receiver.sink.wait_for(reminder.path, most, longest_life_seconds(agenda))
    if len(calls) < most:
        no_wait_too_long(agenda, calls)
        last = len(calls)
        state = agenda.show(reminder).get("state")
        waited = time.monotonic() - (calls[-1].finished or calls[-1].started)
        expect(
            False,
            expected=f"attempt {last + 1} of {most} at most {bound(last):.3f} s after attempt {last}",
            got=f"none within {waited:.3f} s, and it is {state} ({moments(calls)})",
            rule=RETRIED if state == "dead" else f"{RETRIED}; {BOUNDED}",
        )
    return calls


def no_wait_too_long(agenda: Agenda, calls: list[Received]) -> None:
    """Demand that each attempt comes in time after the one before."""
    for number, (before, after) in enumerate(pairwise(calls), start=1):
        bound = agenda.times.longest_wait_seconds(number)
        gap = gap_seconds(before, after)
        expect(
            gap <= bound + LATE_SECONDS,
            expected=f"attempt {number + 1} at most {bound:.3f} s after attempt {number},"
            f" and {LATE_SECONDS:g} s of lateness",
            got=f"{gap:.3f} s ({moments(calls)})",
            rule=BOUNDED,
            timing=True,
        )


def longest_life_seconds(agenda: Agenda) -> float:
    """Return how long a reminder may take to fail all its attempts."""
    waits = [agenda.times.longest_wait_seconds(number) for number in range(1, agenda.times.max_attempts)]
    return sum(waits) + len(waits) * LATE_SECONDS + PATIENCE_SECONDS
