"""One call for whatever a library has raised."""

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, get_args
from uuid import UUID

import jsonschema_rs
import msgspec
import orjson
import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core.core_schema import ErrorType

from validation_problems import (
    CODES,
    Code,
    Entry,
    InvalidInputError,
    Limits,
    MalformedError,
    NotAValidationError,
    Problem,
    Value,
    View,
    body_of,
    findings,
    problem_of,
    read,
)
from validation_problems._pydantic import _FORMATS, _OTHERS, _TYPES
from validation_problems.openapi import COMPONENTS

from .orders import GOOD, SCHEMA, Order, OrderStruct


def caught(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever the library raises
        call()
    return raised.value


def told(problem: Problem) -> list[tuple[str, str, object]]:
    return [(one, entry.code, dict(entry.params)) for one, entry in problem.findings.by_pointer]


BAD: dict[str, object] = {**GOOD, "items": [{"sku": "ABC-0001", "qty": 1000, "price": 1}]}
WANTED = [("#/items/0/qty", "not_below", {"limit": 1000})]


def test_each_library_s_own_error_becomes_the_same_problem() -> None:
    errors = [
        (caught(lambda: Order.model_validate_json(json.dumps(BAD))), Order),
        (caught(lambda: jsonschema_rs.validate(SCHEMA, BAD)), SCHEMA),
    ]
    assert [told(problem_of(error, declared)) for error, declared in errors] == [WANTED] * 2
    # Of an integer msgspec tells the bound that it has made of this one.
    error = caught(lambda: msgspec.json.decode(json.dumps(BAD), type=OrderStruct))
    assert told(problem_of(error)) == [("#/items/0/qty", "too_large", {"limit": 999})]


@pytest.mark.parametrize(
    "decode", [json.loads, orjson.loads, Order.model_validate_json], ids=["json", "orjson", "pydantic"]
)
def test_a_text_that_a_parser_refuses_is_400_with_the_reader_s_words(decode: Callable[[str], object]) -> None:
    problem = problem_of(caught(lambda: decode('{"a":\n 1,}')))
    assert problem.document("/orders", "id") == {
        "type": "about:blank",
        "title": "Malformed input",
        "status": 400,
        "detail": "No JSON has this character here.",
        "instance": "/orders",
        "code": "unexpected_character",
        "request_id": "id",
        "offset": 9,
        "line": 2,
        "column": 4,
        "pointer": "#",
    }


def test_msgspec_tells_of_a_text_no_more_than_where() -> None:
    assert problem_of(caught(lambda: msgspec.json.decode(b"[1,}"))).extensions == {"offset": 3}
    assert problem_of(caught(lambda: msgspec.json.decode(b"[1,"))).code == "unexpected_end"


def test_an_error_of_no_library_is_none_of_ours() -> None:
    with pytest.raises(NotAValidationError, match="ZeroDivisionError"):
        problem_of(ZeroDivisionError())


def test_entries_are_in_the_order_of_pointers_and_no_name_is_special() -> None:
    entries = [Entry(("a", 0), "wrong_type", {"expected": ["null"]}), Entry(("__proto__", ""), "missing")]
    problem = problem_of(InvalidInputError(findings(entries)), view=View.TREE)
    assert [pointer for pointer, _ in problem.findings.by_pointer] == ["#/__proto__/", "#/a/0"]
    leaf = {"errors": [{"code": "missing", "detail": "must be there"}], "children": {}}
    tree = problem.document()["tree"]
    assert isinstance(tree, dict)
    assert tree["children"]["__proto__"] == {"errors": [], "children": {"": leaf}}


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    legs: Annotated[int, Field(le=4)]


class Node(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: int
    left: "Node | None" = None
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    by_name: dict[Annotated[str, Field(max_length=2)], int | str] = {}
    pair: tuple[int, Colour] = (1, Colour.RED)
    price: Annotated[Decimal, Field(decimal_places=2)] = Decimal(0)
    renamed: Annotated[int, Field(alias="re named")] = 0
    some_id: UUID | None = None
    checked: Annotated[int, AfterValidator(lambda value: 1 // value)] = 1


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"value": 1, "left": {"value": "x"}}, [("#/left/value", "wrong_type", {"expected": ["integer"]})]),
        (
            {"value": 1, "left": {"value": 2, "pets": [{"kind": "dog", "legs": 5}]}},
            [("#/left/pets/0/legs", "too_large", {"limit": 4})],
        ),
        ({"value": 1, "pets": [{"kind": "cow"}]}, [("#/pets/0", "no_branch", {"branches": 2})]),
        ({"value": 1, "pets": [{"kind": "cat"}]}, [("#/pets/0/lives", "missing", {})]),
        ({"value": 1, "by_name": {"a": []}}, [("#/by_name/a", "no_branch", {"branches": 2})]),
        ({"value": 1, "by_name": {"abc": 1}}, [("#/by_name/abc", "bad_name", {})]),
        ({"value": 1, "pair": [1, "green"]}, [("#/pair/1", "not_in_enum", {"expected": ["red", "blue"]})]),
        ({"value": 1, "price": "1.001"}, [("#/price", "not_a_multiple", {"of": 0.01})]),
        ({"value": 1, "re named": "x"}, [("#/re%20named", "wrong_type", {"expected": ["integer"]})]),
        ({"value": 1, "some_id": "x"}, [("#/some_id", "bad_format", {"format": "uuid"})]),
        ({"value": 1, "b": 1, "a": 1}, [("#/a", "unknown_member", {}), ("#/b", "unknown_member", {})]),
    ],
)
def test_whatever_a_model_is_made_of_the_place_is_that_in_the_input(
    value: Value, wanted: list[tuple[str, str, dict[str, Value]]]
) -> None:
    error = caught(lambda: body_of(Node).read(json.dumps(value).encode()))
    assert told(problem_of(error)) == wanted


def test_a_type_is_as_good_as_a_model() -> None:
    error = caught(lambda: TypeAdapter(list[Cat | Dog]).validate_python([{"kind": "cat"}]))
    assert told(problem_of(error, list[Cat | Dog])) == [("#/0", "no_branch", {"branches": 2})]
    assert problem_of(error).findings.entries[0].path == (0, "Cat", "lives")


def test_each_name_of_an_error_is_one_that_pydantic_has() -> None:
    """Three have no name in its list: that of lesson 09's own date, and those of addresses."""
    own = {"bad_format", "ip_v4_address", "ip_v6_address"}
    assert {*_TYPES, *_FORMATS, *_OTHERS} - set(get_args(ErrorType)) == own


@pytest.mark.parametrize("row", CODES.values(), ids=lambda row: row.name)
def test_every_text_of_the_table_can_be_written_with_its_params(row: Code) -> None:
    assert "{" not in row.explain(dict.fromkeys(row.params, 1))


def test_every_problem_is_as_the_document_describes_it() -> None:
    schemas = {"components": {"schemas": COMPONENTS}}
    invalid = problem_of(caught(lambda: body_of(SCHEMA).read(b"{}")), view=View.BASIC).document("/a", "id")
    malformed = problem_of(caught(lambda: read(b"[" * 9, Limits(depth=8)))).document("/a", "id")
    for name, document in (("InvalidInput", invalid), ("MalformedInput", malformed)):
        jsonschema_rs.validate({**schemas, "$ref": f"#/components/schemas/{name}"}, document)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(depth=2), "depth_limit"),
        (Limits(members=3), "member_limit"),
        (Limits(strings=1), "string_limit"),
    ],
)
def test_limits_are_exact(limits: Limits, code: str) -> None:
    text = b'{"a":[[0]],"b":1}'
    assert read(text, Limits(depth=3, members=4, strings=2)) == {"a": [[0]], "b": 1}
    error = caught(lambda: read(text, limits))
    assert isinstance(error, MalformedError)
    assert error.code == code


def test_a_number_that_no_double_is_reaches_no_model_rounded() -> None:
    text = b'{"value":1,"price":0.1000000000000000000000000001}'
    assert problem_of(caught(lambda: body_of(Node).read(text))).code == "number_out_of_range"
    assert body_of(Node).read(b'{"value":1.0,"price":4.02}').price == Decimal("4.02")


def test_a_rule_may_have_a_number_of_more_than_64_bits() -> None:
    problem = problem_of(caught(lambda: body_of({"maximum": 2**70}).read(b"%d" % 2**71)))
    assert json.loads(problem.body())["errors"][0]["params"] == {"limit": 2**70}


WITHOUT_BACKENDS = """
import sys
for name in "pydantic pydantic_core msgspec jsonschema_rs fastapi litestar flask werkzeug".split():
    sys.modules[name] = None
import validation_problems, validation_problems.openapi
print(validation_problems.read(b'[1]'))
"""


def test_the_library_needs_no_backend() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BACKENDS], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[1]\n"
