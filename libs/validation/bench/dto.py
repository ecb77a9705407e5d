"""The same order declared for each library that is asked, as the lesson's schema has it."""
# mypy: disable-error-code="import-not-found"
# Because the peers have an environment of their own.

import datetime as dt
import json
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

EMAIL = r"^[^@\s]+@[^@\s]+$"
SKU = "^[A-Z]{3}-[0-9]{4}$"
DIGITS = "^[0-9]{4}$"
IBAN = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$"
LESSON = next(Path(__file__).parents[3].glob("projects/09-*/README.md"))
SCHEMA = json.loads(re.findall(r"```json\n(.*?)```", LESSON.read_text(encoding="utf-8"), re.DOTALL)[0])


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Customer(Model):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(pattern=EMAIL, max_length=200)]


class Item(Model):
    sku: Annotated[str, Field(pattern=SKU)]
    qty: Annotated[int, Field(ge=1, le=999, strict=True)]
    unit_price: Annotated[float, Field(ge=0, le=100_000, multiple_of=0.01)]
    note: Annotated[str, Field(max_length=200)] | None = None


class Card(Model):
    method: Literal["card"]
    last4: Annotated[str, Field(pattern=DIGITS)]


class Transfer(Model):
    method: Literal["transfer"]
    iban: Annotated[str, Field(pattern=IBAN)]


class Voucher(Model):
    method: Literal["voucher"]
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=20)]], Field(min_length=1, max_length=5)
    ]


class Address(Model):
    street: Annotated[str, Field(min_length=1, max_length=100)]
    city: Annotated[str, Field(min_length=1, max_length=100)]


class PickUp(Model):
    shop: Annotated[int, Field(ge=1)]


class Order(Model):
    placed_on: dt.date
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    payment: Annotated[Card | Transfer | Voucher, Field(discriminator="method")]
    delivery: Address | PickUp | None = None


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    pass


class CustomerStruct(Struct):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    email: Annotated[str, msgspec.Meta(pattern=EMAIL, max_length=200)]


class ItemStruct(Struct):
    sku: Annotated[str, msgspec.Meta(pattern=SKU)]
    qty: Annotated[int, msgspec.Meta(ge=1, le=999)]
    unit_price: Annotated[float, msgspec.Meta(ge=0, le=100_000)]  # it knows no multiple that is exact
    note: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class CardStruct(Struct, tag="card", tag_field="method"):
    last4: Annotated[str, msgspec.Meta(pattern=DIGITS)]


class TransferStruct(Struct, tag="transfer", tag_field="method"):
    iban: Annotated[str, msgspec.Meta(pattern=IBAN)]


class VoucherStruct(Struct, tag="voucher", tag_field="method"):
    codes: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=20)]],
        msgspec.Meta(min_length=1, max_length=5),
    ]


class AddressStruct(Struct):  # it knows no union of two without a tag
    street: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    city: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class OrderStruct(Struct):
    placed_on: dt.date
    customer: CustomerStruct
    items: Annotated[list[ItemStruct], msgspec.Meta(min_length=1, max_length=100)]
    payment: CardStruct | TransferStruct | VoucherStruct
    delivery: AddressStruct | None = None
