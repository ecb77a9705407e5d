"""Steps of answers.feature: the forms in which mistakes are told, and what is never told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World, as_object, expect

from .api import ORDERS, Api, Json, Told, not_logged, told
from .order import drawn_order
from .samples import ODD_NAMES, Sample, nested, object_of, samples

scenarios("answers.feature")


@dataclass(frozen=True)
class Secrets:
    """What was sent in secret, and the answers to it."""

    words: list[str]
    answers: list[Exchange]


@when("values and orders with secrets in wrong places, and broken ones, are sent", target_fixture="secrets")
def values_with_secrets_in_wrong_places_are_sent(api: Api, world: World) -> Secrets:
    draw = world.draw
    words = [f"{draw.text(12)}é" for _ in range(3)]
    secret = words[0]
    numbers = [draw.integer(10**9, 10**12)]
    chosen = [
        {"type": "integer"},
        {"const": 1},
        {"enum": [1, 2]},
        {"pattern": "^[0-9]$"},
        {"maxLength": 3},
        {"not": {}},
        {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        {"minLength": 99},
        {"contains": {"type": "null"}},
        {"format": "date"},
        {"uniqueItems": True},
        {"unevaluatedItems": False},
        {"propertyNames": {"maxLength": 0}},
        {"multipleOf": 7.5},
        {"maximum": 5},
        {"properties": {"a": False}},
    ]
    answers = []
    for schema in chosen:
        version_id = api.register({"properties": {"own": schema}}, assert_format=True)
        answers += [
            api.validate(version_id, {"own": value}, view)
            for value in (secret, [secret, secret], {"a": secret}, numbers[0])
            for view in ("", "?view=tree", "?view=basic")
        ]
    members = ("placed_on", "customer", "items", "payment", "delivery")
    answers += [api.order({**drawn_order(draw)[0], member: words[1]}) for member in members]
    word = words[2]
    broken = (f'"{word}', f'{{"a":"{word}"}} x', f'{{"a":"{word}","a":1}}', word, f'["{word}\\ud800"]')
    answers += [api.post(ORDERS, text.encode()) for text in broken]
    return Secrets([*words, str(numbers[0])], answers)


@then("no answer and no line of the log has a secret in it")
def no_answer_and_no_line_of_the_log_has_a_secret_in_it(service: Service, secrets: Secrets) -> None:
    escaped = [json.dumps(word)[1:-1] for word in secrets.words]
    for answer in secrets.answers:
        found = [word for word in (*secrets.words, *escaped) if word in answer.text]
        got = f"{found[:1]} in {answer.text[:300]}"
        expect(not found, expected="an answer without what was sent", got=got, answer=answer)
    not_logged(service, [*secrets.words, *escaped], secrets.answers[-1])


@dataclass(frozen=True)
class Views:
    """The same value, looked at in each way."""

    sample: list[Sample]
    names: list[str]
    answers: dict[str, Exchange]


@when("a value with mistakes under odd names is validated with each view", target_fixture="views")
def a_value_is_validated_with_each_view(api: Api, world: World, limits: dict[str, int]) -> Views:
    draw = world.draw
    chosen = [nested(draw, sample) for sample in samples(draw) if "$ref" not in sample.schema]
    chosen = chosen[: min(len(ODD_NAMES), limits["MAX_ERRORS"] - 1)]
    names = draw.shuffle(ODD_NAMES)[: len(chosen)]
    schema = {"properties": object_of(chosen, names, lambda sample: sample.schema)}
    value = object_of(chosen, names, lambda sample: sample.refuses)
    version_id = api.register(schema)
    queries = {"none": "", "flat": "?view=flat", "tree": "?view=tree", "basic": "?view=basic"}
    return Views(
        chosen, names, {view: api.validate(version_id, value, query) for view, query in queries.items()}
    )


@then("the tree has each mistake at the end of its path, and basic has its instance and its keyword")
def the_tree_has_each_mistake_at_the_end_of_its_path(views: Views) -> None:
    of_tree, of_basic = views.answers["tree"], views.answers["basic"]
    tree, basic = as_object(of_tree).get("tree"), as_object(of_basic).get("basic")
    wanted = []
    for sample, name in zip(views.sample, views.names, strict=True):
        path = (name, *sample.path)
        codes = [error.get("code") for error in errors_at(tree, path)]
        expected = f"{sample.code} in the tree at {path}"
        expect(codes == [sample.code], expected=expected, got=codes, answer=of_tree)
        wanted.append("".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path))
    units = basic.get("errors") if isinstance(basic, dict) else None
    listed = units if isinstance(units, list) else []
    instances = sorted(str(unit.get("instanceLocation")) for unit in listed)
    expected = f"the instances {sorted(wanted)} in basic"
    expect(instances == sorted(wanted), expected=expected, got=instances, answer=of_basic)
    valid = basic.get("valid") if isinstance(basic, dict) else None
    expect(valid is False, expected='"valid": false in basic', got=valid, answer=of_basic)
    for unit in listed:
        keyword = str(unit.get("keywordLocation"))
        right = keyword.startswith("/properties/") and isinstance(unit.get("error"), str)
        expected = "a keywordLocation in the schema, and an error, in each unit"
        expect(right, expected=expected, got=unit, answer=of_basic)


def errors_at(tree: Json, path: Sequence[str | int]) -> list[Mapping[str, Json]]:
    node = tree
    for step in path:
        children = node.get("children") if isinstance(node, dict) else None
        node = children.get(str(step)) if isinstance(children, dict) else None
    found = node.get("errors") if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


@then("the list is the same in all of them")
def the_list_is_the_same_in_all_of_them(views: Views) -> None:
    lists: dict[str, list[Told]] = {view: told(answer) for view, answer in views.answers.items()}
    for view, answer in views.answers.items():
        listed = lists[view]
        expected = f"{lists['none']} with view={view}"
        expect(listed == lists["none"], expected=expected, got=listed, answer=answer)
        has = {"tree", "basic"} & as_object(answer).keys()
        wanted = {view} & {"tree", "basic"}
        expect(has == wanted, expected=f"{wanted or 'no view'} with view={view}", got=has, answer=answer)
