from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from reminders.domain import Channel, Draft, Reminder
from reminders.lifecycle import begun
from reminders.page import Overview, count, span, strip

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def reminder(due_in_seconds: float) -> Reminder:
    due_at = NOW + timedelta(seconds=due_in_seconds)
    return begun(UUID(int=1), Draft("tea", due_at, Channel.LOG, None), NOW)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "now"),
        (-0.9, "now"),
        (1.0, "in 1 s"),
        (59.9, "in 59 s"),
        (60.0, "in 1 min"),
        (-7200.0, "2 h ago"),
        (86_400.0 * 400, "in 400 d"),
    ],
)
def test_a_distance_is_written_in_its_largest_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_count_that_was_cut_off_says_so() -> None:
    assert [count(0), count(999), count(1000)] == ["0", "999", "1000+"]


def test_the_strip_is_the_next_minute() -> None:
    overview = Overview(
        now=NOW,
        counts={},
        due=[reminder(-5), reminder(30), reminder(61)],
        delivering=[],
        retrying=[reminder(60)],
        dead=[],
    )
    assert strip(overview) == [(0.0, "due"), (0.5, "due"), (1.0, "retrying")]
    assert strip(None) == []
