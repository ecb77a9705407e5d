"""The sparse index, held against reading everything."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from log_viewer.index import BLOCK_BYTES, TimeIndex

instants = st.none() | st.integers(min_value=-50, max_value=50)


@given(st.lists(st.tuples(st.integers(min_value=1, max_value=BLOCK_BYTES), instants)), instants, instants)
def test_the_spans_have_every_entry_of_the_range(
    entries: list[tuple[int, int | None]], since: int | None, until: int | None
) -> None:
    index = TimeIndex()
    place = 0
    wanted = []
    for size, instant in entries:
        index.observe(place, place + size, instant)
        if instant is not None and (since is None or instant >= since) and (until is None or instant < until):
            wanted.append(place)
        place += size
    spans = list(index.spans(since, until))
    assert index.end == place
    assert all(any(start <= entry < end for start, end in spans) for entry in wanted)
    assert spans == sorted(spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_blocks_outside_the_range_are_left_out() -> None:
    index = TimeIndex()
    for number in range(100):
        index.observe(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES, number)
    assert list(index.spans(40, 43)) == [(40 * BLOCK_BYTES, 43 * BLOCK_BYTES)]
