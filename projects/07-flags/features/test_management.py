"""Steps of management.feature."""

from itertools import pairwise

from pytest_bdd import scenarios, then, when

from kata.steps import Request, describe_answer, expect, is_problem

from .answers import (
    CONFLICT,
    CREATED,
    FAILED,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    REQUIRED,
    UNAUTHORIZED,
    Json,
    is_same,
    objects,
    wanted,
)
from .documents import VALUES, made_of
from .panel import API, Panel

scenarios("management.feature")

DELAY_SECONDS = 0.02


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
    segment = panel.draw.word()
    first = panel.manage("POST", "/segments", {"key": segment})
    old_segment, people = wanted(first, CREATED) and first.header("etag"), {"included": [panel.draw.word()]}
    wanted(panel.manage("PATCH", f"/segments/{segment}", people, old_segment), OK)
    for method, body in (("PATCH", {"included": []}), ("DELETE", None)):
        is_problem(panel.manage(method, f"/segments/{segment}", body), REQUIRED)
        is_problem(panel.manage(method, f"/segments/{segment}", body, old_segment), FAILED)
    is_same(wanted(panel.manage("GET", f"/segments/{segment}"), OK), people, "the segment after it")
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
    for process in panel.draw.shuffle([0, 1, 0]):
        etag = str(panel.show(key).header("etag"))
        together = changes_together(panel, f"{API}/flags/{key}", etag)
        # First something else that arrives together, so that each has a connection to PostgreSQL at hand.
        reads = [Request("GET", f"{API}/flags", panel.admin_headers)] * 12
        panel.service.burst(reads, process=process)
        # PostgreSQL answers a little later: what is read before a lock is read by all of them then.
        with panel.service.postgres.proxy.delay(DELAY_SECONDS):
            answers = panel.service.burst(together, process=process)
        statuses = sorted(answer.status for answer in answers)
        expect(statuses.count(OK) <= 1, expected="200 once", got=statuses)
        right = [OK] + [FAILED] * (len(together) - 1)
        expect(statuses == right, expected="200 once, and 412 for the others", got=statuses, timing=True)


def changes_together(panel: Panel, path: str, etag: str) -> list[Request]:
    headers = {**panel.admin_headers, "Content-Type": "application/json", "If-Match": etag}
    bodies = [f'{{"description": "{panel.draw.word()}"}}'.encode() for _ in range(8)]
    return [Request("PATCH", path, headers, body) for body in bodies]


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
        expect(
            0 < len(items) <= limit,
            expected=f"1 to {limit} entries, and null behind the last",
            got=len(items),
        )
        found += items
        if page.get("next_before") is None:
            break
        before = f"&before={page['next_before']}"
    for size, more in ((len(expected), False), (len(expected) - 1, True)):
        page = wanted(panel.manage("GET", f"/audit?flag={key}&limit={size}"), OK)
        right = (page.get("next_before") is not None) == more
        what = f"next_before {'that leads on' if more else 'null'} on a page of {size} of {len(expected)}"
        expect(right, expected=what, got=page.get("next_before"))
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
    is_same(made, {"kind": "server", "revoked": False}, "a key that is made")
    gone = panel.manage("DELETE", f"/keys/{made['id']}")
    expect(gone.status == NO_CONTENT, expected="204", got=describe_answer(gone), answer=gone)
    listed = objects(wanted(panel.manage("GET", "/keys"), OK).get("items"))
    shown = next((item for item in listed if item["id"] == made["id"]), {})
    is_same(shown, {"name": made["name"], "kind": "server", "revoked": True}, "the revoked key in the list")
    expect("secret" not in shown, expected="no secret in the list", got="it is there")
