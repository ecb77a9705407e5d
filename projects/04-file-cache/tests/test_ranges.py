import pytest

from file_cache.domain import Draft, Freshness, Metadata
from file_cache.errors import UnsatisfiableRangeError
from file_cache.ranges import part_of

TEN = Metadata(Draft(b"k", Freshness(60), "a/b"), 10, bytes(32), 0)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=3-99999999999999999999", (3, 10)),
        ("bytes=-1", (9, 10)),
        ("bytes=-10", (0, 10)),
        ("bytes=-11", (0, 10)),
        ("BYTES=,1-2,", (1, 3)),
        (None, None),
        ("", None),
        ("bytes=2-1", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes 0-1", None),
        ("lines=0-1", None),
        ("bytes=\uff11-2", None),
    ],
)
def test_a_part_is_found_and_what_is_none_is_passed_over(
    header: str | None, part: tuple[int, int] | None
) -> None:
    assert part_of(TEN, header, None) == part


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-12", "bytes=-0", f"bytes={'9' * 50}-"])
def test_what_is_beyond_the_end_is_refused(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        part_of(TEN, header, None)


def test_if_range_is_compared_strongly() -> None:
    assert part_of(TEN, "bytes=0-0", TEN.etag) == (0, 1)
    for other in (f"W/{TEN.etag}", '"other"', TEN.etag.strip('"'), "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert part_of(TEN, "bytes=0-0", other) is None
