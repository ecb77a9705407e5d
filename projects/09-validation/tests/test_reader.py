import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.canonical import canonical
from validation.errors import MalformedError
from validation.quick import read_quickly
from validation.reader import read, read_carefully
from validation.value import Limits, Value

LIMITS = Limits(20, 1000, 1000)
SCALARS = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text('aé\0"\\/😀'), inner, max_size=5),
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_what_is_written_is_read(value: Value, indent: int | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert read(text.encode(), Limits(100, 10_000, 10_000)) == value


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.decimals(
    allow_nan=False, allow_infinity=False
)


@given(
    st.recursive(
        SCALARS | NUMBERS.map(str).map(float),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab:"), inner),
    )
)
def test_what_is_read_quickly_is_what_is_read_carefully(value: Value) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    found = read_quickly(text, LIMITS)
    if found is not None:
        careful = read_carefully(text, LIMITS)
        assert (found[0], repr(found[0])) == (careful, repr(careful))


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b:":1,"b:":2}}',
        b"NaN",
        b"1e5",
        b"12345678901234567",
        b'"\\u0061"',
        b"[" * 30,
        b"\xff",
        b"1 2",
    ],
)
def test_what_needs_care_is_not_read_quickly(text: bytes) -> None:
    assert read_quickly(text, LIMITS) is None


@given(VALUES)
def test_the_canonical_form_is_what_it_is_the_form_of(value: Value) -> None:
    once = canonical(value)
    assert read(once.encode(), Limits(100, 10_000, 10_000)) == value
    assert canonical(json.loads(once)) == once


@given(st.binary(max_size=60))
def test_whatever_is_read_nothing_but_a_fault_is_raised(text: bytes) -> None:
    with suppress(MalformedError):
        assert canonical(read(text, LIMITS)) == canonical(read(json.dumps(json.loads(text)).encode(), LIMITS))


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("1.0", "1"), ("-0", "0"), ("-0.0", "0"), ("1E2", "100"), ("4.50", "4.5"), ("1e21", "1e+21"),
        ("123456789012345678901", "123456789012345678901"), ("0.000001", "0.000001"), ("0.0000001", "1e-7"),
        ("-123e-20", "-1.23e-18"), ("18446744073709551617", "18446744073709551617"), ("1e-300", "1e-300"),
        ("333333333.33333329", "333333333.33333329"), ("1e308", "1e+308"),
    ],
)  # fmt: skip
def test_numbers_have_one_form(written: str, form: str) -> None:
    assert canonical(read(written.encode(), LIMITS)) == form


@given(
    st.floats(allow_nan=False, allow_infinity=False).filter(
        lambda number: number == 0 or abs(number) > 1e-300
    )
)
def test_the_form_of_a_double_is_that_of_its_shortest_digits(number: float) -> None:
    assert float(canonical(read(repr(number).encode(), LIMITS))) == number


def test_names_are_in_the_order_of_utf_16() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'


def test_numbers_are_exact() -> None:
    assert read(b"0.1000000000000000000000000000001", LIMITS) == Decimal("0.1000000000000000000000000000001")
    assert isinstance(read(b"1e3", LIMITS), int)


@pytest.mark.parametrize(
    ("text", "code", "offset", "line", "column"),
    [
        (b'{"a":1,"\\u0061":2}', "duplicate_name", 7, 1, 8),
        ('["é",\n "\\ud800"]'.encode(), "lone_surrogate", 9, 2, 3),
        (b"\xef\xbb\xbf1", "byte_order_mark", 0, 1, 1),
        (b'"\xff"', "invalid_utf8", 1, 1, 2),
        (b"[1,]", "unexpected_character", 3, 1, 4),
        (b"NaN", "unexpected_character", 0, 1, 1),
        (b'"a\nb"', "unexpected_character", 2, 1, 3),
        (b'{"a":', "unexpected_end", 5, 1, 6),
        (b"1 2", "trailing_data", 2, 1, 3),
        (b"1e999", "number_out_of_range", 0, 1, 1),
        (b"1e-999", "number_out_of_range", 0, 1, 1),
        (b"1e-9999999999999999999", "number_out_of_range", 0, 1, 1),
        (b"1" * 401, "number_out_of_range", 0, 1, 1),
        (b"[" * 21, "depth_limit", 20, 1, 21),
    ],
)
def test_a_fault_is_told_with_its_place(text: bytes, code: str, offset: int, line: int, column: int) -> None:
    with pytest.raises(MalformedError) as raised:
        read(text, LIMITS)
    place = {name: raised.value.place[name] for name in ("offset", "line", "column")}
    assert (raised.value.code, place) == (code, {"offset": offset, "line": line, "column": column})


@pytest.mark.parametrize(
    ("value", "limits"),
    [([0] * 5, Limits(9, 5, 9)), ({"a": {"b": []}}, Limits(3, 2, 2)), (["a", {"b": "c"}], Limits(9, 9, 3))],
)
def test_limits_are_exact(value: Value, limits: Limits) -> None:
    text = json.dumps(value).encode()
    assert read(text, limits) == value
    for less in (
        Limits(limits.depth - (limits.depth < 9), limits.members, limits.strings),
        Limits(limits.depth, limits.members - (limits.members < 9), limits.strings),
        Limits(limits.depth, limits.members, limits.strings - (limits.strings < 9)),
    ):
        if less != limits:
            with pytest.raises(MalformedError):
                read(text, less)
