"""Steps of schedules.feature."""

import time
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then, when

from kata.steps import describe_answer, expect, is_problem

from .answers import CREATED, INVALID, NO_CONTENT, NOT_FOUND, OK, has, is_same, objects, wanted
from .panel import Panel

scenarios("schedules.feature")


@when("changes of flags are scheduled, and one of the flags is changed meanwhile", target_fixture="planned")
def changes_are_scheduled(panel: Panel) -> tuple[datetime, dict[str, str]]:
    begun = time.monotonic()
    states = {str(panel.flag()["key"]): state for state in ("done", "conflict", "cancelled")}
    for key in states:
        panel.known_everywhere(key)
    # As much later as the machine is slower: what follows takes no longer than what was done so far.
    at = datetime.now(UTC) + timedelta(seconds=1.0 + 2 * (time.monotonic() - begun))
    for key, state in states.items():
        etag = panel.show(key).header("etag")
        body = {"at": at.isoformat(), "change": {"default": {"variant": "other"}}}
        made = wanted(panel.manage("POST", f"/flags/{key}/scheduled-changes", body, etag), CREATED)
        is_same(made, {"state": "pending", "flag": key}, "the scheduled change")
        if state == "conflict":
            panel.change(key, description="changed meanwhile")
        if state == "cancelled":
            path = f"/scheduled-changes/{made['id']}"
            deleted = panel.manage("DELETE", path)
            expect(
                deleted.status == NO_CONTENT,
                expected="204",
                got=describe_answer(deleted),
                answer=deleted,
                timing=True,
            )
            is_problem(panel.manage("DELETE", path), NOT_FOUND)
    made_at = datetime.now(UTC)
    expect(made_at < at, expected=f"all prepared before {at}", got=made_at, timing=True)
    late = str(panel.flag()["key"])
    past = {"at": "2021-01-01T00:00:00Z", "change": {"default": {"variant": "other"}}}
    wanted(
        panel.manage("POST", f"/flags/{late}/scheduled-changes", past, "*"), CREATED, "a time that is over"
    )
    panel.everywhere(late, "other")
    killed = str(panel.flag()["key"])
    wanted(panel.manage("PUT", f"/flags/{killed}/kill"), OK)
    wanted(panel.manage("POST", f"/flags/{killed}/scheduled-changes", past, "*"), CREATED)
    changed = {"default": {"variant": "other"}}
    panel.soon(
        lambda: has(wanted(panel.show(killed), OK)["default"], changed["default"]),
        "the change of a killed flag",
    )
    is_same(wanted(panel.show(killed), OK), {"killed": True}, "a killed flag that was changed on schedule")
    found = panel.variant(killed)
    expect(found == "off", expected="off, for no change lifts a kill", got=found)
    bad = {"at": at.isoformat(), "change": {"default": {"variant": "none"}}}
    is_problem(panel.manage("POST", f"/flags/{key}/scheduled-changes", bad, "*"), INVALID)
    return at, states


@then("the others are made on time, and that one is a conflict for good")
def the_others_are_made_on_time(panel: Panel, planned: tuple[datetime, dict[str, str]]) -> None:
    at, states = planned
    done = next(key for key, state in states.items() if state == "done")
    early = [panel.variant(key) for key in states]
    if datetime.now(UTC) < at:
        expect(early == ["on"] * 3, expected="nothing before its time", got=early)
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
    panel.everywhere(done, "other")
    time.sleep(0.5)
    for key, state in states.items():
        listed = wanted(panel.manage("GET", f"/flags/{key}/scheduled-changes"), OK)
        for item in objects(listed.get("items")):
            path = f"/scheduled-changes/{item['id']}"
            is_problem(panel.manage("DELETE", path), NOT_FOUND, f"one that is {state} is over")
        listed = wanted(panel.manage("GET", f"/flags/{key}/scheduled-changes"), OK)
        told = [item["state"] for item in objects(listed.get("items"))]
        expect(told == [state], expected=f"[{state}]", got=told)
        variant = panel.variant(key)
        right = "other" if state == "done" else "on"
        expect(variant == right, expected=f"{right} after {state}", got=variant)
    page = wanted(panel.manage("GET", f"/audit?flag={done}&limit=1"), OK)
    is_same(
        objects(page.get("items"))[0], {"action": "scheduled", "actor": panel.settings.admin}, "the audit"
    )
