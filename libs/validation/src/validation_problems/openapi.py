"""What an OpenAPI 3.1 document says of the errors: put COMPONENTS into it, and refer to RESPONSES."""

from typing import Final

from validation_problems._codes import CODES
from validation_problems._problem import CONTENT_TYPE
from validation_problems._value import Json

_TEXT: Final[Json] = {"type": "string"}


def _codes(*statuses: int) -> list[Json]:
    return [row.name for row in CODES.values() if row.status in statuses]


_ENTRY: Final[Json] = {
    "type": "object",
    "title": "InputError",
    "description": "One mistake in the input.",
    "required": ["pointer", "code", "detail", "params", "location"],
    "properties": {
        "pointer": {
            "type": "string",
            "pattern": "^#(/.*)?$",
            "description": "RFC 6901, as a URI fragment: #/items/0/qty",
        },
        "code": {"type": "string", "enum": _codes(422), "description": "Stable, for programs"},
        "detail": {"type": "string", "description": "The same for people"},
        "params": {"type": "object", "description": "Of the rule that is broken: {limit: 99}"},
        "location": {"enum": ["body", "query", "path", "header", "cookie"]},
    },
}
_COMMON: Final[dict[str, Json]] = {
    "type": {"type": "string", "format": "uri-reference"},
    "title": _TEXT,
    "detail": _TEXT,
    "instance": {"type": "string", "format": "uri-reference"},
    "request_id": _TEXT,
}
_REQUIRED: Final = ["type", "title", "status", "detail", "code"]

COMPONENTS: Final[dict[str, Json]] = {
    "InputError": _ENTRY,
    "InvalidInput": {
        "type": "object",
        "title": "InvalidInput",
        "description": "Problem details, RFC 9457: the input is read, and not acceptable.",
        "required": [*_REQUIRED, "errors"],
        "properties": {
            **_COMMON,
            "status": {"const": 422},
            "code": {"const": "invalid_input"},
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/components/schemas/InputError"},
                "description": "By pointer, then by code",
            },
            "truncated": {"const": True, "description": "There are more mistakes than are told"},
            "tree": {"type": "object", "description": "The same along the input"},
            "basic": {"type": "object", "description": "The same as JSON Schema's output unit"},
        },
    },
    "MalformedInput": {
        "type": "object",
        "title": "MalformedInput",
        "description": "Problem details, RFC 9457: the body is no JSON that is taken.",
        "required": _REQUIRED,
        "properties": {
            **_COMMON,
            "status": {"const": 400},
            "code": {"type": "string", "enum": _codes(400)},
            "offset": {"type": "integer", "minimum": 0, "description": "Bytes before the fault"},
            "line": {"type": "integer", "minimum": 1},
            "column": {"type": "integer", "minimum": 1, "description": "In characters"},
            "pointer": {"type": "string", "description": "The value in which it is"},
        },
    },
}
"""For `components.schemas`."""

RESPONSES: Final[dict[str, Json]] = {
    str(status): {
        "description": description,
        "content": {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
    for status, name, description in (
        (400, "MalformedInput", "The body is no JSON that is taken"),
        (422, "InvalidInput", "The input is read, and not acceptable"),
    )
}
"""For the `responses` of an operation that takes input."""
