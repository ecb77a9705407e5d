"""JSON, read strictly: a document that another parser would refuse or read differently is refused here."""

import json
from collections.abc import Iterable, Mapping, Sequence

import orjson

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None


# Far above any honest document, and far below what recursive code behind the parser can take.
NESTING_LIMIT = 100


class InvalidJsonError(ValueError):
    """The text is not JSON."""


def parse(text: bytes) -> Json:
    """Parse JSON; NaN, Infinity, a name that an object has twice, and nesting beyond the limit are refused.

    The standard library accepts the first three, and the last ends in a RecursionError somewhere behind it.
    Raises: InvalidJsonError, with the place but never the text.
    """
    try:
        document: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJsonError(str(error)) from error
    # As many brackets as that are needed to exceed the limit: mostly there are fewer, and nothing to walk.
    if text.count(b"[") + text.count(b"{") > NESTING_LIMIT and is_nested_beyond(document, NESTING_LIMIT):
        raise InvalidJsonError(f"nested more than {NESTING_LIMIT} levels deep")
    if b"{" in text:
        json.loads(text, object_pairs_hook=refuse_twice)  # orjson keeps the last of two, and does not tell
    return document


def refuse_twice(pairs: list[tuple[str, Json]]) -> None:
    """Look at one object. Two readers of a name that is there twice may see two values.

    Raises: InvalidJsonError.
    """
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidJsonError("an object has the same name twice")


def is_nested_beyond(document: Json, levels: int) -> bool:
    """Say whether a list or object lies deeper than so many; level by level, without recursion."""
    layer = [document]
    for _ in range(levels):
        layer = [child for node in layer for child in children(node)]
    return any(isinstance(node, dict | list) for node in layer)


def children(node: Json) -> Iterable[Json]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def render(document: object) -> bytes:
    """Write compact JSON; dates are RFC 3339 in UTC, and types unknown to JSON become text."""
    return orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def as_mapping(value: Json) -> Mapping[str, Json]:
    """Return an object, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}
