"""An order as the contract has it: its JSON Schema, orders that fit, and mistakes that do not."""

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal

from kata.steps import Draw

from .api import Json

type Mutable = dict[str, object]


def closed(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def text(least: int, most: int) -> Json:
    return {"type": "string", "minLength": least, "maxLength": most}


def matching(pattern: str) -> dict[str, Json]:
    return {"type": "string", "pattern": pattern}


ORDER_SCHEMA: Json = closed(
    ["placed_on", "customer", "items", "payment"],
    placed_on={"type": "string", "format": "date"},
    customer=closed(
        ["name", "email"], name=text(1, 100), email={**matching(r"^[^@\s]+@[^@\s]+$"), "maxLength": 200}
    ),
    items={
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": closed(
            ["sku", "qty", "unit_price"],
            sku=matching("^[A-Z]{3}-[0-9]{4}$"),
            qty={"type": "integer", "minimum": 1, "maximum": 999},
            unit_price={"type": "number", "minimum": 0, "maximum": 100_000, "multipleOf": 0.01},
            note={"type": ["string", "null"], "maxLength": 200},
        ),
    },
    payment={
        "oneOf": [
            closed(["method", "last4"], method={"const": "card"}, last4=matching("^[0-9]{4}$")),
            closed(
                ["method", "iban"],
                method={"const": "transfer"},
                iban=matching("^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$"),
            ),
            closed(
                ["method", "codes"],
                method={"const": "voucher"},
                codes={"type": "array", "minItems": 1, "maxItems": 5, "items": text(1, 20)},
            ),
        ]
    },
    delivery={
        "anyOf": [
            closed(["street", "city"], street=text(1, 100), city=text(1, 100)),
            closed(["shop"], shop={"type": "integer", "minimum": 1}),
            {"type": "null"},
        ]
    },
)


def drawn_order(draw: Draw) -> tuple[Mutable, Decimal]:
    """Return an order and its total."""
    items, total = [], Decimal(0)
    for _ in range(draw.integer(1, 6)):
        quantity, cents = draw.integer(1, 999), draw.integer(0, 9_999_999)
        price = Decimal(cents) / 100
        total += quantity * price
        item: Mutable = {"sku": drawn_sku(draw), "qty": quantity, "unit_price": float(price)}
        if draw.choice((True, False)):
            item["note"] = draw.choice((None, "", "é" * 200))
        items.append(item)
    order: Mutable = {
        "placed_on": f"20{draw.integer(10, 99)}-02-{draw.integer(10, 28)}",
        "customer": {
            "name": draw.choice((draw.word(), "\N{GRINNING FACE}" * 100)),
            "email": f"{draw.word()}@b",
        },
        "items": items,
        "payment": drawn_payment(draw),
    }
    delivery = draw.choice(
        (..., None, {"street": draw.word(), "city": draw.word()}, {"shop": draw.integer(1, 99)})
    )
    if delivery is not ...:
        order["delivery"] = delivery
    return order, total


def drawn_sku(draw: Draw) -> str:
    return f"{draw.text(3, 'ABCXYZ')}-{draw.text(4, '0123456789')}"


def drawn_payment(draw: Draw) -> Mutable:
    return draw.choice(
        (
            {"method": "card", "last4": draw.text(4, "0123456789")},
            {"method": "transfer", "iban": f"DE{draw.text(20, '0123456789')}"},
            {"method": "voucher", "codes": [draw.word() for _ in range(draw.integer(1, 5))]},
        )
    )


def mistakes(draw: Draw) -> list[tuple[Callable[[Mutable], None], str, str]]:
    """Return edits that make one mistake each, where that is, and its code; no two at one place."""
    word = draw.word()
    listed: list[tuple[str, Json, str]] = [
        (
            "/placed_on",
            draw.choice(("2026-02-30", "2026-2-03", "20260203", "2026-02-03T00:00:00Z", "", "today")),
            "bad_format",
        ),
        ("/placed_on", draw.choice((20260203, None, True, ["2026-02-03"])), "wrong_type"),
        ("/placed_on", ..., "missing"),
        ("/customer", draw.choice((None, word, [], 1)), "wrong_type"),
        ("/customer/name", "", "too_short"),
        ("/customer/name", "\N{GRINNING FACE}" * 101, "too_long"),
        ("/customer/name", draw.integer(1, 9), "wrong_type"),
        ("/customer/email", draw.choice((word, f"@{word}", f"{word}@", "a @b")), "pattern_mismatch"),
        (f"/customer/{word}", 1, "unknown_member"),
        ("/customer/__proto__", {}, "unknown_member"),
        ("/items", [], "too_few_items"),
        ("/items", draw.choice(({}, word, None)), "wrong_type"),
        ("/items/0", draw.choice((None, word, [])), "wrong_type"),
        ("/items/0/sku", ..., "missing"),
        (
            "/items/0/sku",
            draw.choice(("ABC-123", "abc-1234", "ABC-12345", "ABC-1234\n", "\N{ARABIC-INDIC DIGIT ONE}")),
            "pattern_mismatch",
        ),
        ("/items/0/qty", 0, "too_small"),
        ("/items/0/qty", 1000, "too_large"),
        ("/items/0/qty", str(draw.integer(1, 9)), "wrong_type"),
        ("/items/0/qty", draw.choice((True, None, 1.5, [1])), "wrong_type"),
        ("/items/0/unit_price", -0.01, "too_small"),
        ("/items/0/unit_price", 100_000.01, "too_large"),
        ("/items/0/unit_price", draw.choice((0.001, 4.025, 1e-9)), "not_a_multiple"),
        ("/items/0/unit_price", draw.choice(("4.02", None, [])), "wrong_type"),
        ("/items/0/unit_price", True, "wrong_type"),
        ("/items/0/note", "n" * 201, "too_long"),
        ("/items/0/note", draw.choice((1, [], False)), "wrong_type"),
        (f"/items/0/{word}", None, "unknown_member"),
        ("/payment", ..., "missing"),
        (
            "/payment",
            draw.choice((None, word, [], {}, {"method": word}, {"method": None}, {"method": "Card"})),
            "no_branch",
        ),
        (
            "/delivery",
            draw.choice((word, {}, [], {"shop": 0}, {"street": word}, {"shop": 1, "city": word})),
            "no_branch",
        ),
        (f"/{word}", draw.choice((None, 1)), "unknown_member"),
    ]
    made = [(edit(place, value), f"#{place}", code) for place, value, code in listed]
    for payment, place, value, code in (
        (
            {"method": "card", "last4": "1234"},
            "/payment/last4",
            draw.choice(("123", "12345", "12a4")),
            "pattern_mismatch",
        ),
        ({"method": "card", "last4": "1234"}, "/payment/card", 1, "unknown_member"),
        ({"method": "card", "last4": "1234"}, "/payment/iban", "", "unknown_member"),
        ({"method": "transfer"}, "/payment/iban", ..., "missing"),
        ({"method": "transfer"}, "/payment/iban", draw.integer(1, 9), "wrong_type"),
        ({"method": "voucher", "codes": [word]}, "/payment/codes", [], "too_few_items"),
        ({"method": "voucher", "codes": [word, ""]}, "/payment/codes/1", "", "too_short"),
        ({"method": "voucher", "codes": [word, word]}, "/payment/codes/1", None, "wrong_type"),
    ):
        made.append((edit(place, value, payment), f"#{place}", code))
    return made


def edit(place: str, value: Json, payment: Json = ...) -> Callable[[Mutable], None]:
    """Return what puts the value at the place; `...` takes away what is there."""

    def make(order: Mutable) -> None:
        if payment is not ...:
            order["payment"] = deepcopy(payment)
        *steps, last = place.split("/")[1:]
        node: Json = order
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]  # type: ignore[index]
        key = int(last) if isinstance(node, list) else last
        if value is ...:
            node.pop(key, None)  # type: ignore[attr-defined]
        else:
            node[key] = value  # type: ignore[index]

    return make
