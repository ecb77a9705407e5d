"""How fast a backlog of no-ops goes, from the first start to the last end.

Nobody logs anything, and each side keeps its record of what was done. The peers are tuned: as many jobs at
once as we take, and arq polls fifty times as often as by default, which would hold it to 1000 jobs a second.

What bounds it. Here: a commit for each batch of claims, and one for all attempts that ended meanwhile. In
procrastinate: two commits for each job, with one fetch after the other. In arq: six round trips for each job,
four of them one job after the other, to a Redis that writes nothing to disk.
"""

from collections.abc import Sequence

from contestants import Contestant, wait_until

PATIENCE_SECONDS = 1200  # a commit can cost milliseconds, and procrastinate makes two for each job


def drain(contestants: Sequence[Contestant], rounds: int, count: int) -> dict[str, list[float]]:
    """Each in turn, again and again, so that a slow moment of the machine hits all alike; jobs per second."""
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        # In another order each time: what a side leaves to the disk is not always the same one's burden.
        for place in range(len(contestants)):
            contestant = contestants[(place + number) % len(contestants)]
            rates[contestant.name].append(count / seconds_to_drain(contestant, count))
    return rates


def seconds_to_drain(contestant: Contestant, count: int) -> float:
    contestant.empty()
    contestant.fill("nothing", count, 0, 0)
    seconds: float | None = None

    def drained() -> bool:
        nonlocal seconds
        seconds = contestant.drain_seconds()
        return seconds is not None

    worker = contestant.start("nothing")
    try:
        wait_until(drained, worker, PATIENCE_SECONDS, f"{contestant.name} drains {count}")
    finally:
        worker.stop()
    assert seconds is not None
    return seconds
