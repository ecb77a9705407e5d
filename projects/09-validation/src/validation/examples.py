"""Values that a schema may describe, the simplest first: candidates, which their reader tries.

No promise that one fits: `not`, `if` and the like are left to whoever tries. From each part come a few
values, and of a whole one part is varied at a time, so that their number grows with the schema and not with
its combinations; deeper parts have fewer.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, islice
from typing import Final

from validation.patterns import matching
from validation.value import Value

type Schema = Mapping[str, Value]

_A_FEW: Final = 8
_DEPTH: Final = 6
_LONGEST: Final = 1000
_TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
_FORMATS: Final = {
    "date": "2026-02-28",
    "date-time": "2026-02-28T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "a@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "019ab3a0-0000-7000-8000-000000000000",
    "json-pointer": "/a",
    "regex": "a",
}


def examples(schema: Value) -> Iterator[Value]:
    return _Examples(schema).of(schema, _DEPTH)


class _Examples:
    """Makes them; the root is where references start."""

    def __init__(self, root: Value) -> None:
        self._root = root

    def of(self, schema: Value, depth: int) -> Iterator[Value]:
        if schema is True:
            schema = {}
        if not isinstance(schema, dict) or depth == 0:
            return
        if "const" in schema:
            yield schema["const"]
            return
        if isinstance(options := schema.get("enum"), list):
            yield from options
            return
        whole = self._in_one(schema)
        for keyword in ("anyOf", "oneOf"):
            if isinstance(parts := whole.get(keyword), list):
                rest = {name: value for name, value in whole.items() if name != keyword}
                of_each = [islice(self.of(dict(_merged(rest, part)), depth - 1), depth) for part in parts]
                yield from chain.from_iterable(of_each)
                return
        for type_name in _types(whole):
            yield from self._of_type(type_name, whole, depth)

    def _in_one(self, schema: Schema) -> Schema:
        """Put what a reference leads to, and all parts of an `allOf`, into one schema."""
        whole = {name: value for name, value in schema.items() if name not in {"$ref", "allOf"}}
        reference, parts = schema.get("$ref"), schema.get("allOf")
        if isinstance(reference, str):
            whole = dict(_merged(whole, self._behind(reference)))
        for part in parts if isinstance(parts, list) else ():
            whole = dict(_merged(whole, part))
        return whole

    def _behind(self, reference: str) -> Value:
        node = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def _of_type(self, type_name: str, schema: Schema, depth: int) -> Iterator[Value]:
        match type_name:
            case "null":
                yield None
            case "boolean":
                yield from (True, False)
            case "integer" | "number":
                yield from _numbers(schema, is_integer=type_name == "integer")
            case "string":
                yield from _strings(schema)
            case "array":
                yield from self._arrays(schema, depth)
            case "object":
                yield from self._objects(schema, depth)

    def _arrays(self, schema: Schema, depth: int) -> Iterator[Value]:
        first = schema.get("prefixItems")
        prefix = list(first) if isinstance(first, list) else []
        least = _count(schema, "minItems")
        own: list[Value] = [schema["contains"]] if "contains" in schema else []
        for length in dict.fromkeys((max(least, len(own)), max(least, len(prefix)), least + 1, least + 2)):
            parts = [*own, *prefix, *[schema.get("items", True)] * length][: max(length, len(own))]
            yield from self._varied(
                [
                    list(islice(self.of(_both(part, schema.get("items", True)), depth - 1), depth))
                    for part in parts
                ]
                if own and not prefix
                else [list(islice(self.of(part, depth - 1), depth)) for part in parts]
            )

    def _varied(self, choices: Sequence[Sequence[Value]]) -> Iterator[list[Value]]:
        """Yield the first of each, then with one varied at a time, and then the next of each, in step."""
        if not all(choices):
            return
        plain = [values[0] for values in choices]
        yield plain
        for place, values in enumerate(choices):
            yield from ([*plain[:place], value, *plain[place + 1 :]] for value in values[1:])
        for number in range(1, _A_FEW):
            yield [values[(place + number) % len(values)] for place, values in enumerate(choices)]

    def _objects(self, schema: Schema, depth: int) -> Iterator[Value]:
        listed = schema.get("properties")
        properties: Schema = listed if isinstance(listed, dict) else {}
        names = schema.get("required")
        required = [str(name) for name in names] if isinstance(names, list) else []
        more = schema.get("additionalProperties", True)
        fillers = [f"member{number}" for number in range(min(_count(schema, "minProperties"), _LONGEST))]
        required += [name for name in fillers if name not in required][: max(0, len(fillers) - len(required))]
        optional = [name for name in properties if name not in required]
        extra = ["another", "a-name-that-is-longer-than-others"] if more is not False else []
        for added in ((), *((name,) for name in optional), tuple(optional), *((name,) for name in extra)):
            chosen = [*required, *added]
            choices = [list(islice(self.of(properties.get(name, more), depth - 1), depth)) for name in chosen]
            for values in self._varied(choices):
                yield dict(zip(chosen, values, strict=True))


def _types(schema: Schema) -> Sequence[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return (named,)
    if isinstance(named, list):
        return [str(name) for name in named]
    return _TYPES


def _merged(one: Schema, other: Value) -> Schema:
    """Put two schemas that both have to hold into one, as far as that can be done member by member."""
    if not isinstance(other, dict):
        return one
    merged = {**other, **one}
    for keyword in one.keys() & other.keys():
        mine, theirs = one[keyword], other[keyword]
        if keyword == "properties" and isinstance(mine, dict) and isinstance(theirs, dict):
            shared = {name: _both(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()}
            merged[keyword] = {**theirs, **mine, **shared}
        elif keyword == "required" and isinstance(mine, list) and isinstance(theirs, list):
            merged[keyword] = [*mine, *(name for name in theirs if name not in mine)]
        elif keyword.startswith(("min", "exclusiveMin")):
            merged[keyword] = max(_decimal(mine), _decimal(theirs))
        elif keyword.startswith(("max", "exclusiveMax")):
            merged[keyword] = min(_decimal(mine), _decimal(theirs))
        elif keyword == "type":
            merged[keyword] = [name for name in _types(one) if name in _types(other)]
    return merged


def _both(one: Value, other: Value) -> Value:
    if one is False or other is False:
        return False
    return dict(_merged(one, other)) if isinstance(one, dict) else other


def _decimal(value: Value) -> Decimal:
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) else Decimal(0)


def _count(schema: Schema, keyword: str) -> int:
    return min(int(_decimal(schema.get(keyword, 0))), _LONGEST)


def _numbers(schema: Schema, *, is_integer: bool) -> Iterator[Value]:
    step = _decimal(schema.get("multipleOf", 1 if is_integer else Decimal("0.5"))) or Decimal(1)
    if is_integer and step % 1:
        step = Decimal(1)
    bounds = [(schema[name], sign) for name, sign in _BOUNDS.items() if name in schema]
    starts = [_decimal(bound) for bound, _ in bounds] or [Decimal(0)]
    for start in starts:
        on_grid = (start / step).to_integral_value() * step
        for away in (0, 1, -1, 2, -2, 3):
            number = on_grid + away * step
            yield int(number) if number == number.to_integral_value() else number
        if not is_integer and "multipleOf" not in schema:
            yield start + Decimal("0.1")
            yield start + Decimal("0.001")


_BOUNDS: Final = {"minimum": 1, "maximum": -1, "exclusiveMinimum": 1, "exclusiveMaximum": -1}


def _strings(schema: Schema) -> Iterator[Value]:
    if isinstance(name := schema.get("format"), str) and name in _FORMATS:
        yield _FORMATS[name]
    if isinstance(pattern := schema.get("pattern"), str):
        yield from islice(matching(pattern), _A_FEW * 4)
    least = _count(schema, "minLength")
    most = min(int(_decimal(schema["maxLength"])) if "maxLength" in schema else math.inf, _LONGEST)
    yield "a" * least
    if least <= most:
        yield "a" * int(most)
    yield "a" * max(least, 1)
    yield "Z9-" * (least + 1)
