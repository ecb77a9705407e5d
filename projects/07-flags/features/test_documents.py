"""Steps of documents.feature."""

import re

from pytest_bdd import scenarios, then

from kata.steps import expect, is_problem

from .answers import BAD, CONFLICT, INVALID, NOT_FOUND, objects
from .documents import VALUES, made_of
from .panel import API, Panel

scenarios("documents.feature")

POINTER = re.compile(r"#(/.*)?", re.DOTALL)


@then("values of another type, and what not every client can read, get 422")
def values_of_another_type(panel: Panel) -> None:
    for kind, (_, wrong) in VALUES.items():
        for value in wrong:
            document = made_of(panel, kind)
            document["variants"] = {**dict(document["variants"]), "bad": value}  # type: ignore[call-overload]
            answer = panel.manage("POST", "/flags", document)
            problem = is_problem(answer, INVALID, f"{value!r} is no {kind}")
            expect(bool(problem.get("errors")), expected="errors", got=problem, answer=answer)
            is_problem(panel.show(document["key"]), NOT_FOUND)


@then("another type gets 409")
def another_type_gets_409(panel: Panel) -> None:
    key = panel.flag()["key"]
    for change in ({"type": "object"}, {"type": "boolean", "variants": {"on": True, "off": False}}):
        is_problem(panel.manage("PATCH", f"/flags/{key}", change, "*"), CONFLICT)
    panel.change(key, type="string", description="the same type is no change of it")


def condition(operator: str, *values: object, attribute: str | None = "a") -> dict[str, object]:
    named = {"attribute": attribute} if attribute is not None else {}
    return {**named, "operator": operator, "values": list(values)}


def mistakes(panel: Panel) -> list[tuple[str, dict[str, object]]]:
    """Return what is wrong, and the members that are."""

    def rules(*given: dict[str, object]) -> dict[str, object]:
        return {"rules": [{"name": "r", "variant": "on", "when": list(given)}]}

    def split(*weights: object) -> dict[str, object]:
        names = ["on", "off", "other"]
        return {
            "split": [
                {"variant": name, "weight": weight} for name, weight in zip(names, weights, strict=False)
            ]
        }

    def percentage(percent: float) -> dict[str, object]:
        return {"rules": [{"name": "r", "variant": "on", "percentage": percent}]}

    finer = round(panel.draw.integer(1000, 49_999) / 1000 + 1e-7, 7)  # no more than a ten-millionth
    keys = ("", "../flags", "a/b", "a?b", "a b", "-a", ".a", "ż", "x" * 101, "a\n", "a%20b")
    bad_keys: list[tuple[str, dict[str, object]]] = [(f"the key {key!r}", {"key": key}) for key in keys]
    return [
        *bad_keys,
        ("a type that is none", {"type": "number"}),
        ("no variants", {"variants": {}}),
        ("an off_variant that is none", {"off_variant": panel.draw.word()}),
        ("a default that is no variant", {"default": {"variant": panel.draw.word()}}),
        ("a default of both kinds", {"default": {"variant": "on", **split(100)}}),
        ("a default of neither kind", {"default": {}}),
        ("weights of 99.999", {"default": split(50, 49.999)}),
        ("weights of 100.001", {"default": split(50, 50.001)}),
        ("a weight below 0", {"default": split(-1, 101)}),
        ("four decimals", {"default": split(50.0001, 49.9999)}),
        ("a variant twice", {"default": {"split": [{"variant": "on", "weight": 50}] * 2}}),
        *((f"the percentage {one}", percentage(one)) for one in (-0.001, 100.001, finer, finer / 2)),
        (f"the weight {finer}", {"default": split(finer, round(100 - finer, 7))}),
        ("two rules of one name", {"rules": [{"name": "r", "variant": "on"}] * 2}),
        ("an operator that is none", rules(condition("like", "a"))),
        ("no values", rules(condition("in"))),
        ("two bounds", rules(condition("less_than", 1, 2))),
        ("two versions", rules(condition("semver_less_than", "1.0.0", "2.0.0"))),
        ("two moments", rules(condition("after", *["2026-01-01T00:00:00Z"] * 2))),
        ("a value for exists", rules(condition("exists", 1))),
        ("a number as text", rules(condition("less_than", "1"))),
        ("a version that is none", rules(condition("semver_at_least", "1.0"))),
        ("a day without a time", rules(condition("before", "2026-01-01"))),
        ("a time without an offset", rules(condition("before", "2026-01-01T00:00:00"))),
        ("a pattern that goes back", rules(condition("matches", r"(a)\1"))),
        ("a pattern that is broken", rules(condition("matches", "(a"))),
        ("a segment that is none", rules(condition("in_segment", panel.draw.word(), attribute=None))),
        ("no attribute", rules(condition("in", "a", attribute=None))),
        ("a member that is none", {panel.draw.word(): 1}),
        ("NUL in the description", {"description": "a\0b"}),
        ("a text for a boolean", {"enabled": "true"}),
        (
            "a schedule without an offset",
            {"rules": [{"name": "r", "variant": "on", "starts_at": "2026-01-01T00:00:00"}]},
        ),
        ("a prerequisite that is none", {"prerequisites": [{"flag": panel.draw.word(), "variant": "on"}]}),
    ]


@then("documents with one mistake each get 422 and nothing is kept")
def documents_with_one_mistake(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    before = panel.show(key).header("etag")
    for what, members in panel.draw.shuffle(mistakes(panel)):
        answer = panel.manage("POST", "/flags", panel.document(**members))
        problem = is_problem(answer, INVALID, f"{what} is 422")
        pointers = [error.get("pointer") for error in objects(problem.get("errors"))]
        right = bool(pointers) and all(isinstance(one, str) and POINTER.fullmatch(one) for one in pointers)
        expect(
            right,
            expected=f"errors, each with a pointer such as #/key, for {what}",
            got=problem.get("errors", "no errors"),
            answer=answer,
        )
        if "key" not in members and "type" not in members:
            is_problem(panel.manage("PATCH", f"/flags/{key}", members, before), INVALID, f"{what} is 422")
    expect(panel.show(key).header("etag") == before, expected="the flag as it was", got="it has changed")
    answers = [
        panel.admin.request("POST", f"{API}/{path}", body=body, headers={"Content-Type": "application/json"})
        for path in ("flags", "segments", "keys", "explain")
        for body in (b"{", b'{"key": "a", "key": "b"}')
    ]
    for answer in answers:
        is_problem(answer, BAD, "what is no JSON, or has a member twice, is 400")
    is_problem(panel.manage("POST", "/flags", {"key": "a"}), INVALID)
