import pytest

from rate_limit import Algorithm, Limiter, MemoryStorage, Policy


class Clock:
    def __init__(self) -> None:
        self.now_us = 1

    def __call__(self) -> int:
        return self.now_us


def test_it_never_holds_more_than_it_may(algorithm: Algorithm) -> None:
    storage = MemoryStorage(max_entries=100)
    limiter = Limiter(storage, Policy(50, 60, "a"), Policy(60, 60, "b"), algorithm=algorithm)

    for number in range(1_000):
        limiter.hit(f"key-{number % 300}")
        assert storage.entries <= 100


def test_when_full_it_forgets_whoever_was_quiet_longest(algorithm: Algorithm) -> None:
    storage = MemoryStorage(max_entries=10)
    limiter = Limiter(storage, Policy(1, 60), algorithm=algorithm)

    for number in range(50):
        assert limiter.hit("asks all the time").admitted == (number == 0)
        assert limiter.hit(f"key-{number}")

    assert not limiter.hit("key-49")
    assert limiter.hit("key-0")


def test_one_key_may_fill_it(algorithm: Algorithm) -> None:
    storage = MemoryStorage(max_entries=3)
    limiter = Limiter(storage, Policy(10, 60), algorithm=algorithm)

    assert [limiter.hit("only").admitted for _ in range(11)] == [True] * 10 + [False]


def test_what_has_expired_is_dropped_as_requests_come(algorithm: Algorithm) -> None:
    clock = Clock()
    storage = MemoryStorage(clock_us=clock)
    limiter = Limiter(storage, Policy(5, 60), algorithm=algorithm)
    for number in range(1_000):
        limiter.hit(f"old-{number}")
    clock.now_us += 60_000_001

    for number in range(600):
        limiter.hit(f"new-{number}")

    assert storage.entries == 600


def test_what_was_only_looked_at_is_dropped_too(algorithm: Algorithm) -> None:
    storage = MemoryStorage()
    limiter = Limiter(storage, Policy(5, 60), algorithm=algorithm)
    for number in range(1_000):
        limiter.peek(f"key-{number}")

    assert storage.entries <= 2


def test_the_entries_are_counted_right(algorithm: Algorithm) -> None:
    clock = Clock()
    storage = MemoryStorage(clock_us=clock)
    limiter = Limiter(storage, Policy(5, 60, "a"), Policy(4, 30, "b"), algorithm=algorithm)
    for number in range(200):
        limiter.hit(f"key-{number % 7}")
        clock.now_us += 1_500_000
    limiter.clear("key-3")

    tables = storage._tables.values()  # noqa: SLF001 - the bound is only as good as this number
    assert storage.entries == sum(state.size for table in tables for state in table.values())
    storage.clear_all()
    assert storage.entries == 0


def test_a_huge_cost_is_one_entry() -> None:
    storage = MemoryStorage()
    Limiter(storage, Policy(10**6, 60), algorithm=Algorithm.SLIDING_WINDOW).hit("key", 10**6)

    assert storage.entries == 1


@pytest.mark.parametrize("step", [1, 1_000_000])
def test_a_log_holds_no_more_than_its_limit(step: int) -> None:
    clock = Clock()
    storage = MemoryStorage(clock_us=clock)
    limiter = Limiter(storage, Policy(10, 5), algorithm=Algorithm.SLIDING_WINDOW)
    for _ in range(100):
        limiter.hit("key")
        clock.now_us += step

    assert storage.entries <= 10
