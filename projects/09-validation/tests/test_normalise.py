"""What the features cannot reach, or reach only now and then."""

from decimal import Decimal

import pytest
from jsonschema_rs import ValidationErrorKind
from pydantic import ValidationError

from validation.codes import CODES
from validation.compiled import Compiled
from validation.entries import Entry, findings, json_pointer, pointer
from validation.normalise_pydantic import entries
from validation.orders import Order
from validation.registry import Schema, Version
from validation.value import Value

# What cannot be said of a value under 2020-12, or has a case of its own.
WITHOUT_A_CODE = {
    *(
        "AdditionalItems",
        "BacktrackLimitExceeded",
        "ContentEncoding",
        "ContentMediaType",
        "Custom",
        "FromUtf8",
    ),
    *("RegexEngineFailure", "Referencing"),
}


def told(schema: Schema, value: Value, most: int = 100) -> list[tuple[str, str]]:
    found = Compiled(Version(schema, {}, assert_format=False), most).findings(value)
    return [(pointer(entry.path), entry.code) for entry in found.entries]


def test_every_kind_that_the_library_knows_has_a_code_or_cannot_occur() -> None:
    from validation import normalise  # noqa: PLC0415

    known = {kind.__name__ for kind in normalise._OF_ONE_VALUE}  # noqa: SLF001
    own = {
        *("AnyOf", "OneOfNotValid", "Required", "AdditionalProperties", "UnevaluatedProperties"),
        *("PropertyNames", "Contains", "UnevaluatedItems"),
    }
    kinds = {name for name in vars(ValidationErrorKind) if name[0].isupper()}
    assert kinds == known | own | WITHOUT_A_CODE


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ((), "#"),
        (("",), "#/"),
        (("", ""), "#//"),
        (("a b%/~é",), "#/a%20b%25~1~0%C3%A9"),
        (("items", 3, "qty"), "#/items/3/qty"),
        (("$ref", "a+b", "(x)"), "#/$ref/a+b/(x)"),
        (('"', "\\", "^", "|", "#", "?"), "#/%22/%5C/%5E/%7C/%23/%3F"),
    ],
)
def test_a_pointer_is_a_fragment(path: tuple[str | int, ...], fragment: str) -> None:
    assert pointer(path) == fragment


def test_a_plain_pointer_is_not_encoded() -> None:
    assert json_pointer(("a b", "~/", 0, "")) == "/a b/~0~1/0/"


def test_a_mistake_that_two_rules_find_is_told_once() -> None:
    assert told({"allOf": [{"type": "string"}, {"type": "string"}]}, 1) == [("#", "wrong_type")]


def test_a_member_that_may_not_be_there_is_named_also_beside_no_properties() -> None:
    assert told({"additionalProperties": False}, {"a": 1, "b": 2}) == [
        ("#/a", "unknown_member"),
        ("#/b", "unknown_member"),
    ]


def test_empty_names_stay_in_their_places() -> None:
    inner: Schema = {"properties": {"": {"type": "integer"}, 'a"]["b': {"items": {"type": "integer"}}}}
    value: Value = {"": {"": "x", 'a"]["b': [1, "x"]}}
    assert told({"properties": {"": inner}}, value) == [
        ("#//", "wrong_type"),
        ("#//a%22%5D%5B%22b/1", "wrong_type"),
    ]


def test_a_number_is_no_name() -> None:
    assert told({"additionalProperties": {"type": "string"}}, {"0": 1, "": 2}) == [
        ("#/", "wrong_type"),
        ("#/0", "wrong_type"),
    ]


def test_a_union_below_a_dynamic_reference_is_looked_into() -> None:
    branch: Value = {
        "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}},
        "required": ["kind"],
    }
    schema: Schema = {
        "$dynamicRef": "#u",
        "$defs": {
            "u": {
                "$dynamicAnchor": "u",
                "oneOf": [branch, {"properties": {"kind": {"const": Decimal("0.5")}}}],
            }
        },
    }
    assert told(schema, {"kind": "a", "size": "x"}) == [("#/size", "wrong_type")]


def test_what_is_cut_off_is_not_collected() -> None:
    taken = []

    def many() -> "list[Entry]":
        return [Entry((number,), "missing") for number in range(50)]

    def counted() -> "object":
        for entry in many():
            taken.append(entry)
            yield entry

    found = findings(counted(), 5)  # type: ignore[arg-type]
    assert (len(found.entries), found.is_truncated, len(taken)) == (5, True, 6)


def test_every_text_of_the_table_can_be_written_with_its_params() -> None:
    for row in CODES.values():
        assert "{" not in row.explain(dict.fromkeys(row.params, 1))


@pytest.mark.parametrize(
    ("payment", "wanted"),
    [
        ({"method": "card"}, [("#/payment/last4", "missing")]),
        ({"method": "card", "last4": "1234", "card": 1}, [("#/payment/card", "unknown_member")]),
        (
            {"method": "voucher", "codes": ["", 1]},
            [("#/payment/codes/0", "too_short"), ("#/payment/codes/1", "wrong_type")],
        ),
        ({"method": "cash"}, [("#/payment", "no_branch")]),
        ([], [("#/payment", "no_branch")]),
    ],
)
def test_of_a_union_in_an_order_the_branch_that_was_meant_is_told(
    payment: Value, wanted: list[tuple[str, str]]
) -> None:
    order: Value = {
        "placed_on": "2026-11-20",
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "items": [{"sku": "ABC-0001", "qty": 1, "unit_price": 1}],
        "payment": payment,
    }
    with pytest.raises(ValidationError) as raised:
        Order.model_validate(order)
    found = findings(entries(raised.value, Order), 100)
    assert [(pointer(entry.path), entry.code) for entry in found.entries] == wanted
