"""Steps of unions.feature: which branch was meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, expect

from .api import Api, Json, same, shown, told
from .samples import ODD_NAMES, pointer

scenarios("unions.feature")


@dataclass(frozen=True)
class Union:
    """A value for a union, the mistakes that are to be told of it, and the answer."""

    schema: Json
    value: Json
    wanted: list[tuple[str, str]]
    answer: Exchange
    branches: int = 0


@when("values that fit no branch of a union are validated", target_fixture="unions")
def values_that_fit_no_branch_of_a_union_are_validated(api: Api, world: World) -> list[Union]:
    draw = world.draw
    tag, inner = draw.word(), draw.choice(("inner", *ODD_NAMES[:6]))
    words = [draw.word() for _ in range(4)]
    first = branch({tag: {"const": words[0]}, "size": {"type": "integer"}}, [tag, "size"])
    second = branch({tag: {"enum": [words[1], words[2]]}, "name": {"type": "string"}}, [tag])
    third = branch({tag: {"const": 7}, "name": {"type": "string"}, "size": False}, [tag])
    untagged = branch({"name": {"type": "string"}}, ["name"])
    keyword = draw.choice(("oneOf", "anyOf"))
    union = {keyword: draw.shuffle([first, second, third])}
    deep = {keyword: [branch({tag: {"const": words[3]}, inner: union}, [tag, inner]), second]}
    behind = {
        keyword: [{"$ref": "#/$defs/one"}, {"$ref": "#/$defs/two"}],
        "$defs": {"one": first, "two": {"$ref": "#/$defs/three"}, "three": second},
    }
    reached: Json = {
        "properties": {inner: {"$dynamicRef": "#union"}},
        "$defs": {"union": {"$dynamicAnchor": "union", **union}},
    }
    vague = {keyword: [first, second, untagged]}
    plain = {"anyOf": [{"type": "string"}, branch({"a": {"type": "integer"}}, ["a"]), {"type": "null"}]}
    at = pointer((inner,))
    listed: list[tuple[Json, Json, list[tuple[str, str]], int]] = [
        (union, {tag: words[0], "size": "1"}, [("#/size", "wrong_type")], 0),
        (union, {tag: words[2], "name": 1}, [("#/name", "wrong_type")], 0),
        (union, {tag: words[0]}, [("#/size", "missing")], 0),
        (union, {tag: 7.0, "name": 1, "size": 2}, [("#/name", "wrong_type"), ("#/size", "forbidden")], 0),
        (union, {tag: draw.word()}, [("#", "no_branch")], 3),
        (union, {tag: True}, [("#", "no_branch")], 3),
        (union, {"size": 1}, [("#", "no_branch")], 3),
        (union, draw.choice((None, [], words[0], 7)), [("#", "no_branch")], 3),
        (deep, {tag: words[3], inner: {tag: words[0], "size": "1"}}, [(f"{at}/size", "wrong_type")], 0),
        (deep, {tag: words[3], inner: {tag: words[3]}}, [(at, "no_branch")], 3),
        (behind, {tag: words[0], "size": None}, [("#/size", "wrong_type")], 0),
        (behind, {tag: words[1], "name": None}, [("#/name", "wrong_type")], 0),
        (reached, {inner: {tag: words[0], "size": None}}, [(f"{at}/size", "wrong_type")], 0),
        (vague, {tag: words[0], "size": "1"}, [("#", "no_branch")], 3),
        (plain, {"a": "1"}, [("#", "no_branch")], 3),
    ]
    asked = []
    for schema, value, wanted, branches in draw.shuffle(listed):
        answer = api.validate(api.register(schema), value)
        asked.append(Union(schema, value, wanted, answer, branches))
    return asked


def branch(properties: Mapping[str, Json], required: Sequence[str]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": required}


@then("where a constant that all branches have picks one, its mistakes are told")
def where_a_constant_picks_one_its_mistakes_are_told(unions: list[Union]) -> None:
    for union in unions:
        if not union.branches:
            same(told(union.answer, union.value), union.wanted, union.value, f"under {shown(union.schema)}")


@then("where none picks one, there is one no_branch with the number of branches")
def where_none_picks_one_there_is_one_no_branch(unions: list[Union]) -> None:
    for union in unions:
        if union.branches:
            got = told(union.answer, union.value)
            same(got, union.wanted, union.value, f"under {shown(union.schema)}")
            expect(
                got[0].params == {"branches": union.branches},
                expected=f"{union.branches} branches",
                got=got[0].params,
                answer=union.answer,
            )
