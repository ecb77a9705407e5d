"""Steps of prerequisites.feature."""

import time

from pytest_bdd import scenarios, then

from kata.steps import expect, is_problem

from .answers import INVALID, OK, flags_of, is_same, wanted
from .documents import asks, rule
from .panel import Panel

scenarios("prerequisites.feature")


@then("a flag whose prerequisite serves another variant is off, also at the end of two ways")
def a_flag_may_need_others(panel: Panel) -> None:
    root = str(panel.flag(rules=[rule("off", when=[asks("bad", "in", True)])])["key"])

    def needs(*keys: str) -> list[dict[str, str]]:
        return [{"flag": key, "variant": "on"} for key in keys]

    left, right = (str(panel.flag(prerequisites=needs(root))["key"]) for _ in range(2))
    top = str(panel.flag(prerequisites=needs(left, right))["key"])
    is_same(wanted(panel.ask(top, {}), OK), {"variant": "on", "reason": "STATIC"}, "all prerequisites met")
    for key in (left, right, top):
        unmet = wanted(panel.ask(key, {"bad": True}), OK)
        is_same(unmet, {"variant": "off", "value": "no", "reason": "DISABLED"}, "one that is not met")
    panel.change(right, enabled=False)
    panel.everywhere(top, "off")
    is_same(flags_of(panel.bulk({})).get(left, {}), {"variant": "on"}, "the other way")
    levels = [root, root]
    for _ in range(22):
        levels = [str(panel.flag(prerequisites=needs(*levels))["key"]) for _ in range(2)]
    started = time.monotonic()
    found = panel.variant(levels[0], {})
    took = time.monotonic() - started
    expect(found == "on" and took < 2, expected="on, at once", got=f"{found} in {took:.1f} s", timing=True)


@then("a circle, an unknown flag and an unknown variant get 422")
def a_circle_gets_422(panel: Panel) -> None:
    first = str(panel.flag()["key"])
    second = str(panel.flag(prerequisites=[{"flag": first, "variant": "on"}])["key"])
    third = str(panel.flag(prerequisites=[{"flag": second, "variant": "on"}])["key"])
    archived = str(panel.flag()["key"])
    wanted(panel.manage("DELETE", f"/flags/{archived}", version="*"), OK)
    for key, variant in (
        (third, "on"),
        (second, "on"),
        (first, "on"),
        (archived, "on"),
        (panel.draw.word(), "on"),
    ):
        needed = [{"flag": key, "variant": variant}]
        answer = panel.manage("PATCH", f"/flags/{first}", {"prerequisites": needed}, "*")
        problem = is_problem(answer, INVALID)
        pointer = str(dict(problem.get("errors", [{}])[0]).get("pointer"))  # type: ignore[index]
        expect(pointer.startswith("#/prerequisites/0"), expected="a pointer", got=problem, answer=answer)
    unknown = [{"flag": first, "variant": "none"}]
    is_problem(panel.manage("POST", "/flags", panel.document(prerequisites=unknown)), INVALID)
    itself = panel.document()
    itself["prerequisites"] = [{"flag": itself["key"], "variant": "on"}]
    is_problem(panel.manage("POST", "/flags", itself), INVALID)
