"""The same for pydantic: its errors, told by the same rules under the same codes.

Its places have the names of a union's branches in them, which no input has: they are taken out. Of a union
that no constant decides it tells the errors of every branch: they become one.
"""

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, TypeAliasType, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from validation.entries import Entry, Path

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "bool_type": ("boolean",),
    "decimal_type": ("number",),
    "dict_type": ("object",),
    "int_type": ("integer",),
    "is_instance_of": ("number",),  # of a Decimal, the only class that an order has
    "list_type": ("array",),
    "model_attributes_type": ("object",),
    "model_type": ("object",),
    "string_type": ("string",),
}
# Pydantic's name of an error, and of the one thing in its context: our code, and our name of that.
_OTHERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than_equal": ("too_small", "ge", "limit"),
    "less_than_equal": ("too_large", "le", "limit"),
    "multiple_of": ("not_a_multiple", "multiple_of", "of"),
    "string_too_short": ("too_short", "min_length", "limit"),
    "string_too_long": ("too_long", "max_length", "limit"),
    "too_short": ("too_few_items", "min_length", "limit"),
    "too_long": ("too_many_items", "max_length", "limit"),
    "string_pattern_mismatch": ("pattern_mismatch", "pattern", "pattern"),
    "bad_format": ("bad_format", "format", "format"),
}


def entries(error: ValidationError, model: type[BaseModel]) -> Iterator[Entry]:
    for detail in error.errors(include_url=False, include_input=False):
        path, branches = _place(detail["loc"], model)
        is_missing = detail["type"] == "missing" and len(detail["loc"]) == len(path)
        if branches and not is_missing:
            yield Entry(path, "no_branch", {"branches": branches})
        else:
            yield _entry(detail, path)


def _entry(detail: ErrorDetails, path: Path) -> Entry:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return Entry(path, "missing")
    if kind == "extra_forbidden":
        return Entry(path, "unknown_member")
    if kind in _TYPES:
        return Entry(path, "wrong_type", {"expected": list(_TYPES[kind])})
    code, theirs, ours = _OTHERS[kind]
    return Entry(path, code, {ours: context[theirs]})


def _place(loc: Iterable[str | int], model: type[BaseModel]) -> tuple[Path, int]:
    """Return where in the input that is; and of how many branches, if a union has none picked there."""
    path: list[str | int] = []
    steps = iter(loc)
    declared: object = model
    for step in steps:
        path.append(step)
        field = _field(declared, step)
        alternatives = _alternatives(field.annotation if field else _item(declared))
        branches = [one for one in alternatives if one is not types.NoneType]
        if len(branches) == 1:
            declared = branches[0]
        elif branches:
            tag = next(steps, None) if field and field.discriminator else None
            picked = [branch for branch in branches if _has_tag(branch, field, tag)]
            if not picked:
                return tuple(path), len(alternatives)
            declared = picked[0]
    return tuple(path), 0


def _field(declared: object, name: str | int) -> FieldInfo | None:
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        return declared.model_fields.get(str(name))
    return None


def _item(declared: object) -> object:
    """Return what a list holds."""
    return get_args(declared)[0] if get_origin(declared) is list else None


def _alternatives(declared: object) -> list[object]:
    """Return the branches of a union, or what is none as its only one, without what is declared around."""
    if isinstance(declared, TypeAliasType):
        return _alternatives(declared.__value__)
    if get_origin(declared) is Annotated:
        return _alternatives(get_args(declared)[0])
    if get_origin(declared) in {Union, types.UnionType}:
        return [one for part in get_args(declared) for one in _alternatives(part)]
    return [] if declared is None else [declared]


def _has_tag(branch: object, field: FieldInfo | None, tag: str | int | None) -> bool:
    discriminator = field.discriminator if field else None
    of_branch = _field(branch, discriminator) if isinstance(discriminator, str) else None
    return of_branch is not None and tag in get_args(of_branch.annotation)
