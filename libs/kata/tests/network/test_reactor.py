import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from kata.errors import KataError
from kata.network.reactor import Reactor


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    running = Reactor("the reactor under test")
    yield running
    running.stop()


def test_a_call_is_done_when_it_returns_and_runs_in_the_reactors_thread(reactor: Reactor) -> None:
    threads: list[str] = []
    reactor.call(lambda: threads.append(threading.current_thread().name))
    assert threads == ["the reactor under test"]


def test_calls_of_many_threads_are_all_done_one_at_a_time(reactor: Reactor) -> None:
    numbers: list[int] = []

    def append() -> None:
        for _ in range(200):
            reactor.call(lambda: numbers.append(len(numbers)))

    threads = [threading.Thread(target=append) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == list(range(1_000))


def test_the_exception_of_a_call_is_raised_to_the_caller_only(reactor: Reactor) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reactor.call(fail)
    reactor.call(lambda: None)


def test_timers_go_off_in_order_and_never_early(reactor: Reactor) -> None:
    went_off: list[tuple[float, float]] = []
    last = threading.Event()
    start = time.monotonic()

    def note(due: float) -> None:
        went_off.append((due, time.monotonic()))

    def set_timers() -> None:
        for delay in (0.03, 0.01, 0.02):
            reactor.at(start + delay, partial(note, start + delay))
        reactor.at(start + 0.04, last.set)

    reactor.call(set_timers)
    assert last.wait(10)
    assert [due for due, _ in went_off] == [start + 0.01, start + 0.02, start + 0.03]
    assert all(moment >= due for due, moment in went_off)


def test_a_stopped_reactor_refuses_calls_and_stops_again(reactor: Reactor) -> None:
    reactor.stop()
    reactor.stop()
    with pytest.raises(KataError, match="the reactor under test is not running"):
        reactor.call(lambda: None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_reactor_that_died(reactor: Reactor) -> None:
    def die() -> None:
        raise ZeroDivisionError

    def call_for_ever() -> None:
        while True:
            reactor.call(lambda: None)

    reactor.call(lambda: reactor.at(0.0, die))
    with pytest.raises(KataError, match=r"the reactor under test (is not running|has stopped)"):
        call_for_ever()
