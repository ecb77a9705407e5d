"""Steps of evaluation.feature."""

import time
from datetime import UTC, datetime, timedelta

from pytest_bdd import scenarios, then

from kata.steps import Exchange, describe_answer, expect

from .answers import BAD, NOT_FOUND, NOT_MODIFIED, OK, UNAUTHORIZED, flags_of, is_ofrep_error, is_same, wanted
from .documents import asks, rule
from .panel import OFREP, Panel

scenarios("evaluation.feature")

VALUES: dict[str, object] = {
    "boolean": False,
    "string": "żółw 👩‍🚀",
    "integer": -(2**53 - 1),
    "float": 3,
    "object": {"a": [1, 2.5, {"b": None}], "": "x"},
}


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
    matched = [rule(when=[asks("a", "exists")])]
    half: dict[str, object] = {"split": [{"variant": "on", "weight": 50}, {"variant": "off", "weight": 50}]}
    cases: list[tuple[str, dict[str, object], str, str | None]] = [
        ("a rule that holds", {"rules": matched}, "TARGETING_MATCH", "other"),
        ("no rule that holds", {"rules": [rule(when=[asks("b", "exists")])]}, "UNKNOWN", "on"),
        ("a percentage", {"rules": [rule(percentage=99.999)]}, "SPLIT", None),
        ("a split", {"default": half}, "SPLIT", None),
        (
            "a split behind rules",
            {"rules": [rule(when=[asks("b", "exists")])], "default": half},
            "SPLIT",
            None,
        ),
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
        found = body.get("reason", "no reason")
        expect(found == reason, expected=f"{reason} for {what}", got=found)
        expect(variant in {None, body.get("variant")}, expected=f"{variant} for {what}", got=body)
    off = wanted(panel.ask(panel.flag(enabled=False, off_variant=None)["key"]), OK)
    right = off.get("reason") == "DISABLED" and "value" not in off and isinstance(off.get("variant"), str)
    expect(right, expected="DISABLED, a variant, and no value", got=off)


@then("an unknown flag, a context that is none, and a key that is missing are told apart")
def errors_are_told_apart(panel: Panel) -> None:
    for unknown in (panel.draw.word(), panel.draw.choice(["constructor", "toString", "items"])):
        is_ofrep_error(panel.ask(unknown, {}), NOT_FOUND, "FLAG_NOT_FOUND", unknown)
    for percentage in (0, 50):
        key = panel.flag(rules=[rule(percentage=percentage)])["key"]
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


CONTEXT = {"targetingKey": "a", "plan": "pro", "n": [1, {"x": 2, "y": {"z": 3, "w": 4}}]}
REORDERED = {"n": [1, {"y": {"w": 4, "z": 3}, "x": 2}], "plan": "pro", "targetingKey": "a"}
KNOWN = ("{tag}", "{opaque}", "W/{opaque}", '"x", {tag}', 'W/"y" ,{opaque}')


@then("the same question gets 304, in any order of its members, and another one 200")
def the_same_question_gets_304(panel: Panel) -> None:
    for known in KNOWN:
        tag, again = asked_twice(panel, known)
        right = again.status == NOT_MODIFIED and not again.body and again.header("etag") == tag
        got = f"{describe_answer(again)} {again.header('etag')} {again.text[:99]}"
        expect(right, expected=f"304 without a body, with the ETag {tag}", got=got, answer=again)
    opaque = tag.removeprefix("W/")
    for context in (
        {**CONTEXT, "targetingKey": "b"},
        {**CONTEXT, "plan": "free"},
        {**CONTEXT, "n": [{"x": 2, "y": {"z": 3, "w": 4}}, 1]},
        {**CONTEXT, "n": [1, {"x": 2, "y": {"z": 3, "w": 5}}]},
        {"targetingKey": "a", "plan": "pro"},
        None,
    ):
        other = panel.bulk(context, headers={"If-None-Match": tag})
        expect(other.status == OK, expected="200", got=describe_answer(other), answer=other)
        expect(other.header("etag") != tag, expected="another ETag", got=tag, answer=other)
    for known in ('"x"', opaque.strip('"'), '""'):
        wanted(panel.bulk(REORDERED, headers={"If-None-Match": known}), OK)


def asked_twice(panel: Panel, known: str) -> tuple[str, Exchange]:
    """Return an ETag, and the answer to who has it.

    Between the two a stream may have got another address, or what an earlier check has left may have been
    written down, such as a kill of an outage. That is another answer by right, but not three times in a row.
    """
    for _ in range(3):
        tag = str(panel.bulk(CONTEXT).header("etag"))
        field = known.format(tag=tag, opaque=tag.removeprefix("W/"))
        again = panel.bulk(REORDERED, headers={"If-None-Match": field})
        if again.status != OK:
            break
    return tag, again


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
