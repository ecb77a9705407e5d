import threading
import time
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kata.judge.intervals import (
    TOLERANCE_SECONDS,
    Inconclusive,
    Side,
    side_of_end,
    surely_after,
    surely_within,
    wait_until,
)
from kata.judge.stalls import STALL_SECONDS, StallMonitor
from kata.judge.timeline import timeline
from kata.network.exchange import Exchange, Span

moments = st.floats(0, 100)
durations = st.floats(0, 10)
windows = st.floats(0.5, 10)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    sent = draw(moments)
    return Span(sent, sent + draw(durations))


def exchange(sent: float, status: int, received: float | None = None) -> Exchange:
    return Exchange(sent, sent + 0.001 if received is None else received, status)


@given(opened=spans(), now=spans(), window_seconds=windows, share=st.floats(0, 1), other=st.floats(0, 1))
def test_a_judgement_holds_wherever_the_server_acted_within_the_spans(
    opened: Span, now: Span, window_seconds: float, share: float, other: float
) -> None:
    began = min(opened.sent + share * (opened.received - opened.sent), opened.received)
    seen = min(now.sent + other * (now.received - now.sent), now.received)
    ended = began + window_seconds
    if surely_within(opened, now, window_seconds):
        assert seen <= ended
    if surely_after(opened, now, window_seconds):
        assert seen >= ended


@given(opened=spans(), now=spans(), window_seconds=windows)
def test_nothing_is_on_both_sides_of_the_end(opened: Span, now: Span, window_seconds: float) -> None:
    assert not (surely_within(opened, now, window_seconds) and surely_after(opened, now, window_seconds))


def test_within_counts_from_the_sending_and_after_from_the_receiving() -> None:
    opened = Span(10.0, 10.3)
    assert surely_within(opened, Span(10.5, 11.0), 1.0)
    assert not surely_within(opened, Span(10.5, 11.01), 1.0)
    assert not surely_after(opened, Span(11.3, 11.4), 1.0)
    assert surely_after(opened, Span(11.36, 11.4), 1.0)
    assert surely_after(opened, Span(11.3, 11.4), 1.0, tolerance_seconds=0.0)


def test_judge_names_the_side() -> None:
    opened = Span(10.0, 10.1)
    assert side_of_end(opened, Span(10.8, 10.9), 1.0) is Side.WITHIN
    assert side_of_end(opened, Span(11.2, 11.3), 1.0) is Side.AFTER


def test_judge_refuses_when_it_could_be_either_and_says_why() -> None:
    with pytest.raises(Inconclusive) as refusal:
        side_of_end(Span(10.0, 10.1), Span(10.9, 11.02), 1.0)
    assert str(refusal.value) == (
        "a request between +0.900 s and +1.020 s is too close to the end of the 1 s window "
        "(between +1.000 s and +1.150 s)"
    )


def test_wait_until_is_never_early_and_does_not_wait_for_the_past() -> None:
    for _ in range(20):
        moment = time.monotonic() + 0.003
        wait_until(moment)
        assert time.monotonic() >= moment
    wait_until(time.monotonic() - 1000)


def test_a_stall_is_seen_and_measured() -> None:
    """A long call in C keeps the interpreter's lock, which stops other threads as a paused machine would."""
    with StallMonitor() as monitor:
        started = time.monotonic()
        while monitor.worst_between(started, time.monotonic()) < STALL_SECONDS:
            sum(repeat(1, 60_000_000))
    assert monitor.worst_between(started - 2, started - 1) == 0.0


def test_a_stall_counts_only_for_the_intervals_it_overlaps() -> None:
    moments = iter([0.0, 0.005, 0.210, 0.215, 0.220, 0.520])  # the start, and then when each nap ended
    ended = threading.Event()

    def clock() -> float:
        moment = next(moments, None)
        if moment is None:
            ended.set()
            return 0.522
        return moment

    with StallMonitor(clock) as monitor:
        assert ended.wait(10)
    first, second = pytest.approx(0.200), pytest.approx(0.295)  # from the moment at which the nap was due
    assert monitor.worst_between(0.0, 0.220) == first
    assert monitor.worst_between(0.1, 0.15) == first
    assert monitor.worst_between(0.211, 0.220) == 0.0
    assert monitor.worst_between(0.0, 0.6) == second
    assert monitor.worst_between(0.4, 0.41) == second


def test_a_stall_that_is_still_going_on_counts() -> None:
    gate = threading.Event()

    def nap(_seconds: float) -> None:
        gate.wait(10)

    with StallMonitor(sleep=nap) as monitor:
        started = time.monotonic()
        wait_until(started + 0.1)
        assert monitor.worst_between(started, started + 0.1) >= 0.09
        gate.set()


def test_the_monitor_ends_its_thread_and_can_start_again() -> None:
    monitor = StallMonitor()
    for _ in range(2):
        monitor.start()
        assert [thread.name for thread in threading.enumerate()].count("stall-monitor") == 1
        with pytest.raises(RuntimeError):
            monitor.start()
        monitor.stop()
        monitor.stop()
        assert "stall-monitor" not in [thread.name for thread in threading.enumerate()]


def test_the_threshold_is_more_than_the_tolerance() -> None:
    assert STALL_SECONDS > TOLERANCE_SECONDS


def test_the_timeline_groups_what_was_sent_together_and_marks_the_last() -> None:
    burst = [exchange(100.610 + number / 1000, 429 if number == 4 else 200) for number in range(9)]
    exchanges = [exchange(100.0, 200), *burst, exchange(101.012, 200), exchange(101.020, 200)]
    assert timeline(exchanges) == "+0.000 200 | +0.610 8x200 1x429 | +1.012 200 | +1.020 200 <-"


def test_a_group_ends_50_ms_after_its_first_request() -> None:
    exchanges = [exchange(moment, 200) for moment in (5.0, 5.049, 5.051, 9.0)]
    assert timeline(exchanges) == "+0.000 2x200 | +0.051 200 | +4.000 200 <-"


def test_the_timeline_is_in_the_order_of_sending_and_shows_missing_answers() -> None:
    exchanges = [exchange(3.0, 429), exchange(1.0, 0), exchange(1.0, 0), exchange(2.0, 0)]
    assert timeline(exchanges) == "+0.000 2x--- | +1.000 --- | +2.000 429 <-"


def test_a_timeline_of_nothing_and_of_one() -> None:
    assert timeline([]) == "(no requests)"
    assert timeline([exchange(7.0, 204)]) == "+0.000 204 <-"
