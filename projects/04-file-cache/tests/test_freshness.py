import pytest

from file_cache.domain import Draft, Freshness, Metadata
from file_cache.errors import InvalidFieldError
from file_cache.freshness import error_seconds_of, freshness_field, freshness_of

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("header", "ttl_seconds"),
    [
        (None, 7),
        ("", 7),
        ("no-store, x=1", 7),
        ("max-age=60", 60),
        (" max-age=60 ", 60),
        ("MAX-AGE=060", 60),
        ("max-age=60, s-maxage=5", 5),
        ("s-maxage=0,max-age=60", 0),
        (" , ,public ,max-age=1 ,max-age=1,", 1),
        ('x="a, max-age=3, \\" ", max-age=4', 4),
        ("max-age=2147483648", 2**31),
        ("max-age=2147483649", 2**31),
        (f"max-age={'9' * 5000}", 2**31),
    ],
)
def test_the_time_to_live_is_read(header: str | None, ttl_seconds: int) -> None:
    assert freshness_of(header, 7).ttl_seconds == ttl_seconds


@pytest.mark.parametrize(
    "header",
    [
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age=+1",
        "max-age=\uff11",
        'max-age="60"',
        "max-age = 60",
        "max-age=60 public",
        "max-age=60, max-age=61",
        "s-maxage=x, max-age=60",
        "=",
        'x="',
        "a;b",
    ],
)
def test_what_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(InvalidFieldError):
        freshness_of(header, 7)


def test_an_entry_is_fresh_until_the_instant_at_which_it_expires() -> None:
    metadata = Metadata(Draft(b"k", Freshness(2), "a/b"), 0, b"", 5 * SECOND_NS)
    assert metadata.is_fresh(7 * SECOND_NS - 1)
    assert not metadata.is_fresh(7 * SECOND_NS)


def test_age_is_cut_to_whole_seconds_and_never_negative() -> None:
    metadata = Metadata(Draft(b"k", Freshness(2), "a/b"), 0, b"", 5 * SECOND_NS)
    assert [metadata.age_seconds(now) for now in (0, 6 * SECOND_NS - 1, 6 * SECOND_NS)] == [0, 0, 1]


def test_an_entry_may_be_given_out_stale() -> None:
    freshness = freshness_of("max-age=2, stale-if-error=9, Stale-While-Revalidate=3", 7)
    assert freshness == Freshness(2, 3, 9)
    assert freshness_field(freshness) == "max-age=2, stale-while-revalidate=3, stale-if-error=9"
    metadata = Metadata(Draft(b"k", freshness, "a/b"), 0, b"", 5 * SECOND_NS)
    assert metadata.is_revalidated(10 * SECOND_NS - 1)
    assert not metadata.is_revalidated(10 * SECOND_NS)
    assert metadata.is_for_errors(9 * SECOND_NS - 1, 2)
    assert not metadata.is_for_errors(9 * SECOND_NS, 2)
    assert metadata.is_for_errors(16 * SECOND_NS - 1, 1000)
    assert not metadata.is_for_errors(16 * SECOND_NS, 1000)
    assert metadata.is_kept(16 * SECOND_NS - 1)
    assert not metadata.is_kept(16 * SECOND_NS)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("max-age=0", None),
        ("stale-if-error=5", 5),
        ("no-cache, STALE-IF-ERROR=0", 0),
        ("stale-if-error", None),
        ("stale-if-error=x", None),
        ('"', None),
    ],
)
def test_what_a_reader_cannot_write_is_passed_over(header: str | None, seconds: int | None) -> None:
    assert error_seconds_of(header) == seconds
