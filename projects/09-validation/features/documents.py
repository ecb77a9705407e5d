"""Documents as they are registered: their canonical form, and what became of each."""

import hashlib
import json
from dataclasses import dataclass

from kata.steps import Exchange

from .api import Json


@dataclass(frozen=True)
class Asked:
    """A document, or a part of one, with the answer and what it was to be."""

    what: Json
    answer: Exchange
    pointer: str = ""
    code: str = ""


def canonical(value: Json) -> str:
    """Write what the verifier draws as RFC 8785 does: it draws no number that Python writes otherwise."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def envelope(schema: Json, *, assert_format: bool = False) -> dict[str, Json]:
    return {"assert_format": assert_format, "resources": {}, "schema": schema}
