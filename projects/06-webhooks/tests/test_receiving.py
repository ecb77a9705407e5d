from datetime import UTC, datetime, timedelta

import pytest

from webhooks.receiving import is_recent

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(None, False), (0.0, True), (0.9, True), (1.0, False), (60.0, False), (86_400.0, False)],
)
def test_a_use_is_written_down_again_when_it_is_a_second_old(ago: float | None, expected: bool) -> None:
    last_used_at = None if ago is None else NOW - timedelta(seconds=ago)
    assert is_recent(last_used_at, NOW) is expected
