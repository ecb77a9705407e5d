"""Steps of limits.feature: how deep and how large a text may be."""

import json

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World

from .api import SCHEMAS, Api, accepted, readers
from .at_the_limits import Counted, compact, counted_values, deep, judge_brackets, judge_limit

scenarios("limits.feature")


@when("values and schemas as deep as MAX_DEPTH, and one level deeper, are sent", target_fixture="depths")
def values_and_schemas_as_deep_as_max_depth_are_sent(
    api: Api, world: World, limits: dict[str, int]
) -> list[tuple[bool, Exchange]]:
    most = limits["MAX_DEPTH"]
    version_id = api.register(True)
    asked = []
    for more in (0, 1):
        asked.append((more == 0, api.validate_text(version_id, deep(world, most + more))))
        # The envelope is a level of its own.
        schema = b'{"schema":{"const":' + deep(world, most - 2 + more) + b"}}"
        asked.append((more == 0, api.post(SCHEMAS, schema)))
    asked.append((True, api.validate_text(version_id, b"[" + b"[]," * 900 + b"[]]")))
    return asked


@then("the former are read, and the latter get 400")
def the_former_are_read_and_the_latter_get_400(depths: list[tuple[bool, Exchange]]) -> None:
    for is_read, answer in depths:
        judge_limit(is_read=is_read, answer=answer, code="depth_limit")


@then("a hundred thousand brackets are refused at once")
def a_hundred_thousand_brackets_are_refused_at_once(api: Api) -> None:
    judge_brackets(api, readers(api))


@when(
    "values with as many members and strings as may be, and with one more, are sent", target_fixture="counted"
)
def values_with_as_many_members_and_strings_are_sent(
    api: Api, world: World, limits: dict[str, int]
) -> list[tuple[Counted, Exchange]]:
    version_id = api.register(True)
    values = counted_values(world, limits)
    return [(one, api.validate_text(version_id, compact(one.value))) for one in values]


@then("those at the limit are read, and those beyond it get 400")
def those_at_the_limit_are_read(api: Api, counted: list[tuple[Counted, Exchange]]) -> None:
    for one, answer in counted:
        judge_limit(is_read=one.fits, answer=answer, code=one.code)
    text = json.dumps("[1,2,{" * 3000).encode()
    accepted(api.validate_text(api.register(True), text), "a text of many brackets")
