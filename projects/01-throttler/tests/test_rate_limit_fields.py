import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throttler.limiter import Budget, Decision, Policy, Standing
from throttler.rate_limit_fields import (
    rate_limit,
    rate_limit_policy,
    retry_after_seconds,
    violated_policies,
    whole_seconds,
)

ONE = Budget("/route", (Policy("default", 10, 60),))
TWO = Budget("/route", (Policy("burst", 5, 1), Policy("daily", 5000, 86_400)))

# RFC 9651: a list of strings with integer parameters.
ITEM = r'"[ -!#-\[\]-~]*"(;[a-z]+=-?[0-9]{1,15})*'
LIST = re.compile(rf"{ITEM}(, {ITEM})*")


def admitted(*standings: Standing) -> Decision:
    return Decision(standings, admitted=True)


def test_the_policy_field_names_each_policy_with_its_quota_and_window() -> None:
    assert rate_limit_policy(ONE) == '"default";q=10;w=60'
    assert rate_limit_policy(TWO) == '"burst";q=5;w=1, "daily";q=5000;w=86400'


def test_the_limit_field_tells_what_is_left_and_when_there_is_more() -> None:
    assert rate_limit(ONE, admitted(Standing(7, 41_000_001, 0))) == '"default";r=7;t=42'


def test_a_full_quota_has_no_time_at_which_there_is_more() -> None:
    assert rate_limit(ONE, admitted(Standing(10, 0, 0))) == '"default";r=10'


def test_a_rejection_names_the_violated_policies_and_the_longest_wait_among_them() -> None:
    decision = Decision((Standing(0, 300_000, 300_000), Standing(77, 50_000_000_000, 0)), admitted=False)
    assert rate_limit(TWO, decision) == '"burst";r=0;t=1'
    assert violated_policies(TWO, decision) == ["burst"]
    assert retry_after_seconds(decision) == 1
    both = Decision((Standing(0, 300_000, 300_000), Standing(0, 50_000_000, 61_000_000)), admitted=False)
    assert rate_limit(TWO, both) == '"burst";r=0;t=1, "daily";r=0;t=50'
    assert violated_policies(TWO, both) == ["burst", "daily"]
    assert retry_after_seconds(both) == 61


@pytest.mark.parametrize(
    ("microseconds", "seconds"), [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)]
)
def test_seconds_are_rounded_up(microseconds: int, seconds: int) -> None:
    assert whole_seconds(microseconds) == seconds


@given(st.integers(1, 86_400_000_000))
def test_who_waits_the_told_seconds_waits_long_enough_and_less_than_a_second_too_long(retry_us: int) -> None:
    told_us = retry_after_seconds(Decision((Standing(0, retry_us, retry_us),), admitted=False)) * 1_000_000
    assert retry_us <= told_us < retry_us + 1_000_000


@given(st.integers(0, 1_000_000), st.integers(0, 86_400_000_000), st.integers(0, 86_400_000_000))
def test_the_fields_are_structured_fields(remaining: int, reset_us: int, retry_us: int) -> None:
    standing = Standing(remaining, reset_us, retry_us)
    decision = Decision((standing, standing), admitted=retry_us == 0)
    assert LIST.fullmatch(rate_limit(TWO, decision))
    assert LIST.fullmatch(rate_limit_policy(TWO))
