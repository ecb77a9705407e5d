"""Pydantic's errors, told by the rules that hold for all libraries, under the same codes."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final

from pydantic_core import ErrorDetails, ValidationError

from validation_problems._entries import NO_PARAMS, Entry, Location, Path
from validation_problems._params import constants, plain
from validation_problems._pydantic_shape import Shape, shape_of
from validation_problems._reader import malformed
from validation_problems._value import Json

shapes = lru_cache(1024)(shape_of)

_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("bool_type", "bool_parsing"), "boolean"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "integer"),
    **dict.fromkeys(
        ("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), "number"
    ),
    **dict.fromkeys(
        ("string_type", "bytes_type", "date_type", "datetime_type", "time_type", "time_delta_type"), "string"
    ),
    **dict.fromkeys(("uuid_type", "url_type", "string_unicode"), "string"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "array"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), "object"
    ),
    "none_required": "null",
}
_FORMATS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), "date"),
    **dict.fromkeys(
        ("datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), "date-time"
    ),
    **dict.fromkeys(("timezone_aware", "timezone_naive", "timezone_offset"), "date-time"),
    "time_parsing": "time",
    "time_delta_parsing": "duration",
    **dict.fromkeys(("uuid_parsing", "uuid_version"), "uuid"),
    **dict.fromkeys(("url_parsing", "url_scheme", "url_syntax_violation", "url_too_long"), "uri"),
    "ip_v4_address": "ipv4",
    "ip_v6_address": "ipv6",
}
# Pydantic's name of an error, and of the one thing in its context: our code, and our name of that.
_OTHERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than_equal": ("too_small", "ge", "limit"),
    "less_than_equal": ("too_large", "le", "limit"),
    "greater_than": ("not_above", "gt", "limit"),
    "less_than": ("not_below", "lt", "limit"),
    "multiple_of": ("not_a_multiple", "multiple_of", "of"),
    "string_too_short": ("too_short", "min_length", "limit"),
    "string_too_long": ("too_long", "max_length", "limit"),
    "bytes_too_short": ("too_short", "min_length", "limit"),
    "bytes_too_long": ("too_long", "max_length", "limit"),
    "too_short": ("too_few_items", "min_length", "limit"),
    "too_long": ("too_many_items", "max_length", "limit"),
    "string_pattern_mismatch": ("pattern_mismatch", "pattern", "pattern"),
    "bad_format": ("bad_format", "format", "format"),
}
_OF_MEMBERS: Final = {"too_few_items": "too_few_members", "too_many_items": "too_many_members"}
_MISSING: Final = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_KEY: Final = "[key]"
NAME: Final = Shape()
"""What is declared of the names in a mapping."""


def entries_of(
    details: Iterable[ErrorDetails], shape: Shape | None, location: Location = "body"
) -> Iterator[Entry]:
    for detail in details:
        path, end, is_inside = _place(detail["loc"], shape)
        kind = detail["type"]
        if kind in _MISSING and not is_inside:
            yield Entry(path, "missing", NO_PARAMS, (), location)
        elif end is not None and end.branches:
            yield Entry(path, "no_branch", {"branches": end.branches}, (), location)
        elif end is NAME:
            yield Entry(path, "bad_name", NO_PARAMS, (), location)
        else:
            code, params = _told(detail, end)
            yield Entry(path, code, params, (), location)


def _told(detail: ErrorDetails, end: Shape | None) -> tuple[str, Mapping[str, Json]]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _TYPES:
        return "wrong_type", {"expected": [_TYPES[kind]]}
    if kind in _FORMATS:
        return "bad_format", {"format": _FORMATS[kind]}
    if kind in _OTHERS:
        code, theirs, ours = _OTHERS[kind]
        code = _OF_MEMBERS.get(code, code) if context.get("field_type") == "Dictionary" else code
        return code, {ours: plain(context[theirs])}
    match kind:
        case "extra_forbidden" | "unexpected_keyword_argument":
            told: tuple[str, Mapping[str, Json]] = ("unknown_member", {})
        case "literal_error" | "enum":
            told = constants(end.expected if end else [context["expected"]])
        case "is_instance_of" if context["class"] == "Decimal":
            told = ("wrong_type", {"expected": ["number"]})
        case "decimal_max_places":
            told = ("not_a_multiple", {"of": plain(Decimal(10) ** -int(context["decimal_places"]))})
        case _:
            told = ("invalid", {})
    return told


def _place(loc: tuple[str | int, ...], shape: Shape | None) -> tuple[Path, Shape | None, bool]:
    """Return where in the input that is, and what is declared there.

    Of a union that has no tag the third tells that the error is of one of its branches.
    """
    path: list[str | int] = []
    within: Shape | None = None
    for step in loc:
        if step == _KEY and within is not None and within.is_mapping:
            return tuple(path), NAME, False
        if shape is not None and shape.branches:
            picked = shape.tags.get(step) if shape.tags else None
            if picked is None:
                return tuple(path), shape, True
            within, shape = None, picked
            continue
        path.append(step)
        within = shape
        if shape is not None:
            shape = shape.names.get(step, shape.item)
    return tuple(path), shape, False


def entries_of_error(error: BaseException, declared: object) -> Iterator[Entry] | None:
    """Translate what pydantic has raised. Raises: MalformedError, of a text that it could not read."""
    if not isinstance(error, ValidationError):
        return None
    details = error.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        (told,) = error.errors(include_url=False)
        raise malformed(told["input"])
    return entries_of(details, None if declared is None else shapes(declared))
