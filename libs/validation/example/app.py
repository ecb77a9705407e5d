"""Lesson 09's orders and validations with the library in place of its own reader and normaliser.

Only what the lesson's steps 3 and 4 ask is here: schemas are kept in memory, and none is refused.
"""
# ruff: noqa: INP001 - a folder with a Procfile, as a learner's

import datetime as dt
import hashlib
import json
import os
import re
import sys
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service_kit.server import serve
from service_kit.settings import ServiceSettings, load
from validation_problems import (
    CODES,
    CONTENT_TYPE,
    Body,
    InvalidInputError,
    Limits,
    MalformedError,
    Value,
    View,
    body_of,
    problem_of,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMITS = Limits(*(int(os.environ[f"MAX_{name}"]) for name in ("DEPTH", "MEMBERS", "STRINGS")))
MAX_ERRORS = int(os.environ["MAX_ERRORS"])
SECURE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def exact(value: object) -> Decimal:
    """Take a number, and not a text of one. A float here is what was written: its shortest decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("decimal_type", "must be a number")
    return Decimal(repr(value))


# A multiple of a float would be one within a billionth.
type Price = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=100_000, multiple_of=Decimal("0.01"))]


class Model(BaseModel):
    """Converts nothing, and takes no member that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Customer(Model):
    """Who orders."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]


class Item(Model):
    """One line of an order."""

    sku: Annotated[str, Field(pattern="^[A-Z]{3}-[0-9]{4}$")]
    qty: Annotated[int, Field(ge=1, le=999)]
    unit_price: Price
    note: Annotated[str, Field(max_length=200)] | None = None


class Card(Model):
    """Payment by card."""

    method: Literal["card"]
    last4: Annotated[str, Field(pattern="^[0-9]{4}$")]


class Transfer(Model):
    """Payment by bank transfer."""

    method: Literal["transfer"]
    iban: Annotated[str, Field(pattern="^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$")]


class Voucher(Model):
    """Payment by vouchers."""

    method: Literal["voucher"]
    codes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=20)]], Field(min_length=1, max_length=5)
    ]


class Address(Model):
    """Where to deliver to."""

    street: Annotated[str, Field(min_length=1, max_length=100)]
    city: Annotated[str, Field(min_length=1, max_length=100)]


class PickUp(Model):
    """Where to collect it."""

    shop: Annotated[int, Field(ge=1)]


class Order(Model):
    """An order."""

    placed_on: dt.date
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    payment: Annotated[Card | Transfer | Voucher, Field(discriminator="method")]
    delivery: Address | PickUp | None = None

    @property
    def total(self) -> Decimal:
        prices = (item.qty * item.unit_price for item in self.items)
        return sum(prices, Decimal(0)).quantize(Decimal("0.01"))


schemas: dict[str, Body[Value]] = {}
orders = body_of(Order, limits=LIMITS, max_errors=MAX_ERRORS)
api = APIRouter()


def create_app(_: ServiceSettings) -> FastAPI:
    app = FastAPI()
    app.include_router(api)
    app.middleware("http")(frame)
    for refused in (InvalidInputError, MalformedError):
        app.add_exception_handler(refused, answer)
    return app


async def frame(request: Request, call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
    """Add what every answer has, and leave a line of it."""
    sent = request.headers.get("x-request-id", "")
    request.state.id = sent if WELL_FORMED_ID.fullmatch(sent) else str(uuid.uuid4())
    response = await call_next(request)
    response.headers.update({"X-Request-ID": request.state.id, **SECURE})
    line = {"timestamp": dt.datetime.now(dt.UTC).isoformat(), "request_id": request.state.id}
    sys.stdout.write(json.dumps({**line, "status": response.status_code}) + "\n")
    sys.stdout.flush()
    return response


async def answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error, view=View(request.query_params.get("view", "flat")))
    return Response(problem.body(request.url.path, request.state.id), problem.status, media_type=CONTENT_TYPE)


@api.get("/api/v1/codes")
def codes() -> dict[str, list[dict[str, str | int | list[str]]]]:
    rows = CODES.values()
    return {
        "codes": [
            {"code": row.name, "status": row.status, "detail": row.detail, "params": list(row.params)}
            for row in rows
        ]
    }


@api.post("/api/v1/orders")
async def order(request: Request) -> dict[str, str | int]:
    taken = orders.read(await request.body())
    return {"lines": len(taken.items), "total": str(taken.total)}


@api.post("/api/v1/schemas", status_code=201)
async def register(request: Request, response: Response) -> dict[str, str | list[str]]:
    envelope = read(await request.body(), LIMITS)
    if not isinstance(envelope, dict):
        raise HTTPException(422)
    own_id = hashlib.sha256(repr(envelope).encode()).hexdigest()
    formats = envelope.get("assert_format") is True
    schemas[own_id] = body_of(whole(envelope), limits=LIMITS, max_errors=MAX_ERRORS, assert_format=formats)
    response.headers.update({"Location": f"/api/v1/schemas/{own_id}", "ETag": f'"{own_id}"'})
    return {"id": own_id, "warnings": []}


def whole(envelope: dict[str, Value]) -> dict[str, Value]:
    """Return the schema with its resources within: a reference has to lead into the schema itself."""
    match envelope["schema"], envelope.get("resources"):
        case bool() as schema, _:
            return {} if schema else {"not": {}}
        case dict() as schema, dict() as resources if resources:
            known = {uri: {"$id": uri, **one} for uri, one in resources.items() if isinstance(one, dict)}
            own = schema.get("$defs")
            return {**schema, "$defs": {**(own if isinstance(own, dict) else {}), **known}}
        case dict() as schema, _:
            return schema
    raise HTTPException(422)


@api.post("/api/v1/schemas/{own_id}/validate")
async def validate(own_id: str, request: Request) -> dict[str, bool]:
    if own_id not in schemas:
        raise HTTPException(404)
    schemas[own_id].read(await request.body())
    return {"valid": True}


@api.get("/health")
@api.get("/ready")
def health() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    # Of service-kit's server, because granian's own hangs when SIGTERM comes twice.
    serve("app:create_app", load(ServiceSettings), "asgi")
