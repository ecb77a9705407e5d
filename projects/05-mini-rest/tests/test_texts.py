"""What is read from headers and queries, whatever is sent."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_rest.cursors import Cursors
from mini_rest.domain import Listing, Place, Sort, Status
from mini_rest.errors import InvalidFieldError, InvalidKeyError, InvalidQueryError
from mini_rest.idempotency import key_of
from mini_rest.negotiation import weight_of
from mini_rest.preconditions import entity_tag, expected_by, is_known
from mini_rest.query import listing_of

CURSORS = Cursors("a secret of this test")
HERE = UUID("01900000-0000-7000-8000-000000000000")
moments = st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it gets one
places = st.builds(Place, st.none() | moments, st.uuids(), st.booleans())
listings = st.builds(
    Listing, st.none() | st.sampled_from(Status), st.none() | st.uuids(), st.booleans(), st.sampled_from(Sort)
)


@given(listings, places)
def test_a_place_survives_its_cursor(listing: Listing, place: Place) -> None:
    assert CURSORS.read(HERE, listing, CURSORS.write(HERE, listing, place)) == place


@given(listings, listings, places)
def test_a_cursor_is_good_for_its_own_list_alone(one: Listing, other: Listing, place: Place) -> None:
    cursor = CURSORS.write(HERE, one, place)
    if one != other:
        with pytest.raises(InvalidFieldError):
            CURSORS.read(HERE, other, cursor)
    with pytest.raises(InvalidFieldError):
        CURSORS.read(uuid4(), one, cursor)


@given(st.text())
def test_a_cursor_that_nobody_wrote_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldError):
        CURSORS.read(HERE, Listing(), text)


@given(st.binary())
def test_any_query_is_read_or_refused(query: bytes) -> None:
    try:
        listing = listing_of(query, CURSORS, HERE)
    except InvalidQueryError:
        return
    assert 1 <= listing.limit <= 100


def test_all_that_is_wrong_with_a_query_is_told() -> None:
    with pytest.raises(InvalidQueryError) as caught:
        listing_of(b"limt=1&limit=1&limit=2&sort=title", CURSORS, HERE)
    assert [(flaw.field, flaw.code) for flaw in caught.value.flaws] == [
        ("limt", "unknown"),
        ("limit", "repeated"),
        ("sort", "invalid"),
    ]


@given(
    st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'),
        min_size=1,
        max_size=255,
    )
)
def test_a_key_is_the_same_in_quotes_and_without(key: str) -> None:
    assert key_of([key]) == key_of([f'"{key}"']) == key


@pytest.mark.parametrize(
    "lines", [[""], ['""'], ["a", "a"], ['"a'], ['a"b" c'], ["a b"], ["x" * 256], ["é"], ['"a";b']]
)
def test_what_is_no_key_is_refused(lines: list[str]) -> None:
    with pytest.raises(InvalidKeyError):
        key_of(lines)


@given(st.integers(1, 2**31), st.integers(1, 2**31))
def test_strong_tags_match_their_version_and_weak_ones_none(version: int, other: int) -> None:
    tag = entity_tag(version)
    listed = expected_by([f'{tag}, "{other}"'])
    weak = expected_by([f"W/{tag}"])
    assert listed is not None
    assert weak is not None
    assert listed.allows(version)
    assert not weak.allows(version)
    assert is_known(version, [f"W/{tag}"])


@pytest.mark.parametrize(
    ("accepted", "weight"),
    [
        ("*/*", 1.0),
        ("application/json;q=0", 0.0),
        ("text/html, */*;q=0.1", 0.1),
        ("application/json;q=0.2, application/*;q=0.9", 0.2),
        ("text/html", 0.0),
        ("nonsense", 1.0),
    ],
)
def test_the_most_specific_range_decides(accepted: str, weight: float) -> None:
    assert weight_of("application/json", accepted) == weight
