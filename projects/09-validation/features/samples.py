"""Schemas with values that they take and refuse, drawn anew each time; and odd places to put them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from kata.steps import Draw

from .api import Json

# Names that mean something in some language, in a URI, in a JSON pointer, or nowhere.
ODD_NAMES = (
    *("__proto__", "constructor", "toString", "hasOwnProperty", "length", "__class__", "", " ", "0", "-1"),
    *(
        "a b%/~é",
        "~1",
        "~0",
        "%25",
        "a/b",
        "#",
        "a?b",
        "\N{GRINNING FACE}",
        "é\N{COMBINING ACUTE ACCENT}",
        'q"',
        "\\",
    ),
)


@dataclass(frozen=True)
class Sample:
    """A schema, what it takes, and what it refuses, with where within that and with which code."""

    schema: dict[str, Json]
    takes: Json
    refuses: Json
    code: str
    path: tuple[str | int, ...] = ()


def pointer(path: Sequence[str | int]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join("/" + quote(step, safe="~!$&'()*+,;=:@?") for step in steps)


def samples(draw: Draw) -> list[Sample]:
    """Return one for each rule that has a code, in any order."""
    number, low = draw.integer(3, 99_999), draw.integer(2, 30)
    word, other, name = draw.word(), draw.word().upper(), odd_name(draw)
    made = [
        Sample({"type": "string"}, word, number, "wrong_type"),
        Sample({"type": ["integer", "null"]}, None, word, "wrong_type"),
        Sample({"type": "object"}, {}, [], "wrong_type"),
        Sample({"type": "boolean"}, False, 0, "wrong_type"),
        Sample({"const": {"a": [number]}}, {"a": [number]}, {"a": [number + 1]}, "not_the_constant"),
        Sample({"const": 1}, 1, True, "not_the_constant"),
        Sample({"enum": [word, number, None]}, None, other, "not_in_enum"),
        Sample({"minimum": number}, number, number - 1, "too_small"),
        Sample({"maximum": number}, number, number + 0.25, "too_large"),
        Sample({"exclusiveMinimum": number}, number + 0.5, number, "not_above"),
        Sample({"exclusiveMaximum": number}, number - 1, number, "not_below"),
        Sample({"multipleOf": 0.01}, number / 100, number + 0.005, "not_a_multiple"),
        Sample({"multipleOf": low + 1}, (low + 1) * number, (low + 1) * number + 1, "not_a_multiple"),
        Sample({"minLength": low}, "é" * low, "\N{GRINNING FACE}" * (low - 1), "too_short"),
        Sample({"maxLength": low}, "\N{GRINNING FACE}" * low, "e" * (low + 1), "too_long"),
        Sample({"pattern": "^[a-z]{2,}$"}, word, f"{word}\n", "pattern_mismatch"),
        Sample({"pattern": r"^\d+$"}, str(number), "\N{ARABIC-INDIC DIGIT TWO}", "pattern_mismatch"),
        Sample({"minItems": low}, [0] * low, [0] * (low - 1), "too_few_items"),
        Sample({"maxItems": low}, [0] * low, [0] * (low + 1), "too_many_items"),
        Sample(
            {"uniqueItems": True}, [1, "1", True], [{"a": 1, "b": 2}, 3, {"b": 2, "a": 1.0}], "not_unique"
        ),
        Sample({"contains": {"const": word}}, [0, word], [0, other], "contains_too_few"),
        Sample({"contains": {"const": 1}, "minContains": 2}, [1, 1], [1, 0], "contains_too_few"),
        Sample({"contains": {"const": 1}, "maxContains": 2}, [1, 1], [1, 1, 1], "contains_too_many"),
        Sample({"minProperties": 2}, {"a": 1, "b": 2}, {"a": 1}, "too_few_members"),
        Sample({"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}, "too_many_members"),
        Sample({"propertyNames": {"maxLength": 5}}, {"a": 1}, {"abcdef": 1}, "bad_name", ("abcdef",)),
        Sample({"not": {"type": "string"}}, number, word, "matches_not"),
        Sample({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 0, 3, "several_branches"),
        Sample({"anyOf": [{"type": "string"}, {"minimum": 5}]}, 9, 1, "no_branch"),
        Sample({"required": [name]}, {name: 1}, {}, "missing", (name,)),
        Sample({"dependentRequired": {"a": [name]}}, {"b": 1}, {"a": 1}, "missing", (name,)),
        Sample({"properties": {name: False}}, {f"{name}x": 1}, {name: 1}, "forbidden", (name,)),
        Sample(
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1},
            {name: 1},
            "unknown_member",
            (name,),
        ),
        Sample(
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            {"a": 1},
            {"a": 1, name: 1},
            "unknown_member",
            (name,),
        ),
        Sample({"prefixItems": [{}], "unevaluatedItems": False}, [1], [1, 2], "unknown_items"),
        Sample({"prefixItems": [{}], "items": False}, [1], [1, 2], "forbidden", (1,)),
        Sample({"items": {"type": "integer"}}, [1, 2.0], [1, 2, word], "wrong_type", (2,)),
        Sample(
            {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"c": 1}, {"a": 1}, "missing", ("b",)
        ),
        Sample({"$ref": "#/$defs/d", "$defs": {"d": {"type": "null"}}}, None, number, "wrong_type"),
    ]
    return draw.shuffle(made)


def odd_name(draw: Draw) -> str:
    return draw.choice(ODD_NAMES)


def nested(draw: Draw, sample: Sample, levels: int | None = None) -> Sample:
    """Put it into objects and arrays, under odd names; its own definitions stay where they are found."""
    schema, takes, refuses, path = sample.schema, sample.takes, sample.refuses, sample.path
    definitions = schema.get("$defs")
    for _ in range(draw.integer(0, 3) if levels is None else levels):
        if draw.choice((True, False)):
            name = odd_name(draw)
            schema = {"type": "object", "properties": {name: schema}}
            takes, refuses, path = {name: takes}, {name: refuses}, (name, *path)
        else:
            before = draw.integer(0, 3)
            schema = {"type": "array", "items": schema}
            takes, refuses = [takes], [*[takes] * before, refuses]
            path = (before, *path)
    if definitions is not None:
        schema = {**schema, "$defs": definitions}
    return Sample(schema, takes, refuses, sample.code, path)


def object_of(
    made: Sequence[Sample], names: Sequence[str], pick: Callable[[Sample], Json]
) -> dict[str, Json]:
    """Put something of each under the name beside it."""
    return {name: pick(sample) for name, sample in zip(names, made, strict=True)}


def tripled(levels: int, inner: Callable[[Json], Json]) -> dict[str, Json]:
    """Return a schema that asks as often as three to the number of levels."""
    definitions: dict[str, Json] = {
        f"l{level}": inner({"allOf": [{"$ref": f"#/$defs/l{level + 1}"}] * 3}) for level in range(levels)
    }
    return {"$defs": {**definitions, f"l{levels}": {"type": "integer"}}, "$ref": "#/$defs/l0"}


MOST_LEVELS = 20


def exploding(draw: Draw, most_depth: int) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return a schema that is harmless until a value is nested, and a valid value that is.

    Each level asks three times what is within.
    """
    levels = min(MOST_LEVELS, most_depth - 2)
    schema = tripled(levels, lambda within: {"properties": {"next": within}, "title": draw.word()})
    value: Json = 1
    for _ in range(levels - 1):
        value = {"next": value}
    return schema, {"next": value}
