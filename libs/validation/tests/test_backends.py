"""For the same bad input each backend gives the same pointers and codes."""

import copy
import json
import random
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from validation_problems import Body, InvalidInputError, Value, body_of, problem_of

from .orders import GOOD, SCHEMA, Order, OrderStruct

BACKENDS: Final[dict[str, Body[object]]] = {
    "pydantic": body_of(Order),
    "msgspec": body_of(OrderStruct),
    "jsonschema-rs": body_of(SCHEMA),
}

type Step = str | int
type Mistake = tuple[tuple[Step, ...], Value]

GONE: Final = "gone"
MISTAKES: Final[list[Mistake]] = [
    (("placed_on",), "2026-02-30"),
    (("placed_on",), 20261120),
    (("customer", "name"), ""),
    (("customer", "name"), "a name of more than ten"),
    (("customer", "email"), "nobody"),
    (("customer", "email"), GONE),
    (("customer",), []),
    (("items",), []),
    (("items",), {"0": 1}),
    (("items", 0, "sku"), "abc-0001"),
    (("items", 0, "qty"), "2"),
    (("items", 0, "qty"), True),
    (("items", 0, "qty"), 1.5),
    (("items", 0, "qty"), 0),
    (("items", 1, "qty"), 1000),
    (("items", 1, "qty"), GONE),
    (("items", 1, "price"), 0),
    (("items", 1, "price"), 100_000.5),
    (("items", 1, "price"), None),
    (("items", 1, "note"), "x" * 21),
    (("items", 1, "note"), 7),
    (("items", 1), None),
    (("payment", "last4"), "12345"),
    (("payment", "last4"), GONE),
    (("payment", "method"), "transfer"),
    (("payment", "method"), "cash"),
    (("payment", "method"), GONE),
    (("payment",), "cash"),
    (("payment",), GONE),
    (("colour",), "blue"),
    (("is_gift",), 1),
    (("tags", "b"), "x"),
    (("tags", "a b%/~é"), None),
    (("tags",), {"a": 1, "b": 2, "c": 3}),
]


def put(value: Value, path: tuple[Step, ...], mistake: Value) -> None:
    """Make the mistake, if its place is still there."""
    *way, last = path
    for step in way:
        if isinstance(value, dict) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return
    if isinstance(value, list) and isinstance(last, int) and last < len(value):
        value[last] = mistake
    elif isinstance(value, dict) and mistake == GONE:
        value.pop(str(last), None)
    elif isinstance(value, dict):
        value[str(last)] = mistake


def shuffled(value: Value, order: random.Random) -> Value:
    if isinstance(value, dict):
        names = order.sample(sorted(value), len(value))
        return {name: shuffled(value[name], order) for name in names}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


def told(body: Body[object], value: Value) -> list[tuple[str, str]]:
    try:
        body.read(json.dumps(value).encode())
    except InvalidInputError as error:
        return [(pointer, entry.code) for pointer, entry in error.findings.by_pointer]
    return []


WHOLES: Final = {"too_few_items", "too_many_items", "too_few_members", "too_many_members"}


def within(pointer: str, whole: str) -> bool:
    return pointer == whole or pointer.startswith(f"{whole}/")


def agrees(of_pydantic: list[tuple[str, str]], of_others: list[tuple[str, str]]) -> bool:
    """Compare them; of a whole of a wrong length pydantic tells that, or what is wrong in it."""
    wholes = [pointer for pointer, code in of_others if code in WHOLES]
    mine, theirs = (
        [one for one in found if not any(within(one[0], whole) for whole in wholes)]
        for found in (of_pydantic, of_others)
    )
    told_of = all(any(within(pointer, whole) for pointer, _ in of_pydantic) for whole in wholes)
    return mine == theirs and told_of and set(of_pydantic) <= set(of_others)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_good_is_read(backend: str) -> None:
    assert told(BACKENDS[backend], GOOD) == []


@pytest.mark.parametrize(("path", "mistake"), MISTAKES, ids=str)
def test_one_mistake_is_one_entry_with_each_backend(path: tuple[Step, ...], mistake: Value) -> None:
    value = copy.deepcopy(GOOD)
    put(value, path, mistake)
    of_each = {backend: told(body, value) for backend, body in BACKENDS.items()}
    assert len(of_each["jsonschema-rs"]) >= 1
    assert list(of_each.values()) == [of_each["jsonschema-rs"]] * len(BACKENDS), of_each


names = st.sampled_from(["", "__proto__", "constructor", "a/b", "~", "é", "zz", "Name", "0"])
places = st.sampled_from([(), ("customer",), ("items", 0), ("items", 1), ("payment",)])


@given(
    st.lists(st.sampled_from(MISTAKES), max_size=6),
    st.lists(st.tuples(places, names), max_size=3),
    st.randoms(use_true_random=False),
)
@example([(("customer",), [])], [(("items", 1), "")], random.Random(1))
@settings(max_examples=500, deadline=None)
def test_for_the_same_bad_input_each_backend_gives_the_same_pointers_and_codes(
    mistakes: list[Mistake], unknown: list[tuple[tuple[Step, ...], str]], order: random.Random
) -> None:
    value = copy.deepcopy(GOOD)
    for path, mistake in mistakes:
        put(value, path, copy.deepcopy(mistake))
    for place, name in unknown:
        put(value, (*place, name), 1)
    of_each = {backend: told(body, shuffled(value, order)) for backend, body in BACKENDS.items()}
    assert of_each["msgspec"] == of_each["jsonschema-rs"]
    assert agrees(of_each["pydantic"], of_each["jsonschema-rs"]), of_each
    assert sorted(of_each["pydantic"]) == of_each["pydantic"]


@pytest.mark.parametrize("declared", [Order, OrderStruct, SCHEMA], ids=list(BACKENDS))
def test_no_more_are_told_than_the_cap(declared: type | dict[str, Value]) -> None:
    text = json.dumps({**GOOD, **{f"unknown{number}": number for number in range(9)}}).encode()
    body: Body[object] = body_of(declared, max_errors=5)
    with pytest.raises(InvalidInputError) as raised:
        body.read(text)
    problem = problem_of(raised.value)
    assert (len(problem.findings.entries), problem.document()["truncated"]) == (5, True)
