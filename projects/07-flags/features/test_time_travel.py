"""Steps of time_travel.feature."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pytest_bdd import scenarios, then, when

from kata.steps import expect, is_problem

from .answers import CREATED, INVALID, NOT_FOUND, OK, Json, is_same, objects, wanted
from .murmur import BUCKETS, VARIANT_SEED, bucket
from .panel import Panel

scenarios("time_travel.feature")


@dataclass(frozen=True)
class Moment:
    """What was right from a version on, and by which change."""

    version: object
    at: str
    variant: str
    rule: str | None
    changed_by: object


@dataclass
class Past:
    """A flag, somebody, and what was said to them."""

    key: str
    person: str
    moments: list[Moment] = field(default_factory=list)


def newest(panel: Panel, **query: str) -> Json:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return objects(wanted(panel.manage("GET", f"/audit?limit=1&{asked}"), OK).get("items"))[0]


@when("a flag, its segment and its prerequisite are changed one after another", target_fixture="past")
def a_flag_is_changed(panel: Panel) -> Past:
    segment, person = panel.draw.word(), f"user-{panel.draw.word()}"
    wanted(panel.manage("POST", "/segments", {"key": segment}), CREATED)
    root = str(panel.flag()["key"])
    made = panel.flag(prerequisites=[{"flag": root, "variant": "on"}])
    past = Past(str(made["key"]), person)
    inside = [
        {"name": "people", "variant": "other", "when": [{"operator": "in_segment", "values": [segment]}]}
    ]
    etags = {
        "segment": panel.manage("GET", f"/segments/{segment}").header("etag"),
    }

    def note(version: object, variant: str, rule: str | None, changed_by: object) -> None:
        past.moments.append(Moment(version, datetime.now(UTC).isoformat(), variant, rule, changed_by))
        time.sleep(0.01)

    note(made["version"], "on", None, made["version"])
    ruled = panel.change(past.key, rules=inside)["version"]
    note(ruled, "on", None, ruled)  # the reason is another: UNKNOWN, and no more STATIC
    body = {"included": [person]}
    path = f"/segments/{segment}"
    included = wanted(panel.manage("PATCH", path, body, etags["segment"]), OK)["version"]
    note(included, "other", "people", included)
    described = panel.change(past.key, description=panel.draw.word())["version"]
    note(described, "other", "people", included)
    unmet = panel.change(root, enabled=False)["version"]
    note(unmet, "off", None, unmet)
    return past


def explained(panel: Panel, past: Past, **when_asked: object) -> Json:
    body = {"flag": past.key, "context": {"targetingKey": past.person}, **when_asked}
    return wanted(panel.manage("POST", "/explain", body), OK)


@then("for each version and moment the value of then is told, with the rule, the buckets and the change")
def for_each_version_the_value_is_told(panel: Panel, past: Past) -> None:
    entries = objects(wanted(panel.manage("GET", "/audit?limit=100"), OK).get("items"))
    made_at = {entry["version"]: entry["at"] for entry in entries}
    for moment in panel.draw.shuffle(past.moments):
        for what in ({"version": moment.version}, {"at": moment.at}, {"at": made_at[moment.version]}):
            found = explained(panel, past, **what)
            is_same(found, {"flag": past.key, "rule": moment.rule}, f"{what}")
            is_same(found, {"served": {"variant": moment.variant}}, f"{what}")
            is_same(found, {"changed_by": {"version": moment.changed_by}}, f"{what}")
            entry = found["changed_by"]
            actor = entry.get("actor") if isinstance(entry, dict) else None
            expect(actor == panel.settings.admin, expected="who made the change", got=actor)
            place = {
                "gate": bucket(past.key, past.person),
                "variant": bucket(past.key, past.person, VARIANT_SEED),
            }
            expect(found["buckets"] == place, expected=f"{place}", got=found["buckets"])
    last = past.moments[-1]
    is_same(explained(panel, past), {"served": {"variant": last.variant, "value": "no"}}, "now")
    first = past.moments[0].version
    for asked, status in (
        ({"version": int(str(first)) - 1}, NOT_FOUND),
        ({"at": "2001-01-01T00:00:00Z"}, NOT_FOUND),
        ({"version": 10**9}, NOT_FOUND),
        ({"version": first, "at": last.at}, INVALID),
        ({"version": 0}, INVALID),
        ({"at": "2026-01-01T00:00:00"}, INVALID),
    ):
        is_problem(panel.manage("POST", "/explain", {"flag": past.key, **asked}), status)


@then("it counts those for whom the value would be another, and changes nothing")
def it_counts_those(panel: Panel) -> None:
    key = str(panel.flag(rules=[{"name": "r", "variant": "other", "percentage": 20}])["key"])
    before = panel.show(key).header("etag")
    count = panel.draw.integer(280, 400)  # more than half of them change: more than are shown
    somebody = [f"{panel.draw.text(6)}-{number}" for number in range(count)]
    contexts = [{"targetingKey": one} for one in somebody]
    change = {"rules": [{"name": "r", "variant": "other", "percentage": 80.5}]}
    body = {"change": change, "contexts": contexts}
    answer = wanted(panel.manage("POST", f"/flags/{key}/dry-run", body), OK)
    changed = [n for n, one in enumerate(somebody) if BUCKETS // 5 <= bucket(key, one) < 80_500]
    is_same(answer, {"total": count, "changed": len(changed)}, "the dry run")
    items = objects(answer.get("items"))
    expect([item["index"] for item in items] == changed[:100], expected=f"{changed[:100]}", got=items)
    for item in items[:5]:
        same = {
            "targeting_key": somebody[int(str(item["index"]))],
            "before": {"variant": "on"},
            "after": {"variant": "other"},
        }
        is_same(item, same, "one who would change")
    none = {"change": {"description": "x"}, "contexts": contexts}
    is_same(
        wanted(panel.manage("POST", f"/flags/{key}/dry-run", none), OK), {"changed": 0}, "no change of values"
    )
    bad = {"change": {"default": {"variant": "none"}}, "contexts": []}
    is_problem(panel.manage("POST", f"/flags/{key}/dry-run", bad), INVALID)
    expect(panel.show(key).header("etag") == before, expected="the flag as it was", got="it has changed")


@then("counts and the time of the last evaluation are told")
def counts_are_told(panel: Panel) -> None:
    key = str(
        panel.flag(
            rules=[{"name": "r", "variant": "other", "when": [{"attribute": "a", "operator": "exists"}]}]
        )["key"]
    )
    panel.known_everywhere(key)
    before = usage(panel, key)
    expect(before[1] in {None, *map(str, [before[1]])}, expected="a time or null", got=before[1])
    alone, matched, bulks = (panel.draw.integer(3, 9) for _ in range(3))
    started = datetime.now(UTC)
    for number in range(alone):
        panel.ask(key, {}, process=number % 2)
    for number in range(matched):
        panel.ask(key, {"a": 1}, process=number % 2)
    for number in range(bulks):
        panel.bulk({}, process=number % 2)
        known = str(panel.bulk({"a": 1}, process=number % 2).header("etag"))
        panel.bulk({"a": 1}, process=number % 2, headers={"If-None-Match": known})

    def is_counted() -> bool:
        counts, last = usage(panel, key)
        on, other = counts.get("on", 0), counts.get("other", 0)
        right = on >= alone + bulks and other >= matched + 2 * bulks and counts.get("off") == 0
        return right and last is not None and datetime.fromisoformat(last) >= started.replace(microsecond=0)

    least = (
        f"at least {alone + bulks} for on, {matched + 2 * bulks} for other, 0 for off, a last_evaluated_at"
    )
    panel.soon(is_counted, least, seconds=3, got=lambda: str(usage(panel, key)))
    twice: list[str | None] = []

    def stands_still() -> bool:
        twice[:] = [usage(panel, key)[1] for _ in range(2)]
        return twice[0] == twice[1]

    still = "the same last_evaluated_at as long as nobody asks for the flag"
    panel.soon(stands_still, still, seconds=2, got=lambda: str(twice))


def usage(panel: Panel, key: str) -> tuple[dict[str, int], str | None]:
    body = wanted(panel.manage("GET", f"/flags/{key}/usage"), OK)
    counts, last = body.get("counts"), body.get("last_evaluated_at")
    expect(isinstance(counts, dict), expected="counts", got=body)
    return (dict(counts) if isinstance(counts, dict) else {}), (str(last) if last is not None else None)
