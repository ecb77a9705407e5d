"""Clients that come back at once, amid a swap: what each of them sees, and for how long it sees nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

QUESTION = "SELECT count(*), min(id) FROM customers"


@dataclass
class Seen:
    """What all clients together have seen."""

    answers: int = 0
    refusals: int = 0
    counts: set[tuple[object, ...]] = field(default_factory=set)
    gaps: list[float] = field(default_factory=list)
    """For each client the longest time between two answers, in seconds."""


@contextmanager
def coming_back(url: str, amount: int) -> Iterator[Seen]:
    """Have so many clients, each of which connects anew for each question, for the duration of the block."""
    seen, lock, is_over = Seen(), threading.Lock(), threading.Event()

    def ask() -> None:
        answers, refusals, counts, longest = 0, 0, set(), 0.0
        last = time.monotonic()
        while not is_over.is_set():
            try:
                with psycopg.connect(url, connect_timeout=5) as connection:
                    row = connection.execute(QUESTION).fetchone()
            except psycopg.OperationalError:
                refusals += 1
                continue
            counts.add(row or ())
            answers, now = answers + 1, time.monotonic()
            longest, last = max(longest, now - last), now
        with lock:
            seen.answers += answers
            seen.refusals += refusals
            seen.counts |= counts
            seen.gaps.append(longest)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(amount)]
    for thread in threads:
        thread.start()
    yield seen
    is_over.set()
    for thread in threads:
        thread.join()
