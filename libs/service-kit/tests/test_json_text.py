import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.json_text import NESTING_LIMIT, InvalidJsonError, parse, render

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(DOCUMENTS)
def test_what_the_standard_library_writes_is_read_as_it_was(document: object) -> None:
    assert parse(json.dumps(document).encode()) == document


@given(DOCUMENTS)
def test_what_is_rendered_the_standard_library_reads(document: object) -> None:
    assert json.loads(render(document)) == document


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"{'a': 1}", b'"\xff"', b"[1,]"],
)
def test_what_is_no_json_is_refused_without_being_repeated(text: bytes) -> None:
    with pytest.raises(InvalidJsonError) as caught:
        parse(text)
    assert "line 1" in str(caught.value)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("inside", ["1", "[]"])
def test_nesting_has_a_limit(opening: str, closing: str, inside: str) -> None:
    levels = NESTING_LIMIT - (inside == "[]")
    parse((opening * levels + inside + closing * levels).encode())
    with pytest.raises(InvalidJsonError, match="nested more than 100 levels"):
        parse((opening * (levels + 1) + inside + closing * (levels + 1)).encode())


def test_nesting_up_to_the_limit_beside_other_brackets_is_allowed() -> None:
    inner = NESTING_LIMIT - 1
    parse(b"[[]," + b"[" * inner + b"]" * inner + b"]")


@pytest.mark.parametrize("levels", [1_000, 1_000_000])
def test_absurd_nesting_is_refused_too(levels: int) -> None:
    with pytest.raises(InvalidJsonError):
        parse(b"[" * levels + b"]" * levels)


def test_a_wide_document_is_no_deep_one() -> None:
    assert parse(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


def test_values_beyond_json_have_one_form() -> None:
    moment = datetime(2026, 11, 20, 12, 0, tzinfo=timezone(timedelta(0)))
    assert render({"at": moment, "utc": moment.astimezone(UTC), 1: UUID(int=1), "error": KeyError("x")}) == (
        b'{"at":"2026-11-20T12:00:00Z","utc":"2026-11-20T12:00:00Z",'
        b'"1":"00000000-0000-0000-0000-000000000001","error":"\'x\'"}'
    )
