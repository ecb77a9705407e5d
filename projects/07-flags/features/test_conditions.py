"""Steps of conditions.feature."""

import time

from pytest_bdd import scenarios, then

from kata.steps import expect, is_problem

from .answers import CREATED, INVALID, OK, wanted
from .documents import asks, rule
from .panel import Panel

scenarios("conditions.feature")


# What objects have by themselves in one language or another, and no context unless it was sent.
INHERITED = ("constructor", "toString", "hasOwnProperty", "__proto__", "__class__", "items", "length", "hash")

HOLDS: list[tuple[dict[str, object], list[object], list[object]]] = [
    # A condition, values of `a` for which it holds, and others.
    (
        asks("a", "in", 1, "x", True),
        [1, 1.0, "x", True, ["y", "x"]],
        ["1", "X", False, 2, None, [], {"x": 1}],
    ),
    (asks("a", "in", 0, "y"), [0, 0.0, "y"], [False, "", "0", None]),
    (asks("a", "in", "x", negate=True), ["y", 1, "X"], ["x", None, ["x", "y"], {}]),
    (asks("a", "starts_with", "ab", "ż"), ["abc", "żab", "ab"], ["Ab", "cab", "", 7]),
    (asks("a", "ends_with", "漢"), ["字漢", "漢"], ["漢字", "x"]),
    (asks("a", "contains", ".", "@"), ["a.b", "@"], ["ab", 1.5]),
    (asks("a", "contains", ".", negate=True), ["ab"], ["a.b", 1.5, None, True]),
    (asks("a", "matches", "^[a-c]+[0-9]{2}$"), ["ab12"], ["xab12", "ab123", "ab12\n", 12]),
    (asks("a", "matches", "b+"), ["abbc"], ["ac"]),
    (
        asks("a", "matches", "^[[:alpha:]]+$", r"^\pN{2}\z", "(?i)^k-1$"),
        ["aB", "٣٤", "K-1"],
        ["a1", "p2", "ab\n"],
    ),
    (asks("a", "less_than", 10), [9, 9.99, -1e300], [10, 11, "9", True, None]),
    (asks("a", "at_most", 10), [10, 9.5], [10.001, "10"]),
    (asks("a", "greater_than", 10), [10.5, 2**60], [10, 9, "11"]),
    (asks("a", "at_least", 0.5), [0.5, 1], [0.4999, True]),
    (asks("a", "at_least", 10, negate=True), [9], [10, "9", None]),
    (
        asks("a", "semver_less_than", "1.10.0"),
        ["1.9.3", "1.10.0-rc.1"],
        ["1.10.0", "1.10.0+b", "2.0.0", "1.9", 1],
    ),
    (
        asks("a", "semver_at_least", "1.10.0-beta.2"),
        ["1.10.0-beta.11", "1.10.0"],
        ["1.10.0-beta.1", "v1.10.0"],
    ),
    (asks("a", "semver_at_most", "2.0.0"), ["2.0.0+7"], ["2.0.1-alpha"]),
    (asks("a", "semver_greater_than", "2.0.0"), ["2.0.1-alpha"], ["2.0.0"]),
    (
        asks("a", "before", "2026-03-01T00:00:00Z"),
        ["2026-03-01T00:30:00+01:00"],
        ["2026-03-01T00:00:00Z", "2026-02-01", 1],
    ),
    (
        asks("a", "after", "2026-03-01T01:00:00+01:00"),
        ["2026-03-01T00:00:01Z"],
        ["2026-03-01T00:00:00Z", "2026-03-01T00:30:00"],
    ),
    (asks("a", "exists"), [0, False, "", [], {}], [None]),
    (asks("a", "exists", negate=True), [None], [0, False]),
]


@then("each operator holds for what it means, and never for what is absent or of another type")
def each_operator_holds(panel: Panel) -> None:
    for condition, yes, no in panel.draw.shuffle(HOLDS):
        key = panel.flag(rules=[rule(when=[condition])])["key"]
        for value, right in [*((one, "other") for one in yes), *((one, "on") for one in no)]:
            found = panel.variant(key, {"a": value, "b": "x"})
            expect(found == right, expected=f"{right} for {condition} and a = {value!r}", got=found)
        absent = condition["operator"] == "exists" and condition["negate"]
        found = panel.variant(key, {"b": 1})
        right = "other" if absent else "on"
        expect(found == right, expected=f"{right} for {condition} without a", got=found)
    both = [asks("a", "in", 1), asks("b", "in", 2), asks("c", "in", 3)]
    key = panel.flag(rules=[rule(when=both)])["key"]
    for context in ({"a": 1, "b": 2}, {"b": 2, "c": 3}, {"a": 1, "c": 3}):
        found = panel.variant(key, context)
        expect(found == "on", expected="all conditions are needed", got=f"{found} for {context}")
    found = panel.variant(key, {"a": 1, "b": 2, "c": 3})
    expect(found == "other", expected="other for all three", got=found)
    names_that_objects_have(panel)
    for pattern in panel.draw.shuffle(["^(a+)+$", "^a*a*a*a*a*a*a*a*a*a*$"]):
        slow = panel.flag(rules=[rule(when=[asks("a", "matches", pattern)])])["key"]
        started = time.monotonic()
        found = panel.variant(slow, {"a": "a" * 90 + "b"})
        took = time.monotonic() - started
        got = f"{found} in {took:.1f} s for {pattern}"
        expect(found == "on" and took < 2, expected="an answer at once", got=got, timing=True)


def names_that_objects_have(panel: Panel) -> None:
    """Demand that an attribute is there where somebody has sent it, whatever it is called."""
    key = panel.flag(
        rules=[{**rule(when=[asks(name, "exists")]), "name": f"r-{name}"} for name in INHERITED]
    )["key"]
    found = panel.variant(key, {"a": 1})
    expect(found == "on", expected=f"on, for none of {INHERITED} is in the context", got=found)
    sent = panel.draw.choice(INHERITED)
    found = panel.variant(key, {sent: 1})
    expect(found == "other", expected=f"other for an attribute that is called {sent}", got=found)


@then(
    "those who are included, and those for whom any list holds, are in it, and those who are excluded are not"
)
def a_segment_names_people_once(panel: Panel) -> None:
    segment = panel.draw.word()
    body = {
        "key": segment,
        "included": ["ann", "bob"],
        "excluded": ["bob", "eve"],
        "any_of": [[asks("plan", "in", "pro"), asks("seats", "at_least", 5)], [asks("staff", "in", True)]],
    }
    wanted(panel.manage("POST", "/segments", body), CREATED)
    inside = {"operator": "in_segment", "values": [segment]}
    key = panel.flag(rules=[rule(when=[inside])])["key"]
    outside = panel.flag(rules=[rule(when=[{**inside, "negate": True}])])["key"]
    people: list[tuple[dict[str, object], bool]] = [
        ({"targetingKey": "ann"}, True),
        ({"targetingKey": "bob", "staff": True}, False),
        ({"targetingKey": "eve", "plan": "pro", "seats": 9}, False),
        ({"targetingKey": "dan", "plan": "pro", "seats": 5}, True),
        ({"plan": "pro", "seats": 4}, False),
        ({"staff": True}, True),
        ({}, False),
    ]
    for context, is_inside in people:
        found = panel.variant(key, context), panel.variant(outside, context)
        right = ("other", "on") if is_inside else ("on", "other")
        expect(found == right, expected=f"{right} for {context}", got=found)
    panel.key()
    shown = panel.manage("GET", f"/segments/{segment}")
    change = panel.manage("PATCH", f"/segments/{segment}", {"included": ["zoe"]}, shown.header("etag"))
    wanted(change, OK)
    for number in (key, outside):
        panel.everywhere(number, "other" if number == key else "on", {"targetingKey": "zoe"})
    is_problem(panel.manage("PATCH", f"/segments/{segment}", {"included": []}, shown.header("etag")), 412)
    is_problem(panel.manage("DELETE", f"/segments/{segment}", version="*"), 409)
    nested = {"key": panel.draw.word(), "any_of": [[inside]]}
    is_problem(panel.manage("POST", "/segments", nested), INVALID)
