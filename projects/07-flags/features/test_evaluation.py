"""Steps of evaluation.feature."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then

from kata.steps import Exchange, describe_answer, expect, is_problem

from .panel import (
    BAD,
    CREATED,
    INVALID,
    NO_CONTENT,
    NOT_FOUND,
    NOT_MODIFIED,
    OFREP,
    OK,
    UNAUTHORIZED,
    Panel,
    flags_of,
    is_ofrep_error,
    is_same,
    wanted,
)

scenarios("evaluation.feature")

VALUES: dict[str, object] = {
    "boolean": False,
    "string": "żółw 👩‍🚀",
    "integer": -(2**53 - 1),
    "float": 3,
    "object": {"a": [1, 2.5, {"b": None}], "": "x"},
}


def rule(variant: str = "other", **members: object) -> dict[str, object]:
    return {"name": "rule-1", "variant": variant, **members}


def when(attribute: str, operator: str, *values: object, negate: bool = False) -> dict[str, object]:
    return {"attribute": attribute, "operator": operator, "values": list(values), "negate": negate}


@then("flags of each type are answered as they were made, each with the reason that it has")
def flags_of_each_type_are_answered(panel: Panel) -> None:
    for kind, value in VALUES.items():
        variants = {"on": value, "off": value}
        key = panel.flag(type=kind, variants=variants)["key"]
        answer = panel.ask(key)
        body = wanted(answer, OK)
        is_same(body, {"key": key, "variant": "on", "reason": "STATIC"}, kind)
        same = body.get("value") == value and isinstance(body["value"], bool) == isinstance(value, bool)
        expect(same, expected=repr(value), got=body.get("value"), answer=answer)
        if kind == "float":
            written = '"value":3.0' in answer.text.replace(" ", "")
            expect(written, expected="3.0, written as a float", got=answer.text, answer=answer)
        media = (answer.header("content-type") or "").partition(";")[0]
        expect(media == "application/json", expected="application/json", got=media, answer=answer)
        metadata = body.get("metadata")
        plain = isinstance(metadata, dict) and all(
            isinstance(one, bool | str | int | float) for one in metadata.values()
        )
        expect(plain, expected="metadata of texts, numbers and booleans", got=metadata, answer=answer)
        version = metadata.get("rulesetVersion") if isinstance(metadata, dict) else None
        expect(isinstance(version, int), expected="the version of the ruleset", got=metadata, answer=answer)
    matched = [rule(when=[when("a", "exists")])]
    half: dict[str, object] = {"split": [{"variant": "on", "weight": 50}, {"variant": "off", "weight": 50}]}
    cases: list[tuple[str, dict[str, object], str, str | None]] = [
        ("a rule that holds", {"rules": matched}, "TARGETING_MATCH", "other"),
        ("no rule that holds", {"rules": [rule(when=[when("b", "exists")])]}, "UNKNOWN", "on"),
        ("a percentage", {"rules": [rule(percentage=99.999)]}, "SPLIT", None),
        ("a split", {"default": half}, "SPLIT", None),
        ("a split of a rule", {"rules": [{"name": "s", **half}]}, "SPLIT", None),
        ("a flag that is off", {"enabled": False, "rules": matched}, "DISABLED", "off"),
        (
            "the first of two rules",
            {"rules": [*matched, {"name": "two", "variant": "off"}]},
            "TARGETING_MATCH",
            "other",
        ),
    ]
    for what, members, reason, variant in cases:
        body = wanted(panel.ask(panel.flag(**members)["key"], {"targetingKey": "user-1", "a": 1}), OK)
        expect(body.get("reason") == reason, expected=f"{reason} for {what}", got=body)
        expect(variant in {None, body.get("variant")}, expected=f"{variant} for {what}", got=body)
    off = wanted(panel.ask(panel.flag(enabled=False, off_variant=None)["key"]), OK)
    right = off.get("reason") == "DISABLED" and "value" not in off and isinstance(off.get("variant"), str)
    expect(right, expected="DISABLED, a variant, and no value", got=off)


@then("an unknown flag, a context that is none, and a key that is missing are told apart")
def errors_are_told_apart(panel: Panel) -> None:
    unknown = panel.draw.word()
    is_ofrep_error(panel.ask(unknown, {}), NOT_FOUND, "FLAG_NOT_FOUND", unknown)
    key = panel.flag(rules=[rule(percentage=50)])["key"]
    for context in (None, {}, {"targetingKey": ""}, {"user": "a"}):
        is_ofrep_error(panel.ask(key, context), BAD, "TARGETING_KEY_MISSING", key)
    wrong: list[object] = [{"targetingKey": 7}, {"targetingKey": True}, [], "x", 1]
    for bad in wrong:
        is_ofrep_error(panel.ask(key, bad), BAD, "INVALID_CONTEXT", key)
        is_ofrep_error(panel.bulk(bad), BAD, "INVALID_CONTEXT")
    client = panel.service.client({"X-API-Key": panel.key(), "Content-Type": "application/json"})
    for text in (b"{", b'{"context": NaN}', b'{"context": {"a": 1, "a": 2}}', b"\xff", b"[" * 5000):
        answer = client.request("POST", f"{OFREP}/evaluate/flags/{key}", body=text)
        is_ofrep_error(answer, BAD, "PARSE_ERROR", key)
    refused = panel.ask(key, {}, headers={"Authorization": "Bearer nobodys"})
    is_ofrep_error(refused, UNAUTHORIZED, "GENERAL", key)
    wanted(panel.ask(key, {"targetingKey": "a", "n": None, "deep": {"x": [1]}, "": "x\0"}), OK)


@then("a bulk without a targetingKey has an error for the one flag that needs it")
def a_bulk_has_an_error_beside_the_rest(panel: Panel) -> None:
    needs = str(panel.flag(rules=[rule(percentage=50)])["key"])
    others = [str(panel.flag()["key"]) for _ in range(panel.draw.integer(3, 6))]
    off = str(panel.flag(enabled=False)["key"])
    archived = str(panel.flag()["key"])
    wanted(panel.manage("DELETE", f"/flags/{archived}", version="*"), OK)
    for context in (None, {}, {"targetingKey": ""}):
        bulk = panel.bulk(context)
        entries = flags_of(bulk)
        is_same(entries.get(needs, {}), {"errorCode": "TARGETING_KEY_MISSING"}, "the flag that needs it")
        for key in others:
            is_same(entries.get(key, {}), {"value": "yes", "variant": "on", "reason": "STATIC"}, key)
        is_same(entries.get(off, {}), {"reason": "DISABLED"}, "a flag that is off")
        expect(archived not in entries, expected="no archived flag", got="it is there", answer=bulk)
        twice = bulk.text.count(f'"{needs}"')
        expect(twice == 1, expected="each flag once", got=f"{twice} times", answer=bulk)
    entries = flags_of(panel.bulk({"targetingKey": "user-1"}))
    alone = wanted(panel.ask(needs, {"targetingKey": "user-1"}), OK)
    expect(entries[needs]["variant"] == alone["variant"], expected="the same alone", got=alone)


@then("with a key for browsers the other flags are not there, alone and in a bulk")
def a_browser_sees_what_is_marked(panel: Panel) -> None:
    hidden = str(panel.flag()["key"])
    shown = str(panel.flag(client_side=True, prerequisites=[{"flag": hidden, "variant": "on"}])["key"])
    panel.key("browser")
    for process in range(2):
        panel.soon(lambda process=process: panel.ask(shown, process=process).status == OK, "the flag")  # type: ignore[misc]
        entries = flags_of(panel.bulk(kind="browser", process=process))
        expect(hidden not in entries, expected="no flag that is not marked", got=hidden)
        is_same(entries.get(shown, {}), {"variant": "on"}, "a flag that is marked")
        is_ofrep_error(
            panel.ask(hidden, kind="browser", process=process), NOT_FOUND, "FLAG_NOT_FOUND", hidden
        )
        wanted(panel.ask(shown, kind="browser", process=process), OK)
        both = flags_of(panel.bulk(process=process))
        expect({hidden, shown} <= both.keys(), expected="both for a server", got=sorted(both)[:5])
    panel.change(shown, client_side=False)
    gone = is_gone(panel, shown)
    panel.soon(gone, "the flag hidden from browsers")


def is_gone(panel: Panel, key: str) -> Callable[[], bool]:
    return lambda: panel.ask(key, kind="browser").status == NOT_FOUND


@then("the same question gets 304, in any order of its members, and another one 200")
def the_same_question_gets_304(panel: Panel) -> None:
    first = panel.bulk({"targetingKey": "a", "plan": "pro", "n": [1, 2]})
    tag = str(first.header("etag"))
    opaque = tag.removeprefix("W/")
    same = {"n": [1, 2], "plan": "pro", "targetingKey": "a"}
    for known in (tag, opaque, f"W/{opaque}", f'"x", {tag}', f'W/"y" ,{opaque}'):
        again = panel.bulk(same, headers={"If-None-Match": known})
        right = again.status == NOT_MODIFIED and not again.body and again.header("etag") == tag
        got = f"{describe_answer(again)} {again.header('etag')} {again.text[:99]}"
        expect(right, expected=f"304 without a body, with the ETag {tag}", got=got, answer=again)
    for context in (
        {"targetingKey": "b", "plan": "pro", "n": [1, 2]},
        {"targetingKey": "a", "plan": "free", "n": [1, 2]},
        {"targetingKey": "a", "plan": "pro", "n": [2, 1]},
        {"targetingKey": "a", "plan": "pro"},
        None,
    ):
        other = panel.bulk(context, headers={"If-None-Match": tag})
        expect(other.status == OK, expected="200", got=describe_answer(other), answer=other)
        expect(other.header("etag") != tag, expected="another ETag", got=tag, answer=other)
    for known in ('"x"', opaque.strip('"'), '""'):
        wanted(panel.bulk(same, headers={"If-None-Match": known}), OK)


@then("after a change, and when a schedule begins, the old ETag gets 200")
def the_old_etag_gets_200(panel: Panel) -> None:
    context = {"targetingKey": panel.draw.word()}
    begins = datetime.now(UTC) + timedelta(seconds=2.2)
    key = str(panel.flag(rules=[rule(starts_at=begins.isoformat())])["key"])
    panel.soon(lambda: key in flags_of(panel.bulk(context)), "the new flag")
    before = panel.bulk(context)
    early = datetime.now(UTC) < begins - timedelta(seconds=0.1)
    if early:
        is_same(flags_of(before)[key], {"variant": "on"}, "the flag before its time")
    time.sleep(max(0.0, (begins - datetime.now(UTC)).total_seconds() + 0.1))
    later = panel.bulk(context, headers={"If-None-Match": str(before.header("etag"))})
    if early:
        is_same(flags_of(later).get(key, {}), {"variant": "other"}, "the flag when its time has come")
    tag = str(panel.bulk(context).header("etag"))
    panel.change(key, description=panel.draw.word())
    panel.soon(lambda: panel.bulk(context, headers={"If-None-Match": tag}).status == OK, "200 after a change")


@then("a key is taken from either header, a wrong one gets 401, and a revoked one too")
def a_key_is_good_until_it_is_revoked(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    panel.known_everywhere(key)
    made = panel.new_key("server")
    secret = str(made["secret"])
    good: list[Mapping[str, str]] = [
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bEARER  {secret}"},
        {"x-api-key": secret},
        {"Authorization": f"Bearer {secret}", "X-API-Key": secret},
    ]
    bad: list[Mapping[str, str]] = [
        {},
        {"Authorization": f"Bearer {secret[:-1]}"},
        {"Authorization": f"Bearer {secret}x"},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"X-API-Key": secret.swapcase()},
        {"X-API-Key": panel.settings.token},
        {"Authorization": f"Bearer {secret}", "X-API-Key": panel.key()},
        {"X-API-Key": ""},
    ]
    for process in (1, 0):
        for headers in good:
            wanted(
                panel.ask(key, process=process, headers=headers), OK, f"{sorted(headers)}, new on process 1"
            )
        for headers in bad:
            answer = panel.ask(key, process=process, headers=headers)
            is_ofrep_error(answer, UNAUTHORIZED, "GENERAL", key)
            asks = answer.header("www-authenticate") or ""
            expect(
                asks.lower().startswith("bearer"),
                expected="WWW-Authenticate: Bearer",
                got=asks,
                answer=answer,
            )
    path = f"/keys/{made['id']}"
    expect(panel.manage("DELETE", path).status == NO_CONTENT, expected="204", got="another status")
    for process in (0, 1):
        panel.soon(
            lambda process=process: panel.ask(key, process=process, headers=good[0]).status == UNAUTHORIZED,  # type: ignore[misc]
            "401 for a revoked key",
        )


@then("the preflight allows the headers of providers by name, and answers may be read")
def the_preflight_allows_the_headers(panel: Panel) -> None:
    origin = f"https://{panel.draw.word()}.example"
    client = panel.service.client()
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match,x-api-key",
    }
    for path in ("/evaluate/flags", f"/evaluate/flags/{panel.draw.word()}"):
        answer = client.request("OPTIONS", f"{OFREP}{path}", headers=asked)
        expect(answer.status in {OK, NO_CONTENT}, expected="2xx", got=describe_answer(answer), answer=answer)
        allows(answer, "access-control-allow-methods", {"post"})
        needed = {"authorization", "content-type", "if-none-match", "x-api-key"}
        allows(answer, "access-control-allow-headers", needed)
        readable(answer, origin)
    fields = {"Origin": origin}
    first = panel.bulk({}, headers=fields)
    answers = [
        first,
        panel.bulk({}, headers={**fields, "If-None-Match": str(first.header("etag"))}),
        panel.ask(panel.draw.word(), headers={**fields, "X-API-Key": panel.key()}),
        panel.ask(panel.draw.word(), headers={**fields, "X-API-Key": "nobodys"}),
        panel.ask(panel.draw.word(), 7, headers={**fields, "X-API-Key": panel.key()}),
    ]
    statuses = [answer.status for answer in answers]
    right = [OK, NOT_MODIFIED, NOT_FOUND, UNAUTHORIZED, BAD]
    expect(statuses == right, expected=str(right), got=statuses)
    for answer in answers:
        readable(answer, origin)
        allows(answer, "access-control-expose-headers", {"etag", "retry-after"})


def allows(answer: Exchange, header: str, names: set[str]) -> None:
    value = (answer.header(header) or "").lower()
    listed = {name.strip() for name in value.split(",")}
    expect(names <= listed, expected=f"{header} with {sorted(names)}", got=value, answer=answer)


def readable(answer: Exchange, origin: str) -> None:
    value = answer.header("access-control-allow-origin")
    expect(value in {"*", origin}, expected="that the origin may read it", got=value, answer=answer)


HOLDS: list[tuple[dict[str, object], list[object], list[object]]] = [
    # A condition, values of `a` for which it holds, and others.
    (
        when("a", "in", 1, "x", True),
        [1, 1.0, "x", True, ["y", "x"]],
        ["1", "X", False, 2, None, [], {"x": 1}],
    ),
    (when("a", "in", 0, "y"), [0, 0.0, "y"], [False, "", "0", None]),
    (when("a", "in", "x", negate=True), ["y", 1, "X"], ["x", None, ["x", "y"], {}]),
    (when("a", "starts_with", "ab", "ż"), ["abc", "żab", "ab"], ["Ab", "cab", "", 7]),
    (when("a", "ends_with", "漢"), ["字漢", "漢"], ["漢字", "x"]),
    (when("a", "contains", ".", "@"), ["a.b", "@"], ["ab", 1.5]),
    (when("a", "contains", ".", negate=True), ["ab"], ["a.b", 1.5, None, True]),
    (when("a", "matches", "^[a-c]+[0-9]{2}$"), ["ab12"], ["xab12", "ab123", "ab12\n", 12]),
    (when("a", "matches", "b+"), ["abbc"], ["ac"]),
    (when("a", "less_than", 10), [9, 9.99, -1e300], [10, 11, "9", True, None]),
    (when("a", "at_most", 10), [10, 9.5], [10.001, "10"]),
    (when("a", "greater_than", 10), [10.5, 2**60], [10, 9, "11"]),
    (when("a", "at_least", 0.5), [0.5, 1], [0.4999, True]),
    (when("a", "at_least", 10, negate=True), [9], [10, "9", None]),
    (
        when("a", "semver_less_than", "1.10.0"),
        ["1.9.3", "1.10.0-rc.1"],
        ["1.10.0", "1.10.0+b", "2.0.0", "1.9", 1],
    ),
    (
        when("a", "semver_at_least", "1.10.0-beta.2"),
        ["1.10.0-beta.11", "1.10.0"],
        ["1.10.0-beta.1", "v1.10.0"],
    ),
    (when("a", "semver_at_most", "2.0.0"), ["2.0.0+7"], ["2.0.1-alpha"]),
    (when("a", "semver_greater_than", "2.0.0"), ["2.0.1-alpha"], ["2.0.0"]),
    (
        when("a", "before", "2026-03-01T00:00:00Z"),
        ["2026-03-01T00:30:00+01:00"],
        ["2026-03-01T00:00:00Z", "2026-02-01", 1],
    ),
    (
        when("a", "after", "2026-03-01T01:00:00+01:00"),
        ["2026-03-01T00:00:01Z"],
        ["2026-03-01T00:00:00Z", "2026-03-01T00:30:00"],
    ),
    (when("a", "exists"), [0, False, "", [], {}], [None]),
    (when("a", "exists", negate=True), [None], [0, False]),
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
    both = [when("a", "in", 1), when("b", "in", 2), when("c", "in", 3)]
    key = panel.flag(rules=[rule(when=both)])["key"]
    for context in ({"a": 1, "b": 2}, {"b": 2, "c": 3}, {"a": 1, "c": 3}):
        found = panel.variant(key, context)
        expect(found == "on", expected="all conditions are needed", got=f"{found} for {context}")
    found = panel.variant(key, {"a": 1, "b": 2, "c": 3})
    expect(found == "other", expected="other for all three", got=found)
    slow = panel.flag(rules=[rule(when=[when("a", "matches", "^(a+)+$")])])["key"]
    started = time.monotonic()
    found = panel.variant(slow, {"a": "a" * 40 + "b"})
    took = time.monotonic() - started
    expect(
        found == "on" and took < 2, expected="an answer at once", got=f"{found} in {took:.1f} s", timing=True
    )


@then(
    "those who are included, and those for whom any list holds, are in it, and those who are excluded are not"
)
def a_segment_names_people_once(panel: Panel) -> None:
    segment = panel.draw.word()
    body = {
        "key": segment,
        "included": ["ann", "bob"],
        "excluded": ["bob", "eve"],
        "any_of": [[when("plan", "in", "pro"), when("seats", "at_least", 5)], [when("staff", "in", True)]],
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


@then("a flag whose prerequisite serves another variant is off, also at the end of two ways")
def a_flag_may_need_others(panel: Panel) -> None:
    root = str(panel.flag(rules=[rule("off", when=[when("bad", "in", True)])])["key"])

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


@then("it serves from its beginning, and not at its end")
def it_serves_from_its_beginning(panel: Panel) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    east = (now - hour).astimezone().isoformat()
    cases: list[tuple[dict[str, object], str]] = [
        ({"starts_at": (now - hour).isoformat(), "ends_at": (now + hour).isoformat()}, "other"),
        ({"starts_at": east}, "other"),
        ({"ends_at": (now - hour).isoformat()}, "on"),
        ({"starts_at": (now + hour).isoformat()}, "on"),
        ({"ends_at": (now + hour).isoformat()}, "other"),
        ({"starts_at": f"{now - hour:%Y-%m-%dT%H:%M:%S}+14:00"}, "other"),
        ({"starts_at": f"{now + hour:%Y-%m-%dT%H:%M:%S}+14:00"}, "other"),
        ({"ends_at": f"{now - hour:%Y-%m-%dT%H:%M:%S}-12:00"}, "other"),
    ]
    keys = [(panel.flag(rules=[{**rule(), **times}])["key"], times, right) for times, right in cases]
    ends = now + timedelta(seconds=2.5)
    ending = panel.flag(rules=[rule(ends_at=ends.isoformat())])["key"]
    first = panel.variant(ending)
    if datetime.now(UTC) < ends:
        expect(first == "other", expected="other before the end", got=first)
    for key, times, right in keys:
        found = panel.variant(key)
        expect(found == right, expected=f"{right} for {times}", got=found)
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds() + 0.05))
    found = panel.variant(ending)
    expect(found == "on", expected="on after the end", got=found)
