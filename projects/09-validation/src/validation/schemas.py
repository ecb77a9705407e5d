"""What clients see. Bodies are read by reader.py, and only described here."""

from typing import Final, Literal

from pydantic import BaseModel

from service_kit.json_text import Json
from validation.codes import CODES


class CodeAnswer(BaseModel):
    """A row of the table: a code, the status that it comes with, and the params that an entry has with it."""

    code: str
    status: int
    detail: str
    params: list[str]


class CodesAnswer(BaseModel):
    """All codes."""

    codes: list[CodeAnswer]


class OrderAnswer(BaseModel):
    """An order was read: how many lines it has, and what they cost together, exactly."""

    lines: int
    total: str


class Mistake(BaseModel):
    """One mistake."""

    pointer: str
    code: str
    detail: str
    params: dict[str, object]
    location: Literal["body"]


class RegisteredAnswer(BaseModel):
    """A version, and keywords in it that may be misspelt."""

    id: str
    warnings: list[Mistake]


class ValidAnswer(BaseModel):
    """The value is valid."""

    valid: Literal[True] = True


class BatchAnswer(BaseModel):
    """A result for each item, in their order."""

    results: list[dict[str, object]]


class ComparisonAnswer(BaseModel):
    """`no` comes with a witness that the old version accepts, and with what the new one says of it."""

    compatible: Literal["yes", "no", "unknown"]
    witness: object = None
    errors: list[Mistake] = []


def all_codes() -> CodesAnswer:
    rows = (
        CodeAnswer(code=row.name, status=row.status, detail=row.detail, params=list(row.params))
        for row in CODES.values()
    )
    return CodesAnswer(codes=list(rows))


def described(*media_types: str, schema: Json = True) -> dict[str, object]:
    """Describe a body that the framework does not read."""
    content = {media_type: {"schema": schema} for media_type in media_types}
    return {"requestBody": {"required": True, "content": content}}


ENVELOPE: Final[Json] = {
    "type": "object",
    "required": ["schema"],
    "properties": {
        "schema": {"type": ["object", "boolean"], "description": "A JSON Schema 2020-12 document"},
        "assert_format": {"type": "boolean", "description": "Whether `format` is asserted", "default": False},
        "resources": {"type": "object", "description": "By URI, what references may lead to"},
    },
}
PAIR: Final[Json] = {
    "type": "object",
    "required": ["old", "new"],
    "properties": {"old": {"type": "string"}, "new": {"type": "string"}},
}
