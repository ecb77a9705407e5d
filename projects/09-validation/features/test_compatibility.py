"""Steps of compatibility.feature: what a change of a schema breaks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World, expect, is_problem

from .api import COMPATIBILITY, INVALID, MALFORMED, Api, Json, Schema, accepted, entries, shown, told
from .refusals import Refusals, judge_refusals, send_what_is_refused
from .samples import odd_name

scenarios("compatibility.feature")

# Of each form that the contract names: literals, classes, groups with alternatives, and quantifiers.
PATTERNS = (
    r"^\w{3}$",
    r"^[A-Z]{3}-\d{4}$",
    r"^(?:red|green)\s?\d+$",
    r"^[^/]+/\.\w*$",
    r"^v\d{1,3}(\.\d+){2}$",
)


@dataclass(frozen=True)
class Compared:
    """Two schemas, their ids, and the answer."""

    old: Schema
    new: Schema
    ids: tuple[str, str]
    answer: Mapping[str, Json]

    @property
    def what(self) -> str:
        return f"{shown(self.old)} to {shown(self.new)}"


def closed(properties: Mapping[str, Json], *required: str) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def widenings(world: World) -> list[tuple[dict[str, Json], Schema]]:
    """Return pairs of which the second accepts all that the first accepts, and more."""
    draw = world.draw
    low, high, word, name = draw.integer(2, 90), draw.integer(100, 900), draw.word(), odd_name(draw)
    integer: dict[str, Json] = {"type": "integer", "minimum": low, "maximum": high}
    pairs: list[tuple[dict[str, Json], Schema]] = [
        (integer, {**integer, "minimum": low - 1}),
        (integer, {**integer, "maximum": high + 1}),
        (integer, {"type": "integer"}),
        ({"type": "integer"}, {"type": "number"}),
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"enum": [word, low]}, {"enum": [low, None, word]}),
        ({"const": word}, {"enum": [word, high]}),
        ({"type": "string", "maxLength": low}, {"type": "string", "maxLength": low + 1}),
        ({"type": "string", "minLength": low}, {"type": "string", "minLength": low - 1}),
        ({"type": "array", "maxItems": low}, {"type": "array", "maxItems": low + 1}),
        ({"type": "array", "items": integer}, {"type": "array", "items": {"type": "integer"}}),
        (closed({name: integer}, name), closed({name: integer})),
        (closed({name: integer}), closed({name: integer, f"{name}x": {"type": "null"}})),
        (closed({name: integer}), closed({name: {**integer, "maximum": high + 1}})),
        (closed({name: closed({word: integer}, word)}, name), closed({name: closed({word: integer})}, name)),
        ({"title": word, "const": 1}, True),
    ]
    return draw.shuffle(pairs)


def large_widening(world: World) -> tuple[Schema, Schema]:
    """Return such a pair with many members beside the one that differs."""
    draw = world.draw
    many: dict[str, Json] = {
        f"{draw.word()}{number}": {"type": "integer", "minimum": number, "maximum": draw.integer(100, 900)}
        for number in range(draw.integer(70, 99))
    }
    name, limit = odd_name(draw), draw.integer(100, 900)
    return closed({name: {"maxLength": limit}, **many}), closed({name: {"maxLength": limit + 1}, **many})


@when("versions that are wider than others in one way each are compared", target_fixture="compared")
def versions_that_are_wider_are_compared(api: Api, world: World) -> list[Compared]:
    pairs: list[tuple[Schema, Schema]] = [*widenings(world), large_widening(world)]
    pairs += [(old, {**old, "title": "the same"}) for old, _ in widenings(world)[:3]]
    return [compared(api, old, new) for old, new in pairs]


def compared(
    api: Api, old: Schema, new: Schema, assert_formats: tuple[bool, bool] = (False, False)
) -> Compared:
    """Register both, one or none of them so that formats are asserted, and compare them."""
    first, second = (
        api.register(schema, assert_format=flag)
        for schema, flag in zip((old, new), assert_formats, strict=True)
    )
    return Compared(old, new, (first, second), api.compare(first, second))


@then("each answer is yes")
def each_answer_is_yes(compared: list[Compared]) -> None:
    for one in compared:
        got = one.answer.get("compatible")
        expect(got == "yes", expected=f"yes from {one.what}", got=one.answer)


@when("versions that are narrower than others in one way each are compared", target_fixture="compared")
def versions_that_are_narrower_are_compared(api: Api, world: World) -> list[Compared]:
    draw = world.draw
    word, name, number = draw.word(), odd_name(draw), draw.integer(3, 90)
    more: list[tuple[Schema, Schema]] = [
        ({"type": "object"}, {"type": "object", "required": [name]}),
        ({"type": "object", "properties": {"a": {}}}, {"properties": {"a": {}, name: {"type": "integer"}}}),
        (closed({"a": {}, "b": {}}, "a"), closed({"a": {}, "b": {}}, "a", "b")),
        (
            {"type": "array", "items": {"type": "integer"}},
            {"type": "array", "items": {"type": "integer", "maximum": number}},
        ),
        ({"type": "array"}, {"type": "array", "uniqueItems": True}),
        ({"type": "string"}, {"not": {"const": word}, "type": "string"}),
        (
            {"oneOf": [closed({"t": {"const": word}}, "t"), closed({"t": {"const": number}}, "t")]},
            closed({"t": {"const": word}}, "t"),
        ),
        ({"type": "string"}, {"type": "string", "pattern": f"^{word}"}),
        ({"type": "number", "multipleOf": 0.01}, {"type": "number", "multipleOf": 0.1}),
    ]
    pairs: list[tuple[Schema, Schema]] = [(wide, narrow) for narrow, wide in widenings(world)]
    patterns = draw.shuffle(PATTERNS)
    pairs += [beside_others(world, number, *two) for two in pairwise(patterns)]
    return [compared(api, old, new) for old, new in (*pairs, *draw.shuffle(more))]


def beside_others(world: World, most: int, one: str, other: str) -> tuple[Schema, Schema]:
    """Return two versions of an object: one bound is narrower, and what else is required stays."""
    draw = world.draw
    bounded, part, named = draw.word(), f"{draw.word()}-part", f"{draw.word()}-named"
    others: dict[str, Json] = {
        part: {"type": "string", "pattern": one},
        named: {"$ref": "#/$defs/code"},
    }

    def version(maximum: int) -> dict[str, Json]:
        return {
            "type": "object",
            "required": [bounded, *others],
            "allOf": [{"properties": {bounded: {"type": "integer", "minimum": 1}}}],
            "properties": {bounded: {"maximum": maximum}, **others},
            "$defs": {"code": {"type": "string", "pattern": other}},
        }

    return version(most), version(most - 1)


@then("each answer is no, with a witness")
def each_answer_is_no_with_a_witness(compared: list[Compared]) -> None:
    for one in compared:
        right = one.answer.get("compatible") == "no" and "witness" in one.answer
        expect(right, expected=f"no, and a witness, from {one.what}", got=one.answer)


@then("the old version accepts the witness, and the new one refuses it with the same errors")
def the_old_version_accepts_the_witness(api: Api, compared: list[Compared]) -> None:
    for one in compared:
        prove(api, one)


def prove(api: Api, one: Compared) -> None:
    witness = one.answer["witness"]
    old, new = one.ids
    accepted(api.validate(old, witness), witness)
    refused = told(api.validate(new, witness), witness, f"the witness from {one.what}")
    said = entries(one.answer.get("errors"))
    expect(said == refused, expected=f"{refused} from {one.what}", got=said)


@pytest.fixture
def word(world: World) -> str:
    return world.draw.word()


@when("versions are compared that nobody can prove to be compatible", target_fixture="compared")
def versions_are_compared_that_nobody_can_prove(api: Api, world: World, word: str) -> list[Compared]:
    draw = world.draw
    number = draw.integer(3, 90)
    node = {"type": "object", "properties": {"next": {"$ref": "#"}, word: {"type": "integer"}}}
    pairs: list[tuple[Schema, Schema]] = [
        ({"type": "string", "pattern": f"^{word}"}, {"type": "string", "pattern": f"^(?:{word})"}),
        ({"type": "string", "pattern": f"^{word}+$"}, {"type": "string", "pattern": f"^{word}{{1,}}$"}),
        (
            {"patternProperties": {f"^{word}": {"type": "integer"}}},
            {"patternProperties": {f"^{word}": {"type": "integer", "minimum": number}}},
        ),
        (node, {**node, "minProperties": 0}),
        (node, {**node, "properties": {**node["properties"], word: {"type": "integer", "minimum": number}}}),  # type: ignore[dict-item]
        (
            {"type": "object", "unevaluatedProperties": {"type": "integer"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ),
        ({"contains": {"minimum": number}}, {"contains": {"minimum": number, "maximum": number + 1}}),
        *narrower_counts(draw.integer(1, 4)),
        ({"not": {"not": {"type": "integer"}}}, {"type": "integer"}),
        ({"type": "number", "multipleOf": number}, {"type": "number", "multipleOf": 0.5}),
        (False, {"const": word}),
    ]
    made = [compared(api, old, new) for old, new in draw.shuffle(pairs)]
    dated: dict[str, Json] = {"type": "string", "format": draw.choice(("date", "uuid", "ipv4"))}
    within: dict[str, Json] = {"properties": {word: dated}}
    formats = draw.choice((dated, within))
    return [*made, *(compared(api, formats, formats, flags) for flags in ((False, True), (True, False)))]


def narrower_counts(count: int) -> list[tuple[Schema, Schema]]:
    some: dict[str, Json] = {"contains": {"type": "null"}}
    bounds: tuple[tuple[str, int], ...] = (("maxContains", -1), ("minContains", 1))
    pairs: list[tuple[Schema, Schema]] = [
        ({**some, name: count + 1}, {**some, name: count + 1 + step}) for name, step in bounds
    ]
    return [*pairs, ({**some, "minContains": 0}, some)]


@then("no answer is a yes that a value disproves, and no witness is one that fails")
def no_answer_is_a_yes_that_a_value_disproves(api: Api, word: str, compared: list[Compared]) -> None:
    tries: list[Json] = [None, 0, -1, 0.5, "", word, [], [0], [9**9], {}, {word: 0}, {word: "x"}]
    tries += [{"next": {word: 0}}, {"other": "x"}, {"other": 1}, f"{word}{word}"]
    tries += [[None] * count for count in range(1, 8)]
    for one in compared:
        answer = one.answer.get("compatible")
        expect(answer in {"yes", "no", "unknown"}, expected="yes, no or unknown", got=one.answer)
        if answer == "no":
            prove(api, one)
        elif answer == "yes":
            old, new = one.ids
            for value in tries:
                if api.validate(old, value).status != INVALID:
                    accepted(api.validate(new, value), f"{json.dumps(value)}: yes from {one.what}")


@then("what is no pair of versions is refused")
def what_is_no_pair_of_versions_is_refused(api: Api, world: World) -> None:
    own = api.register({"title": world.draw.word()})
    listed: list[tuple[Json, str, str]] = [
        ({"old": own}, "#/new", "missing"),
        ({"new": own}, "#/old", "missing"),
        ({"old": own, "new": own[1:]}, "#/new", "pattern_mismatch"),
        ({"old": 1, "new": own}, "#/old", "wrong_type"),
        ({"old": own, "new": own, "mode": "full"}, "#/mode", "unknown_member"),
        ([own, own], "#", "wrong_type"),
    ]
    for body, place, code in listed:
        answer: Exchange = api.client.request("POST", COMPATIBILITY, json=body)
        pairs = [one.pair for one in told(answer, body)]
        expect(pairs == [(place, code)], expected=f"{place} {code} for {shown(body)}", got=pairs)
    is_problem(api.post(COMPATIBILITY, b'{"old":'), MALFORMED)


@when("what is no strict JSON, and what may not be read, is sent to be compared", target_fixture="refusals")
def what_may_not_be_read_is_sent_to_be_compared(api: Api, service: Service, world: World) -> Refusals:
    return send_what_is_refused(api, service, world, COMPATIBILITY)


@then("each is refused as by any other route")
def each_is_refused_as_by_any_other_route(api: Api, refusals: Refusals) -> None:
    judge_refusals(api, refusals)
