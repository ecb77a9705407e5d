"""The library says what lesson 09's own reader and normaliser say, of the same bad input."""

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import validation.codes
import validation.errors
import validation.reader
import validation.value
import validation.views
import validation_problems
from validation.compiled import Compiled
from validation.registry import Version
from validation_problems import (
    CODES,
    InvalidInputError,
    Limits,
    MalformedError,
    Value,
    View,
    body_of,
    problem_of,
)

from .orders import GOOD, SCHEMA
from .test_backends import MISTAKES, Step, put

SUITE: Final = Path(validation.__file__).parents[2] / "tests/json-schema-test-suite/tests/draft2020-12"
LIMITS: Final = (20, 60, 40)


def exact(value: Value) -> Value:
    """Return the numbers as the lesson has them."""
    if isinstance(value, dict):
        return {name: exact(member) for name, member in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def test_the_tables_of_codes_are_the_same() -> None:
    table = {name: (row.status, row.detail, row.params) for name, row in CODES.items()}
    of_lesson = {name: (row.status, row.detail, row.params) for name, row in validation.codes.CODES.items()}
    assert {name: row for name, row in table.items() if name != "invalid"} == of_lesson


def read_by_lesson(text: bytes) -> tuple[object, ...]:
    try:
        return ("read", validation.reader.read(text, validation.value.Limits(*LIMITS)))
    except validation.errors.MalformedError as error:
        return (error.code, dict(error.place), error.limit, str(error))


def read_by_library(text: bytes) -> tuple[object, ...]:
    try:
        return ("read", exact(validation_problems.read(text, Limits(*LIMITS))))
    except MalformedError as error:
        return (error.code, dict(error.place), error.limit, str(error))


MALFORMED: Final = [
    b'{"a":1,"\\u0061":2}',
    b'{"a":{"b:":1,"b:":2}}',
    '["é",\n "\\ud800"]'.encode(),
    b"\xef\xbb\xbf1",
    b'"\xff"',
    b"[1,]",
    b"NaN",
    b"[-Infinity]",
    b'"a\nb"',
    b'{"a":',
    b"",
    b"1 2",
    b"1e999",
    b"1e-999",
    b"[1e-9999999999999999999]",
    b"[0e9999999999999999999, -0.0e-9999999999999999999]",
    b"[" + b"1" * 309 + b"]",
    b"[0." + b"1" * 1000 + b"2]",
    b"[0." + b"1" * 1099 + b"]",
    b"[0.1000000000000000000000001, 18446744073709551617, 1.0, 1e3, -0.0, 1E400]",
    b"[" * 21,
    b"[" * 100_000,
    json.dumps([0] * 61).encode(),
    json.dumps([""] * 41).encode(),
    json.dumps({f"{number}": "" for number in range(21)}).encode(),
    b'{"a": 1.0, "b": [5.00, 1e16, 1.5e-7, 4.02]}',
    b'{"id":"1e5","uuid":"019ab3a0-12e4-7000","iban":"DE89370400440532013000"}',
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: str(text[:30]))
def test_a_text_is_read_alike_or_refused_alike(text: bytes) -> None:
    assert read_by_library(text) == read_by_lesson(text)


PIECES: Final = (
    *('{"a":', '"b"', "[", "]", "{", "}", ",", ":", " ", "\n", "0", "-1", "1.0", "2.50", "1e5", "1E-7"),
    *('"\\u0061"', '"\\ud83d\\ude00"', '"\\ud800"', "true", "null", "nul", '"é"', '"a":1', "\x00", "9" * 20),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_read_alike_or_refused_alike(text: str) -> None:
    assert read_by_library(text.encode()) == read_by_lesson(text.encode())


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.0, 1e22, 0.1])
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab:é\\"), inner, max_size=4),
)


@given(values, st.sampled_from([None, (",", ":")]), st.booleans())
def test_any_value_is_read_alike(value: Value, separators: tuple[str, str] | None, escaped: bool) -> None:
    text = json.dumps(value, separators=separators, ensure_ascii=escaped).encode()
    assert read_by_library(text) == read_by_lesson(text)


def told_by_lesson(schema: dict[str, Value], value: Value, view: View) -> object:
    limits = validation.value.Limits(64, 20_000, 20_000)
    read, kept = (validation.reader.read(json.dumps(one).encode(), limits) for one in (value, schema))
    assert isinstance(kept, dict)
    found = Compiled(Version(kept, {}, assert_format=True), 100).findings(read)
    if found.is_valid:
        return None
    shown = validation.views.members(found, validation.views.View(view))
    return [entry.document() for entry in found.entries], shown


def told_by_library(schema: dict[str, Value], value: Value, view: View) -> object:
    try:
        body_of(schema).read(json.dumps(value).encode())
    except InvalidInputError as error:
        problem = problem_of(error, view=view)
        return problem.document()["errors"], problem.extensions
    return None


def agree(schema: dict[str, Value], value: Value, view: View) -> None:
    mine, theirs = told_by_library(schema, value, view), told_by_lesson(schema, value, view)
    assert json.dumps(mine, default=float) == json.dumps(theirs, default=float)


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize(("path", "mistake"), MISTAKES, ids=str)
def test_a_mistake_in_an_order_is_told_alike(path: tuple[Step, ...], mistake: Value, view: View) -> None:
    order = copy.deepcopy(GOOD)
    put(order, path, mistake)
    put(order, ("unknown",), 1)
    agree(SCHEMA, order, view)


BRANCH: Final[dict[str, Value]] = {
    "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
    "required": ["kind"],
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"additionalProperties": False}, {"a": 1, "b": 2}),
        ({"items": {"additionalProperties": False}}, [{"a": 1}, {}, {"": 2}]),
        ({"allOf": [{"type": "string"}, {"type": "string"}, {"minLength": 2}]}, 1),
        ({"allOf": [{"minimum": 5}, {"minimum": 9}]}, 1),
        ({"properties": {"": {"properties": {"": {"type": "integer"}}}}}, {"": {"": "x", "a": ""}}),
        ({"additionalProperties": {"type": "string"}}, {"0": 1, "": 2}),
        ({"oneOf": [BRANCH, {"properties": {"kind": {"const": 0.5}}}]}, {"kind": "a", "size": "x"}),
        (
            {"$dynamicRef": "#u", "$defs": {"u": {"$dynamicAnchor": "u", "oneOf": [BRANCH]}}},
            {"kind": "a", "size": ""},
        ),
        ({"maximum": 2**70}, 2**71),
        ({"const": 2**64}, 2**64 + 1),
        ({"type": "string", "format": "date"}, "2026-02-30"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1),
    ],
    ids=str,
)
def test_what_the_suite_does_not_have_is_told_alike(schema: dict[str, Value], value: Value) -> None:
    agree(schema, value, View.BASIC)


def cases() -> Iterator[tuple[str, dict[str, Value], Value]]:
    """Yield what the JSON Schema Test Suite refuses; references to its server are the registry's business."""
    for path in sorted(SUITE.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            if isinstance(group["schema"], dict) and "localhost:1234" not in json.dumps(group["schema"]):
                for test in group["tests"]:
                    if not test["valid"]:
                        yield (
                            f"{path.stem}: {group['description']}: {test['description']}",
                            group["schema"],
                            test["data"],
                        )


CASES: Final = list(cases())


def test_the_suite_is_there() -> None:
    assert len(CASES) > 400


@pytest.mark.parametrize(("schema", "value"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_schema_refuses_is_told_alike(schema: dict[str, Value], value: Value) -> None:
    agree(schema, value, View.BASIC)
