from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import pytest
from pydantic import Field, ValidationError

from service_kit.schemas import Body


class Inner(Body):
    amount: float


class Order(Body):
    at: datetime
    id: UUID
    count: Annotated[int, Field(ge=1)] | None = None
    counts: tuple[int, ...] = ()
    inner: dict[str, Inner]
    is_paid: bool = False


GIVEN: dict[str, object] = {
    "at": "2026-11-25T10:00:00Z",
    "id": "01a1f889-cdea-7cf4-bb19-47d1c6840579",
    "counts": [1, 2.0],
    "inner": {"a": {"amount": 1}, "b": {"amount": 0.5}},
}


@pytest.mark.parametrize("strict", [None, False])
def test_what_json_can_write_in_text_only_is_read_from_text(strict: bool | None) -> None:
    order = Order.model_validate(GIVEN, strict=strict)
    assert (order.at, order.id) == (datetime(2026, 11, 25, 10, tzinfo=UTC), UUID(str(GIVEN["id"])))
    assert (order.counts, order.inner["b"].amount) == ((1, 2), 0.5)


@pytest.mark.parametrize("strict", [None, False])
@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        ({"count": "1"}, ("count",), "int_type"),
        ({"count": True}, ("count",), "int_type"),
        ({"count": 1.5}, ("count",), "int_from_float"),
        ({"count": 0}, ("count",), "greater_than_equal"),
        ({"counts": [1, "2"]}, ("counts", 1), "int_type"),
        ({"inner": {"a": {"amount": "1"}}}, ("inner", "a", "amount"), "float_type"),
        ({"inner": {"a": {"amount": False}}}, ("inner", "a", "amount"), "float_type"),
        ({"is_paid": "yes"}, ("is_paid",), "bool_type"),
        ({"is_paid": 1}, ("is_paid",), "bool_type"),
        ({"other": 1}, ("other",), "extra_forbidden"),
    ],
)
def test_numbers_and_booleans_are_not_converted_even_if_whoever_validates_would_let_them(
    strict: bool | None, change: dict[str, object], place: tuple[str | int, ...], code: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Order.model_validate(GIVEN | change, strict=strict)
    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [(place, code)]


def test_the_schema_for_documents_is_what_it_was() -> None:
    properties = Order.model_json_schema()["properties"]
    assert properties["count"]["anyOf"] == [{"minimum": 1, "type": "integer"}, {"type": "null"}]
    assert properties["counts"]["items"] == {"type": "integer"}
    assert Order.model_json_schema()["additionalProperties"] is False


def test_a_field_may_be_called_type() -> None:
    class Shape(Body):
        type: str
        sides: int

    assert Shape.model_validate({"type": "square", "sides": 4}).type == "square"
    with pytest.raises(ValidationError):
        Shape.model_validate({"type": "square", "sides": "4"})
