from datetime import UTC, datetime, timedelta

import pytest

from backup.ulid import PATTERN, time_of, ulid

MOMENT = datetime(2026, 11, 26, 17, 1, 2, 345_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment", [datetime(1970, 1, 1, tzinfo=UTC), MOMENT, datetime(9999, 1, 1, tzinfo=UTC)]
)
def test_an_id_tells_its_moment(moment: datetime) -> None:
    made = ulid(moment)
    assert PATTERN.fullmatch(made)
    assert time_of(made) == moment


def test_ids_sort_by_time() -> None:
    moments = [MOMENT + timedelta(milliseconds=number) for number in range(50)]
    made = [ulid(moment) for moment in moments]
    assert made == sorted(made)


def test_the_example_of_the_specification_is_read() -> None:
    assert time_of("01ARZ3NDEKTSV4RRFFQ69G5FAV") == datetime(2016, 7, 30, 23, 54, 10, 259_000, tzinfo=UTC)
