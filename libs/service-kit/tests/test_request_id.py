from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.request_id import bind, choose, current, uuid7

WELL_FORMED = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)


@given(WELL_FORMED)
def test_a_well_formed_id_is_kept(offered: str) -> None:
    assert choose(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "a b", "a\nb", "a" * 65, "é", "{}", '"', "a\n"])
def test_any_other_is_replaced(offered: str | None) -> None:
    chosen = choose(offered)
    assert chosen != offered
    assert UUID(chosen).version == 7


def test_no_two_are_alike() -> None:
    assert len({choose(None) for _ in range(1000)}) == 1000


def test_a_uuid7_is_laid_out_as_in_the_rfc() -> None:
    """The example of RFC 9562, appendix A.6."""
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    randomness = (rand_a << 62 | rand_b & (1 << 62) - 1).to_bytes(10)
    assert uuid7(0x017F22E279B0, randomness) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 2), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_uuid7_sorts_by_time_whatever_the_noise(milliseconds: int, earlier: bytes, later: bytes) -> None:
    first, second = uuid7(milliseconds, earlier), uuid7(milliseconds + 1, later)
    assert first < second
    assert (UUID(first).version, UUID(first).variant) == (7, "specified in RFC 4122")


def test_the_current_id_is_the_one_bound_last() -> None:
    bind("first")
    bind("second")
    assert current() == "second"
