"""The order that all are asked about: 857 bytes as JSON, once without a mistake and once with four.

Its prices are such that jsonschema takes them for multiples of 0.01: 19.99 it does not.
"""

import copy
import json
from typing import cast

_ITEMS = [
    {
        "sku": f"ABC-{number:04}",
        "qty": number + 1,
        "unit_price": 19.25 + number,
        "note": "at the door, please",
    }
    for number in range(8)
]
_GOOD = {
    "placed_on": "2026-11-20",
    "customer": {"name": "Ada Lovelace of London", "email": "ada.lovelace@analytical.example.com"},
    "items": _ITEMS,
    "payment": {"method": "transfer", "iban": "DE89370400440532013000"},
    "delivery": {"street": "12 Analytical Way, flat 1", "city": "London"},
}


def _text(order: object) -> bytes:
    return json.dumps(order, separators=(",", ":")).encode()


def _with_mistakes() -> dict[str, object]:
    bad = cast("dict[str, object]", copy.deepcopy(_GOOD))
    items = cast("list[dict[str, object]]", bad["items"])
    items[0]["qty"] = "2"
    return bad | {"placed_on": "2026-02-30", "payment": {"method": "transfer"}, "colour": "red"}


GOOD, BAD = _text(_GOOD), _text(_with_mistakes())
MISTAKES = ["#/colour", "#/items/0/qty", "#/payment/iban", "#/placed_on"]
