"""One body, declared three times: for pydantic, for msgspec, and as a JSON Schema."""

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from validation_problems import Value

EMAIL: Final = r"^[^@\s]+@[^@\s]+$"
SKU: Final = "^[A-Z]{3}-[0-9]{4}$"


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Customer(Model):
    name: Annotated[str, Field(min_length=1, max_length=10)]
    email: Annotated[str, Field(pattern=EMAIL)]


class Item(Model):
    sku: Annotated[str, Field(pattern=SKU)]
    qty: Annotated[int, Field(ge=1, lt=1000)]
    price: Annotated[float, Field(gt=0, le=100_000)]
    note: Annotated[str, Field(max_length=20)] | None = None


class Card(Model):
    method: Literal["card"]
    last4: Annotated[str, Field(min_length=4, max_length=4)]


class Transfer(Model):
    method: Literal["transfer"]
    iban: str


class Order(Model):
    placed_on: dt.date
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1, max_length=4)]
    payment: Annotated[Card | Transfer, Field(discriminator="method")]
    colour: Literal["red", "green"] = "red"
    is_gift: bool = False
    tags: Annotated[dict[str, int], Field(max_length=2)] = {}


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    pass


class CustomerStruct(Struct):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    email: Annotated[str, msgspec.Meta(pattern=EMAIL)]


class ItemStruct(Struct):
    sku: Annotated[str, msgspec.Meta(pattern=SKU)]
    qty: Annotated[int, msgspec.Meta(ge=1, lt=1000)]
    price: Annotated[float, msgspec.Meta(gt=0, le=100_000)]
    note: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class CardStruct(Struct, tag="card", tag_field="method"):
    last4: Annotated[str, msgspec.Meta(min_length=4, max_length=4)]


class TransferStruct(Struct, tag="transfer", tag_field="method"):
    iban: str


class OrderStruct(Struct):
    placed_on: dt.date
    customer: CustomerStruct
    items: Annotated[list[ItemStruct], msgspec.Meta(min_length=1, max_length=4)]
    payment: CardStruct | TransferStruct
    colour: Literal["red", "green"] = "red"
    is_gift: bool = False
    tags: Annotated[dict[str, int], msgspec.Meta(max_length=2)] = {}


def closed(required: list[Value], **properties: Value) -> dict[str, Value]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


SCHEMA: Final = closed(
    ["placed_on", "customer", "items", "payment"],
    placed_on={"type": "string", "format": "date"},
    customer=closed(
        ["name", "email"],
        name={"type": "string", "minLength": 1, "maxLength": 10},
        email={"type": "string", "pattern": EMAIL},
    ),
    items={
        "type": "array",
        "minItems": 1,
        "maxItems": 4,
        "items": closed(
            ["sku", "qty", "price"],
            sku={"type": "string", "pattern": SKU},
            qty={"type": "integer", "minimum": 1, "exclusiveMaximum": 1000},
            price={"type": "number", "exclusiveMinimum": 0, "maximum": 100_000},
            note={"type": ["string", "null"], "maxLength": 20},
        ),
    },
    payment={
        "oneOf": [
            closed(
                ["method", "last4"],
                method={"const": "card"},
                last4={"type": "string", "minLength": 4, "maxLength": 4},
            ),
            closed(["method", "iban"], method={"const": "transfer"}, iban={"type": "string"}),
        ]
    },
    colour={"enum": ["red", "green"]},
    is_gift={"type": "boolean"},
    tags={"type": "object", "maxProperties": 2, "additionalProperties": {"type": "integer"}},
)

GOOD: Final[dict[str, Value]] = {
    "placed_on": "2026-11-20",
    "customer": {"name": "Ada", "email": "ada@example.com"},
    "items": [
        {"sku": "ABC-0001", "qty": 2, "price": 4.02},
        {"sku": "ABC-0002", "qty": 1, "price": 5, "note": "fragile"},
    ],
    "payment": {"method": "card", "last4": "1234"},
    "colour": "green",
    "is_gift": True,
    "tags": {"a": 1},
}
