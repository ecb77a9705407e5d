"""Steps of references.feature: where references may lead."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import World, describe_answer, expect

from .api import INVALID, OK, Api, Json, accepted, told
from .documents import Asked

scenarios("references.feature")


@dataclass(frozen=True)
class Trap:
    """What may not be touched: an address where somebody listens, and a pipe that tells when it is opened."""

    path: str
    pipe: Path

    def is_opened(self) -> bool:
        """Ask whether somebody has it open for reading."""
        try:
            os.close(os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            return error.errno != errno.ENXIO
        return True


@pytest.fixture
def trap(world: World) -> Trap:
    path = f"/{world.draw.word()}"
    pipe = Path(world.file("schema.json", '{"type": "integer"}')).with_name(world.draw.word())
    os.mkfifo(pipe)
    return Trap(path, pipe)


@when(
    "schemas with references to the network, to files and to nothing are registered", target_fixture="refused"
)
def schemas_with_references_that_lead_out_are_registered(api: Api, world: World, trap: Trap) -> list[Asked]:
    draw = world.draw
    url, word = world.callback_server().url(trap.path), draw.word()
    planted = world.file("planted.json", '{"type": "integer"}')
    out = draw.choice([url, f"{url}#/$defs/a", url.replace("http:", "HTTP:"), url.replace("http:", "https:")])
    flawed: list[tuple[Json, str, str]] = [
        ({"$ref": url}, "#/schema/$ref", "reference_outside"),
        ({"$ref": out}, "#/schema/$ref", "reference_outside"),
        ({"$dynamicRef": url}, "#/schema/$dynamicRef", "reference_outside"),
        (
            {"properties": {word: {"items": {"$ref": url}}}},
            f"#/schema/properties/{word}/items/$ref",
            "reference_outside",
        ),
        ({"$id": f"{url}/root", "allOf": [{"$ref": "other"}]}, "#/schema/allOf/0/$ref", "reference_outside"),
        ({"$ref": f"file://{planted}"}, "#/schema/$ref", "reference_outside"),
        ({"not": {"$ref": f"file://{trap.pipe}"}}, "#/schema/not/$ref", "reference_outside"),
        ({"$ref": planted}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"//{word}.example.com/schema"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"urn:{word}"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"{word}.json"}, "#/schema/$ref", "reference_outside"),
        ({"$ref": f"#/$defs/{word}"}, "#/schema/$ref", "reference_to_nothing"),
        ({"if": {"$ref": f"#{word}"}}, "#/schema/if/$ref", "reference_to_nothing"),
        ({"$schema": url}, "#/schema/$schema", "unknown_dialect"),
    ]
    return [
        Asked(schema, api.ask_to_register(schema), where, code)
        for schema, where, code in draw.shuffle(flawed)
    ]


@then("nobody has called the verifier or opened its file")
def nobody_has_called_the_verifier_or_opened_its_file(world: World, trap: Trap) -> None:
    received = world.callback_server().received(trap.path)
    expect(not received, expected="no request to the verifier", got=[one.target for one in received])
    expect(not trap.is_opened(), expected="a pipe that nobody opens", got="somebody has it open")


@when(
    "schemas with references to pointers, anchors, ids and resources are registered",
    target_fixture="followed",
)
def schemas_with_references_that_stay_within_are_registered(
    api: Api, world: World
) -> list[tuple[str, Json, Json]]:
    draw = world.draw
    word, limit = draw.word(), draw.integer(3, 900)
    target: dict[str, Json] = {"type": "integer", "maximum": limit}
    uri, urn = f"https://{word}.example.com/schemas/limit", f"urn:{word}:limit"
    tree: dict[str, Json] = {
        "type": "object",
        "properties": {"value": target, "next": {"$ref": "#"}},
        "unevaluatedProperties": False,
    }
    odd = {"$ref": "#/$defs/a~1b~0%25%22", "$defs": {'a/b~%"': target}}
    made: list[tuple[str, Json, Json]] = [
        (api.register({"$ref": "#/$defs/d", "$defs": {"d": target}}), limit, limit + 1),
        (api.register(odd), limit, limit + 1),
        (api.register({"$ref": f"#{word}", "$defs": {"d": {**target, "$anchor": word}}}), limit, limit + 1),
        (api.register({"$id": uri, "$ref": "/d", "$defs": {"d": {**target, "$id": "/d"}}}), limit, limit + 1),
        (
            api.register(tree),
            {"value": 1, "next": {"value": limit}},
            {"next": {"next": {"value": limit + 1}}},
        ),
        # The same schema, and another resource under the same URI; by turns, for who remembers one of them.
        *[
            (api.register({"$ref": uri}, resources={uri: {"maximum": most}}), most, most + 1)
            for most in (limit, limit + 9, limit, limit + 9)
        ],
        (api.register({"items": {"$ref": urn}}, resources={urn: target}), [1, limit], [1, limit + 1]),
        (
            api.register(
                {"$ref": f"{uri}#/$defs/d"},
                resources={uri: {"$defs": {"d": {"$ref": "b"}}}, uri.replace("limit", "b"): target},
            ),
            limit,
            limit + 1,
        ),
        (
            api.register({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
            {"type": "null"},
            {"type": word},
        ),
    ]
    return made


@then("values are judged by what the references lead to")
def values_are_judged_by_what_the_references_lead_to(
    api: Api, followed: list[tuple[str, Json, Json]]
) -> None:
    for version_id, takes, refuses in followed:
        accepted(api.validate(version_id, takes), takes)
        told(api.validate(version_id, refuses), refuses)
    answer = api.ask_to_register({"$ref": "#/$defs/d", "$defs": {"d": {"$ref": "#/$defs/d"}}})
    if answer.status != INVALID:
        answer = api.validate(api.id_in(answer), 1)
    got = describe_answer(answer)
    expect(answer.status in {OK, INVALID}, expected="a reference to itself refused, or answered", got=got)
