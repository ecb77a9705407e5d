"""Msgspec's errors. It stops at its first mistake; the others are found by asking it part by part.

A part that converts is right, so only the way to what is wrong is gone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import Annotated, Final, Literal, TypeAliasType, Union, get_args, get_origin

import msgspec

from validation_problems._entries import Entry, Path
from validation_problems._errors import MalformedError
from validation_problems._params import constants
from validation_problems._value import Json, Value

_PLACE: Final = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_TYPE: Final = re.compile(r"Expected `(?P<types>[^`]+)`, got ")
_BOUND: Final = re.compile(
    r"Expected `(?P<type>\w+)` (?P<bound>of length >=|of length <=|>=|<=|>|<) (?P<limit>\S+)$"
)
_MEMBER: Final = re.compile(
    r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL
)
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_TYPES: Final = {
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "null": "null",
    "object": "object",
    "array": "array",
    "decimal": "number",
}
_BOUNDS: Final = {
    ">=": "too_small",
    "<=": "too_large",
    ">": "not_above",
    "<": "not_below",
    "of length >=": "too_short",
    "of length <=": "too_long",
}
_LENGTHS: Final = {
    ("array", "too_short"): "too_few_items",
    ("array", "too_long"): "too_many_items",
    ("object", "too_short"): "too_few_members",
    ("object", "too_long"): "too_many_members",
}
_FORMATS: Final = (
    ("Invalid RFC3339 encoded datetime", "date-time"),
    ("Invalid RFC3339 encoded date", "date"),
    ("Invalid RFC3339 encoded time", "time"),
    ("Invalid ISO8601 duration", "duration"),
    ("Invalid UUID", "uuid"),
    ("Invalid decimal", "decimal"),
    ("Invalid base64", "byte"),
)


def entry_of(text: str) -> Entry:
    """Translate the one mistake that the text of an error tells."""
    place = _PLACE.search(text)
    steps = _STEP.finditer(place["path"]) if place else ()
    path: Path = tuple(int(step[2]) if step[2] else step[1] for step in steps)
    message = text[: place.start()] if place else text
    if member := _MEMBER.match(message):
        code = "missing" if member["what"] == "missing required" else "unknown_member"
        return Entry((*path, member["name"]), code)
    return Entry(path, *_told(message))


def _told(message: str) -> tuple[str, Mapping[str, Json]]:
    if found := _TYPE.match(message):
        types = found["types"].split(" | ")
        return "wrong_type", {"expected": list(dict.fromkeys(_TYPES.get(one, "string") for one in types))}
    if found := _BOUND.match(message):
        code = _BOUNDS[found["bound"]]
        limit = float(found["limit"])
        told: Json = int(limit) if limit.is_integer() else limit
        return _LENGTHS.get((found["type"], code), code), {"limit": told}
    if message.startswith("Expected `str` matching regex "):
        return "pattern_mismatch", {"pattern": message.partition("matching regex ")[2][1:-1]}
    if "that's a multiple of " in message:
        return "not_a_multiple", {"of": float(message.rpartition(" ")[2])}
    formats = [{"format": name} for beginning, name in _FORMATS if message.startswith(beginning)]
    return ("bad_format", formats[0]) if formats else ("invalid", {})


def entries(value: Value, declared: object) -> Iterator[Entry]:
    """Find all mistakes in a value that msgspec has refused for this type."""
    return _within(value, declared, ())


def _within(value: Value, declared: object, path: Path) -> Iterator[Entry]:
    error = _error(value, declared)
    if error is None:
        return
    alternatives = _alternatives(declared)
    branches = [one for one in alternatives if one is not type(None)]
    kind = branches[0] if len(branches) == 1 else _tagged(branches, value)
    if kind is None:
        yield Entry(path, "no_branch", {"branches": len(alternatives)})
        return
    kept, metas = _bare(kind)
    found = list(_of_parts(value, kept, metas, path))
    # Nothing in its parts: it is the whole that is wrong.
    yield from found or [_of_whole(error, kept, metas, path)]


def _error(value: Value, declared: object) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(value, declared)
    except msgspec.ValidationError as error:
        return error
    return None


def _of_parts(value: Value, kind: object, metas: Sequence[msgspec.Meta], path: Path) -> Iterator[Entry]:
    origin, types = get_origin(kind) or kind, get_args(kind)
    if not isinstance(origin, type):
        return
    if issubclass(origin, msgspec.Struct) and isinstance(value, dict):
        yield from _members(value, kind, origin, path)
    is_whole = (
        issubclass(origin, dict) if isinstance(value, dict) else issubclass(origin, list | set | frozenset)
    )
    if is_whole and isinstance(value, dict | list):
        plain = dict if isinstance(value, dict) else list
        if error := _error(value, Annotated[plain, *metas]):
            yield _of_whole(error, plain, metas, path)
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in parts if types else ():
            yield from _within(part, types[-1], (*path, step))


def _members(
    value: Mapping[str, Value], kind: object, origin: type[msgspec.Struct], path: Path
) -> Iterator[Entry]:
    config = origin.__struct_config__
    fields = _fields(kind)
    for name, (declared, is_required) in fields.items():
        if name in value:
            yield from _within(value[name], declared, (*path, name))
        elif is_required:
            yield Entry((*path, name), "missing")
    if config.forbid_unknown_fields:
        known = {config.tag_field, *fields}
        yield from (Entry((*path, name), "unknown_member") for name in value if name not in known)


@lru_cache(1024)
def _fields(kind: object) -> Mapping[str, tuple[object, bool]]:
    """Return what each member of a Struct is declared as, and whether it has to be there."""
    fields = msgspec.structs.fields(kind)  # type: ignore[arg-type]  # it takes Struct[int] too
    return {field.encode_name: (field.type, field.required) for field in fields}


def _of_whole(
    error: msgspec.ValidationError, kind: object, metas: Sequence[msgspec.Meta], path: Path
) -> Entry:
    told = entry_of(str(error))
    if "Invalid enum value" in str(error):
        expected = get_args(kind) if get_origin(kind) is Literal else list(kind)  # type: ignore[call-overload]
        return Entry(path, *constants(expected))
    for meta in metas:
        if told.code == "too_small" and meta.gt is not None:  # of an integer it tells the next one
            return Entry(path, "not_above", {"limit": meta.gt})
        if told.code == "too_large" and meta.lt is not None:
            return Entry(path, "not_below", {"limit": meta.lt})
        if told.code == "pattern_mismatch" and meta.pattern is not None:
            return Entry(path, told.code, {"pattern": meta.pattern})
    return Entry((*path, *told.path), told.code, told.params)


@lru_cache(1024)
def _bare(declared: object) -> tuple[object, tuple[msgspec.Meta, ...]]:
    """Return the type without what is declared around it, and the constraints that are."""
    if isinstance(declared, TypeAliasType):
        return _bare(declared.__value__)
    if get_origin(declared) is Annotated:
        within, *metas = get_args(declared)
        kind, others = _bare(within)
        return kind, (*others, *(meta for meta in metas if isinstance(meta, msgspec.Meta)))
    return declared, ()


@lru_cache(1024)
def _alternatives(declared: object) -> Sequence[object]:
    """Return the branches of a union, or what is none as its only one."""
    kind, metas = _bare(declared)
    if get_origin(kind) in {Union, UnionType}:
        return [one for part in get_args(kind) for one in _alternatives(part)]
    return [Annotated[kind, *metas] if metas else kind]


def _tagged(branches: Sequence[object], value: Value) -> object | None:
    """Return the branch whose tag the value has."""
    for branch in branches:
        if isinstance(branch, type) and issubclass(branch, msgspec.Struct) and isinstance(value, dict):
            config = branch.__struct_config__
            if config.tag_field is not None and value.get(config.tag_field) == config.tag:
                return branch
    return None


def entries_of_error(error: BaseException, _declared: object) -> Iterator[Entry] | None:
    """Translate the one mistake that was raised. Raises: MalformedError, of a text that it could not read."""
    if isinstance(error, msgspec.ValidationError):
        return iter([entry_of(str(error))])
    if isinstance(error, msgspec.DecodeError):
        offset = int(found[1]) if (found := _BYTE.search(str(error))) else 0
        code = "unexpected_end" if "truncated" in str(error) else "unexpected_character"
        raise MalformedError(code, {"offset": offset})
    return None
