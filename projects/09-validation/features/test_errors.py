"""Steps of errors.feature: where a mistake is, what it is called, and what is never told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Service, World, as_object, describe_answer, expect, is_problem

from .api import (
    CODES,
    INVALID,
    MALFORMED,
    OK,
    ORDERS,
    SCHEMAS,
    Api,
    Json,
    Told,
    entries,
    not_logged,
    results,
    same,
    shown,
    told,
)
from .order import drawn_order
from .samples import ODD_NAMES, Sample, nested, object_of, pointer, samples

PROBLEMS = (
    *("byte_order_mark", "invalid_utf8", "lone_surrogate", "duplicate_name", "unexpected_character"),
    *("unexpected_end", "trailing_data", "number_out_of_range", "depth_limit", "member_limit"),
    *("string_limit", "line_limit", "bad_record", "evaluation_stopped"),
)

scenarios("errors.feature")


@when("the table of codes is asked for", target_fixture="table")
def the_table_of_codes_is_asked_for(api: Api) -> dict[str, Mapping[str, Json]]:
    answer = api.client.get(CODES)
    expect(answer.status == OK, expected=f"200 from {CODES}", got=describe_answer(answer))
    rows = as_object(answer).get("codes")
    right = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    expect(right, expected="an array `codes` of objects", got=answer.text[:200])
    return {str(row.get("code")): row for row in rows} if isinstance(rows, list) else {}


@then("each row has a code, a status, a text and the names of its params")
def each_row_has_a_code_a_status_a_text(table: dict[str, Mapping[str, Json]]) -> None:
    for row in table.values():
        kinds = {"code": str, "status": int, "detail": str, "params": list}
        wrong = [name for name, kind in kinds.items() if not isinstance(row.get(name), kind)]
        expect(not wrong, expected=f"{', '.join(kinds)} in each row", got=row)
        expect(row["status"] in {MALFORMED, INVALID}, expected="a status of 400 or 422", got=row)


@then("it has those that a problem or a record is told with")
def it_has_those_that_a_problem_is_told_with(table: dict[str, Mapping[str, Json]]) -> None:
    for code in PROBLEMS:
        status = INVALID if code == "evaluation_stopped" else MALFORMED
        row = table.get(code, {})
        got = (row.get("status"), row.get("params"))
        wanted = (status, ["limit"] if code.endswith("_limit") else [])
        expect(got == wanted, expected=f"{code} with {wanted}", got=got)


@then("the codes and params that mistakes of all kinds are told with are those of the table")
def the_codes_and_params_are_those_of_the_table(
    api: Api, world: World, table: dict[str, Mapping[str, Json]]
) -> None:
    for sample in samples(world.draw):
        answer = api.validate(api.register(sample.schema), sample.refuses)
        for one in told(answer, sample.refuses):
            row = table.get(one.code)
            right = row is not None and row["status"] == INVALID
            expect(right, expected=f"{one.code} in the table", got=row, answer=answer)
            names = sorted(one.params)
            wanted = sorted(row["params"]) if row and isinstance(row["params"], list) else []
            expected = f"the params {wanted} with {one.code}"
            expect(names == wanted, expected=expected, got=names, answer=answer)
    for text in (b"\xef\xbb\xbf1", b"[", b"[1,]", b'{"a":1,"a":2}', b'"\\ud800"', b"1e999", b"\xff"):
        answer = api.post(ORDERS, text)
        code = is_problem(answer, MALFORMED)["code"]
        row = table.get(str(code))
        right = row is not None and row["status"] == MALFORMED
        expect(right, expected=f"{code} in the table", got=row, answer=answer)


@dataclass(frozen=True)
class Odd:
    """A value with mistakes at odd names, where each is, and the answer."""

    value: Json
    wanted: list[tuple[str, str]]
    answer: Exchange


@when("values with members of odd names missing, unknown and wrong are validated", target_fixture="odd")
def values_with_members_of_odd_names_are_validated(api: Api, world: World) -> list[Odd]:
    names = world.draw.shuffle(ODD_NAMES)
    third = len(names) // 3
    missing, unknown, wrong = names[:third], names[third : 2 * third], names[2 * third :]
    schema = {
        "type": "object",
        "required": [*missing, *wrong],
        "properties": {name: {"type": "integer"} for name in [*missing, *wrong]},
        "additionalProperties": False,
    }
    value = {name: world.draw.word() for name in world.draw.shuffle([*unknown, *wrong])}
    wanted = [((name,), "missing") for name in missing]
    wanted += [((name,), "unknown_member") for name in unknown]
    wanted += [((name,), "wrong_type") for name in wrong]
    plain = Sample(schema, dict.fromkeys([*missing, *wrong], 1), value, "")
    asked = []
    for levels in (0, 1, 2):
        sample = nested(world.draw, plain, levels)
        places = [(pointer((*sample.path, *path)), code) for path, code in wanted]
        asked.append(Odd(sample.refuses, places, api.validate(api.register(sample.schema), sample.refuses)))
    return asked


@then("each has an entry of its own, at its own place")
def each_has_an_entry_of_its_own(odd: list[Odd]) -> None:
    for one in odd:
        same(told(one.answer, one.value), one.wanted, one.value)


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


@when("a value with many mistakes is validated with its members in several orders", target_fixture="orders")
def a_value_with_many_mistakes_is_validated(api: Api, world: World, limits: dict[str, int]) -> list[Exchange]:
    draw = world.draw
    count = min(limits["MAX_ERRORS"] - 2, 12)
    names = draw.shuffle([*ODD_NAMES, "a", "a0", "A", "b"])[:count]
    wrong = {"type": "integer", "enum": [1]}
    # Below the cap, and with two codes at one place.
    schema = {"properties": dict.fromkeys(names[: count // 2], wrong), "additionalProperties": False}
    version_id = api.register(schema)
    answers = []
    for _ in range(4):
        value = dict.fromkeys(draw.shuffle(names), "x")
        answers.append(api.validate(version_id, value))
    return answers


@then("the entries are the same each time, ordered bytewise by pointer, and then by code")
def the_entries_are_the_same_each_time(orders: list[Exchange]) -> None:
    first = [one.pair for one in told(orders[0])]
    ordered = sorted(first, key=lambda pair: (pair[0].encode(), pair[1]))
    expect(first == ordered, expected=str(ordered), got=first, answer=orders[0])
    for answer in orders[1:]:
        got = [one.pair for one in told(answer)]
        expected = f"the same for another order of members: {first}"
        expect(got == first, expected=expected, got=got, answer=answer)


@when(
    "values with one mistake less than MAX_ERRORS, with as many and with more are validated",
    target_fixture="many",
)
def values_with_many_mistakes_are_validated(
    api: Api, limits: dict[str, int], world: World
) -> list[tuple[int, Exchange]]:
    most = limits["MAX_ERRORS"]
    items = api.register({"items": {"type": "integer"}})
    closed = api.register({"additionalProperties": False})
    asked = []
    for count in (most - 1, most, most + 1, most * world.draw.integer(2, 9)):
        asked.append((count, api.validate(items, ["x"] * count)))
        asked.append((count, api.validate(closed, {f"{number}": 1 for number in range(count)})))
    return asked


@when("the same are sent as items of a batch and as lines of a stream", target_fixture="many_in_one")
def the_same_are_sent_as_items_of_a_batch(
    api: Api, limits: dict[str, int], world: World
) -> tuple[list[int], list[Exchange]]:
    most = limits["MAX_ERRORS"]
    place = f"{SCHEMAS}/{api.register({'items': {'type': 'integer'}})}"
    counts = world.draw.shuffle((most - 1, most, most + 1, most + world.draw.integer(2, 9)))
    values = [json.dumps(["x"] * count) for count in counts]
    batch = api.post(f"{place}/batch", f"[{','.join(values)}]".encode())
    stream = api.post(f"{place}/stream", "\n".join(values).encode(), "application/x-ndjson")
    return counts, [batch, stream]


@then("the first two are told whole, and the last with MAX_ERRORS entries and truncated")
def the_first_two_are_told_whole(limits: dict[str, int], many: list[tuple[int, Exchange]]) -> None:
    most = limits["MAX_ERRORS"]
    for count, answer in many:
        got = (len(told(answer, f"{count} mistakes")), as_object(answer).get("truncated", False))
        wanted = (min(count, most), count > most)
        expected = f"{wanted[0]} entries of {count}, truncated: {wanted[1]}"
        expect(got == wanted, expected=expected, got=got, answer=answer)


@then("each result is told and cut off as the answer to one value is")
def each_result_is_told_and_cut_off(
    limits: dict[str, int], many_in_one: tuple[list[int], list[Exchange]]
) -> None:
    most = limits["MAX_ERRORS"]
    counts, answers = many_in_one
    for answer in answers:
        for count, result in zip(counts, results(answer, len(counts)), strict=True):
            got = (len(entries(result.get("errors"), answer=answer)), result.get("truncated", False))
            wanted = (min(count, most), count > most)
            expected = f"{wanted[0]} entries of {count} for one of several, truncated: {wanted[1]}"
            expect(got == wanted, expected=expected, got=got, answer=answer)


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
