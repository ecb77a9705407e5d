"""Steps of management.feature."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pytest_bdd import scenarios, then, when

from kata.steps import Request, expect, is_problem

from .panel import (
    API,
    CONFLICT,
    CREATED,
    FAILED,
    INVALID,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    REQUIRED,
    UNAUTHORIZED,
    Json,
    Panel,
    is_same,
    objects,
    wanted,
)

scenarios("management.feature")

LARGEST_INTEGER = 2**53 - 1
VALUES: dict[str, tuple[list[object], list[object]]] = {
    # What is a value of the type, and what is none.
    "boolean": ([True, False], [0, 1, "true", None]),
    "string": (["", "żółw 漢 👩‍🚀", '"'], [1, None, True, "a\0b"]),
    "integer": ([0, -7, LARGEST_INTEGER, -LARGEST_INTEGER], [1.5, "1", True, 2**53, -(2**53), None]),
    "float": ([0.5, -1e300, 3], ["1.0", True, None]),
    "object": ([{}, {"a": [1, {"b": None}]}, {"x": 1e20}], [[], "{}", 1, {"a": ["\0"]}, {"n": 2**53}]),
}


def made_of(panel: Panel, kind: str) -> dict[str, object]:
    values = VALUES[kind][0]
    variants = {f"v{number}": value for number, value in enumerate(values)}
    return panel.document(type=kind, variants=variants, off_variant="v0", default={"variant": "v1"})


@when("flags of each type are made", target_fixture="documents")
def flags_of_each_type_are_made(panel: Panel) -> list[dict[str, object]]:
    documents = [made_of(panel, kind) for kind in panel.draw.shuffle(VALUES)]
    for document in documents:
        made = panel.manage("POST", "/flags", document)
        is_same(wanted(made, CREATED), document, "the flag that was made")
    return documents


@then("each is shown and listed as it was made, and a change of each member moves its ETag")
def each_is_shown_and_listed(panel: Panel, documents: list[dict[str, object]]) -> None:
    listed = {item["key"]: item for item in objects(wanted(panel.manage("GET", "/flags"), OK).get("items"))}
    for document in documents:
        shown = panel.show(document["key"])
        is_same(wanted(shown, OK), document, "GET")
        is_same(listed[document["key"]], document, "the list")
    key = documents[0]["key"]
    rules = [{"name": "r", "variant": "v1", "when": [{"attribute": "a", "operator": "exists"}]}]
    changes: dict[str, object] = {
        "description": panel.draw.word(),
        "off_variant": None,
        "enabled": False,
        "client_side": True,
        "salt": panel.draw.word(),
        "rules": rules,
        "default": {"variant": "v0"},
    }
    etag = panel.show(key).header("etag")
    for name, value in panel.draw.shuffle(changes.items()):
        changed = panel.manage("PATCH", f"/flags/{key}", {name: value}, etag)
        body = wanted(changed, OK, f"a change of {name}")
        moved = changed.header("etag")
        expect(moved not in {None, etag}, expected=f"another ETag after {name}", got=moved, answer=changed)
        etag = panel.show(key).header("etag")
        expect(etag == moved, expected=f"GET with the ETag {moved}", got=etag)
        is_same(body, {name: value}, "the change")
    missing = panel.show(panel.draw.word())
    is_problem(missing, NOT_FOUND)
    is_problem(panel.manage("POST", "/flags", documents[0]), CONFLICT)


@then("a change without If-Match gets 428, and one of an older version 412")
def a_change_without_if_match(panel: Panel) -> None:
    key = panel.flag()["key"]
    old = panel.show(key).header("etag")
    panel.change(key, description="second")
    path = f"/flags/{key}"
    lost = {"description": "lost"}
    is_problem(panel.manage("PATCH", path, lost), REQUIRED)
    is_problem(panel.manage("DELETE", path), REQUIRED)
    is_problem(panel.manage("DELETE", f"{path}/kill"), REQUIRED)
    scheduled = {"at": "2126-01-01T00:00:00Z", "change": lost}
    is_problem(panel.manage("POST", f"{path}/scheduled-changes", scheduled), REQUIRED)
    now = panel.show(key).header("etag")
    for tag in (old, f"W/{now}", '"x"', str(now).strip('"'), '"0"'):
        is_problem(panel.manage("PATCH", path, lost, tag), FAILED)
        is_problem(panel.manage("DELETE", path, version=tag), FAILED)
    is_problem(panel.manage("POST", f"{path}/scheduled-changes", scheduled, old), FAILED)
    is_same(wanted(panel.show(key), OK), {"description": "second", "archived": False}, "the flag after it")
    wanted(panel.manage("PATCH", path, {"description": "third"}, f'"x" , {now}'), OK, "a list with the ETag")
    wanted(panel.manage("PATCH", path, {"description": "fourth"}, "*"), OK, "If-Match: *")


@then("of changes from one version that arrive together one is made")
def of_changes_together_one_is_made(panel: Panel) -> None:
    key = panel.flag()["key"]
    etag = str(panel.show(key).header("etag"))
    bodies = [f'{{"description": "{panel.draw.word()}"}}'.encode() for _ in range(8)]
    headers = {
        "Authorization": f"Bearer {panel.settings.token}",
        "Content-Type": "application/json",
        "If-Match": etag,
    }
    # First something else that arrives together, so that each has a connection to PostgreSQL at hand.
    panel.service.burst(Request("GET", f"{API}/flags", headers) for _ in range(12))
    answers = panel.service.burst(Request("PATCH", f"{API}/flags/{key}", headers, body) for body in bodies)
    statuses = sorted(answer.status for answer in answers)
    expect(
        statuses == [OK] + [FAILED] * 7, expected="200 once, and 412 seven times", got=statuses, timing=True
    )


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
        ("a percentage of 100.001", {"rules": [{"name": "r", "variant": "on", "percentage": 100.001}]}),
        ("two rules of one name", {"rules": [{"name": "r", "variant": "on"}] * 2}),
        ("an operator that is none", rules(condition("like", "a"))),
        ("no values", rules(condition("in"))),
        ("two bounds", rules(condition("less_than", 1, 2))),
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
        right = bool(pointers) and all(isinstance(one, str) and one.startswith("#") for one in pointers)
        expect(right, expected=f"a pointer for {what}", got=problem, answer=answer)
        if "key" not in members and "type" not in members:
            is_problem(panel.manage("PATCH", f"/flags/{key}", members, before), INVALID, f"{what} is 422")
    expect(panel.show(key).header("etag") == before, expected="the flag as it was", got="it has changed")
    answers = [
        panel.admin.request("POST", f"{API}/flags", body=b"{", headers={"Content-Type": "application/json"}),
        panel.admin.request("POST", f"{API}/flags", json={"key": "a"}),
    ]
    is_problem(answers[0], 400)
    is_problem(answers[1], INVALID)


@when("flags are made and changed by two administrators", target_fixture="made")
def flags_are_made_and_changed(panel: Panel) -> tuple[str, list[tuple[str, str, object]]]:
    key = str(panel.flag()["key"])
    expected = [(panel.settings.admin, "create", "")]
    other = panel.service.client({"Authorization": f"bearer {panel.settings.other_token}"}, process=1)
    for _ in range(panel.draw.integer(4, 7)):
        word = panel.draw.word()
        panel.flag()
        who = panel.draw.choice([panel.settings.admin, panel.settings.other_admin])
        client = panel.admin if who == panel.settings.admin else other
        etag = str(panel.show(key).header("etag"))
        path = f"{API}/flags/{key}"
        wanted(client.request("PATCH", path, json={"description": word}, headers={"If-Match": etag}), OK)
        wanted(client.request("PATCH", path, json={"description": word}, headers={"If-Match": "*"}), OK)
        expected.append((who, "change", word))
    return key, [*reversed(expected)]


@then("the audit lists each change once, the newest first, page by page")
def the_audit_lists_each_change(panel: Panel, made: tuple[str, list[tuple[str, str, object]]]) -> None:
    key, expected = made
    found: list[Json] = []
    before = ""
    limit = panel.draw.integer(2, 3)
    while True:
        page = wanted(panel.manage("GET", f"/audit?flag={key}&limit={limit}{before}"), OK)
        items = objects(page.get("items"))
        expect(len(items) <= limit, expected=f"at most {limit}", got=len(items))
        found += items
        if page.get("next_before") is None:
            break
        before = f"&before={page['next_before']}"
    told = [(item["actor"], item["action"], dict(item["after"]).get("description")) for item in found]  # type: ignore[call-overload]
    expect(told == expected, expected=str(expected), got=told)
    for newer, older in pairwise(found):
        same = newer["before"] == older["after"]
        expect(same, expected="before, which is what the earlier change has left", got=newer["before"])
    expect(found[-1]["before"] is None, expected="null before the first", got=found[-1]["before"])
    everything = objects(wanted(panel.manage("GET", "/audit?limit=100"), OK).get("items"))
    versions = [item["version"] for item in everything]
    expect(versions == sorted(versions, reverse=True), expected="the newest first", got=versions)  # type: ignore[type-var]
    keys = {item["key"] for item in everything}
    expect(len(keys) > 1, expected="changes of all flags", got=keys)


@when("a flag that another needs is archived", target_fixture="pair")
def a_flag_that_another_needs(panel: Panel) -> tuple[str, str]:
    needed = str(panel.flag()["key"])
    user = str(panel.flag(prerequisites=[{"flag": needed, "variant": "on"}])["key"])
    problem = is_problem(panel.manage("DELETE", f"/flags/{needed}", version="*"), CONFLICT)
    expect(problem.get("needed_by") == [user], expected=f"needed_by [{user}]", got=problem)
    lost = {"variants": {"off": "no"}, "default": {"variant": "off"}}
    problem = is_problem(panel.manage("PATCH", f"/flags/{needed}", lost, "*"), CONFLICT)
    expect(problem.get("needed_by") == [user], expected=f"needed_by [{user}]", got=problem)
    return needed, user


@then("it gets 409 with the names, until nobody needs it")
def it_gets_409_until_nobody_needs_it(panel: Panel, pair: tuple[str, str]) -> None:
    for key in reversed(pair):
        panel.known_everywhere(key)
        is_same(wanted(panel.manage("DELETE", f"/flags/{key}", version="*"), OK), {"archived": True}, key)
        for process in range(len(panel.service.urls)):
            panel.soon(
                lambda process=process, key=key: panel.ask(key, process=process).status == NOT_FOUND,  # type: ignore[misc]
                f"404 of the archived {key}",
            )
        is_problem(panel.manage("PATCH", f"/flags/{key}", {"enabled": False}, "*"), NOT_FOUND)
        is_problem(panel.manage("DELETE", f"/flags/{key}", version="*"), NOT_FOUND)
        is_problem(panel.manage("PUT", f"/flags/{key}/kill"), NOT_FOUND)
        is_problem(panel.manage("POST", "/flags", panel.document(key=key)), CONFLICT)
        is_same(wanted(panel.show(key), OK), {"archived": True}, "GET of what is archived")


@then("each route gets 401 without a token of theirs")
def each_route_gets_401(panel: Panel) -> None:
    token = panel.settings.token
    key = panel.flag()["key"]
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": f"Bearer {token[:-1]}"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
        {"Authorization": f"Bearer {panel.key()}"},
        {"X-API-Key": token},
        {"Authorization": f"Bearer {panel.settings.admin}:{token}"},
    ]
    routes = [
        ("GET", "/flags"),
        ("POST", "/flags"),
        ("PATCH", f"/flags/{key}"),
        ("PUT", f"/flags/{key}/kill"),
        ("POST", "/keys"),
        ("GET", "/keys"),
        ("GET", "/audit"),
        ("POST", "/explain"),
        ("GET", "/segments"),
        ("POST", f"/flags/{key}/dry-run"),
        ("DELETE", f"/keys/{panel.draw.uuid()}"),
    ]
    client = panel.service.client()
    for number, (method, path) in enumerate(panel.draw.shuffle(routes)):
        body: object = {} if method in {"POST", "PATCH"} else None
        given = headers[number % len(headers)]
        answer = client.request(method, f"{API}{path}", json=body, headers=given)
        is_problem(answer, UNAUTHORIZED)
    wanted(panel.show(key), OK)
    revoked = panel.manage("DELETE", f"/keys/{panel.draw.uuid()}")
    is_problem(revoked, NOT_FOUND)
    made = panel.new_key("server")
    expect(panel.manage("DELETE", f"/keys/{made['id']}").status == NO_CONTENT, expected="204", got="another")
    listed = objects(wanted(panel.manage("GET", "/keys"), OK).get("items"))
    told = {item["id"]: (item["revoked"], "secret" in item) for item in listed}
    expect(told[made["id"]] == (True, False), expected="revoked, and no secret", got=told[made["id"]])


@when("changes of flags are scheduled, and one of the flags is changed meanwhile", target_fixture="planned")
def changes_are_scheduled(panel: Panel) -> tuple[datetime, dict[str, str]]:
    states: dict[str, str] = {}
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    for state in ("done", "conflict", "cancelled"):
        key = str(panel.flag()["key"])
        panel.known_everywhere(key)
        etag = panel.show(key).header("etag")
        body = {"at": at.isoformat(), "change": {"default": {"variant": "other"}}}
        made = wanted(panel.manage("POST", f"/flags/{key}/scheduled-changes", body, etag), CREATED)
        is_same(made, {"state": "pending", "flag": key}, "the scheduled change")
        if state == "conflict":
            panel.change(key, description="changed meanwhile")
        if state == "cancelled":
            path = f"/scheduled-changes/{made['id']}"
            expect(panel.manage("DELETE", path).status == NO_CONTENT, expected="204", got="another status")
            is_problem(panel.manage("DELETE", path), NOT_FOUND)
        states[key] = state
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
        told = [item["state"] for item in objects(listed.get("items"))]
        expect(told == [state], expected=f"[{state}]", got=told)
        variant = panel.variant(key)
        right = "other" if state == "done" else "on"
        expect(variant == right, expected=f"{right} after {state}", got=variant)
    page = wanted(panel.manage("GET", f"/audit?flag={done}&limit=1"), OK)
    is_same(
        objects(page.get("items"))[0], {"action": "scheduled", "actor": panel.settings.admin}, "the audit"
    )
