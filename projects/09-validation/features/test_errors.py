"""Steps of errors.feature: where a mistake is, what it is called, and how many are told."""

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect, is_problem

from .api import CODES, INVALID, MALFORMED, OK, ORDERS, Api, Json, same, told
from .samples import ODD_NAMES, Sample, nested, pointer, samples

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


@then("the first two are told whole, and the last with MAX_ERRORS entries and truncated")
def the_first_two_are_told_whole(limits: dict[str, int], many: list[tuple[int, Exchange]]) -> None:
    most = limits["MAX_ERRORS"]
    for count, answer in many:
        got = (len(told(answer, f"{count} mistakes")), as_object(answer).get("truncated", False))
        wanted = (min(count, most), count > most)
        expected = f"{wanted[0]} entries of {count}, truncated: {wanted[1]}"
        expect(got == wanted, expected=expected, got=got, answer=answer)
