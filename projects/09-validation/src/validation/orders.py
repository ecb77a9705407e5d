"""The worked example: the body of `POST /api/v1/orders`. The lesson has it as a JSON Schema."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _calendar_day(value: object) -> date:
    """Take RFC 3339's full-date, and nothing else that pydantic would take for one."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be a string")
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("bad_format", "must be a date", {"format": "date"})


def _decimal(value: object) -> object:
    """Take a whole price too. Behind this, as everything else, only what is a Decimal passes."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


type CalendarDay = Annotated[date, BeforeValidator(_calendar_day, json_schema_input_type=date)]
type Price = Annotated[
    Decimal,
    BeforeValidator(_decimal, json_schema_input_type=float),
    Field(ge=0, le=100_000, multiple_of=Decimal("0.01"), json_schema_extra={"type": "number"}),
    PlainSerializer(str),
]


type VoucherCode = Annotated[str, Field(min_length=1, max_length=20)]


class Body(BaseModel):
    """Converts nothing, and takes no member that it does not have."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Customer(Body):
    """Who orders."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]


class Item(Body):
    """One line of an order."""

    sku: Annotated[str, Field(pattern=r"^[A-Z]{3}-[0-9]{4}$")]
    qty: Annotated[int, Field(ge=1, le=999)]
    unit_price: Price
    note: Annotated[str, Field(max_length=200)] | None = None


class Card(Body):
    """Payment by card."""

    method: Literal["card"]
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")]


class Transfer(Body):
    """Payment by bank transfer."""

    method: Literal["transfer"]
    iban: Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$")]


class Voucher(Body):
    """Payment by vouchers."""

    method: Literal["voucher"]
    codes: Annotated[list[VoucherCode], Field(min_length=1, max_length=5)]


class Address(Body):
    """Where to deliver to."""

    street: Annotated[str, Field(min_length=1, max_length=100)]
    city: Annotated[str, Field(min_length=1, max_length=100)]


class PickUp(Body):
    """Where to collect it."""

    shop: Annotated[int, Field(ge=1)]


class Order(Body):
    """An order."""

    placed_on: CalendarDay
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    # A constant says which kind of payment is meant; nothing says that of a delivery.
    payment: Annotated[Card | Transfer | Voucher, Field(discriminator="method")]
    delivery: Address | PickUp | None = None

    @property
    def total(self) -> Decimal:
        return sum((item.qty * item.unit_price for item in self.items), Decimal(0)).quantize(Decimal("0.01"))
