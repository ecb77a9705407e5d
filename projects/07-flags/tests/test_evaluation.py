"""What a flag's rules decide."""

from datetime import UTC, datetime

import pytest

from flags.documents import Flag, Segment
from flags.evaluation import Compiler, Outcome
from flags.ruleset import FLAG, Ref, Ruleset, Snapshot

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def flag(**members: object) -> Flag:
    return Flag.model_validate(
        {
            "key": "f",
            "type": "string",
            "variants": {"on": "yes", "off": "no", "other": "maybe"},
            "default": {"variant": "on"},
            **members,
        }
    )


def decide(
    main: Flag,
    context: dict[str, object],
    *others: Flag,
    segment: Segment | None = None,
    now: datetime = NOON,
) -> Outcome:
    flags = {one.key: one for one in (main, *others)}
    segments = {segment.key: segment} if segment else {}
    return Compiler(flags, segments, frozenset()).decide(main.key)(context, now.timestamp(), {})


def rule(**members: object) -> dict[str, object]:
    return {"name": "r", "variant": "other", **members}


def when(attribute: str, operator: str, *values: object, negate: bool = False) -> dict[str, object]:
    condition = {"attribute": attribute, "operator": operator, "values": list(values), "negate": negate}
    return rule(when=[condition])


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        (when("a", "in", 1), {"a": 1}, True),
        (when("a", "in", 1), {"a": 1.0}, True),
        (when("a", "in", 1), {"a": "1"}, False),
        (when("a", "in", 1), {"a": True}, False),
        (when("a", "in", "x", negate=True), {"a": "y"}, True),
        (when("a", "in", "x", negate=True), {}, False),
        (when("a", "in", "x"), {"a": ["y", "x"]}, True),
        (when("a", "in", "x", negate=True), {"a": ["y", "x"]}, False),
        (when("a", "less_than", 5), {"a": 4.9}, True),
        (when("a", "less_than", 5, negate=True), {"a": "4"}, False),
        (when("a", "at_least", 5), {"a": 5}, True),
        (when("a", "starts_with", "ab", "x"), {"a": "xyz"}, True),
        (when("a", "ends_with", "z"), {"a": "xyz"}, True),
        (when("a", "contains", "y"), {"a": "xyz"}, True),
        (when("a", "matches", r"^\d+$"), {"a": "123"}, True),
        (when("a", "matches", "(a+)+$"), {"a": "a" * 5000 + "b"}, False),
        (when("a", "semver_less_than", "1.10.0"), {"a": "1.9.0"}, True),
        (when("a", "semver_less_than", "1.0.0"), {"a": "1.0.0-rc.1"}, True),
        (when("a", "semver_at_most", "1.0.0"), {"a": "not one"}, False),
        (when("a", "before", "2026-01-01T00:00:00Z"), {"a": "2026-01-01T00:30:00+01:00"}, True),
        (when("a", "after", "2026-01-01T00:00:00Z"), {"a": "2026-01-01"}, False),
        (rule(when=[{"attribute": "a", "operator": "exists"}]), {"a": False}, True),
        (rule(when=[{"attribute": "a", "operator": "exists"}]), {"a": None}, False),
        (rule(when=[{"attribute": "a", "operator": "exists", "negate": True}]), {}, True),
    ],
)
def test_conditions_have_types(condition: dict[str, object], context: dict[str, object], holds: bool) -> None:
    outcome = decide(flag(rules=[condition]), context)
    assert (outcome.variant, outcome.reason) == (("other", "TARGETING_MATCH") if holds else ("on", "UNKNOWN"))


def test_a_flag_without_rules_is_static() -> None:
    assert decide(flag(), {}).reason == "STATIC"


def test_a_flag_that_is_off_serves_its_off_variant_or_nothing() -> None:
    off = decide(flag(enabled=False, off_variant="off"), {})
    assert (off.variant, off.value, off.reason) == ("off", "no", "DISABLED")
    none = decide(flag(enabled=False), {})
    assert none.members() == {"key": "f", "reason": "DISABLED", "variant": ""}


def test_a_rollout_needs_its_attribute() -> None:
    assert decide(flag(rules=[rule(percentage=50)]), {}).error == "TARGETING_KEY_MISSING"
    assert decide(flag(rules=[rule(percentage=50)]), {"targetingKey": ""}).error == "TARGETING_KEY_MISSING"
    assert decide(flag(rules=[rule(percentage=50, bucket_by="org")]), {}).reason == "UNKNOWN"
    assert decide(flag(rules=[rule(percentage=100)]), {}).reason == "TARGETING_MATCH"


def test_a_schedule_includes_its_beginning_and_not_its_end() -> None:
    timed = flag(rules=[rule(starts_at="2026-05-01T12:00:00Z", ends_at="2026-05-01T14:00:00+01:00")])
    assert decide(timed, {}, now=NOON).variant == "other"
    assert decide(timed, {}, now=NOON.replace(hour=13)).variant == "on"
    assert decide(timed, {}, now=NOON.replace(hour=11)).variant == "on"


def test_a_segment_has_exceptions() -> None:
    beta = Segment.model_validate(
        {
            "key": "beta",
            "included": ["ann"],
            "excluded": ["bob"],
            "any_of": [[{"attribute": "plan", "operator": "in", "values": ["pro"]}]],
        }
    )
    main = flag(rules=[rule(when=[{"operator": "in_segment", "values": ["beta"]}])])
    contexts = [{"targetingKey": "ann"}, {"targetingKey": "bob", "plan": "pro"}, {"plan": "pro"}, {}]
    assert [decide(main, {**one}, segment=beta).variant for one in contexts] == ["other", "on", "other", "on"]


def test_a_prerequisite_that_is_not_met_turns_a_flag_off() -> None:
    top = flag(off_variant="off", prerequisites=[{"flag": "left", "variant": "on"}])
    left = flag(key="left", prerequisites=[{"flag": "root", "variant": "on"}])
    assert decide(top, {}, left, flag(key="root")).reason == "STATIC"
    unmet = decide(top, {}, left, flag(key="root", enabled=False))
    assert (unmet.reason, unmet.variant, unmet.needs) == ("DISABLED", "off", "left")


def test_a_ladder_of_diamonds_is_decided_once_for_each_flag() -> None:
    flags = [flag(key="0a"), flag(key="0b")]
    for level in range(1, 40):
        needs = [{"flag": f"{level - 1}{side}", "variant": "on"} for side in "ab"]
        flags += [flag(key=f"{level}{side}", prerequisites=needs) for side in "ab"]
    assert decide(flags[-1], {}, *flags).variant == "on"


def test_a_broken_document_is_one_error_among_the_others() -> None:
    documents = {
        Ref(FLAG, "good"): flag(key="good").model_dump(mode="json"),
        Ref(FLAG, "bad"): {"key": "bad", "type": "colour"},
        Ref(FLAG, "lost"): flag(
            key="lost", rules=[rule(when=[{"operator": "in_segment", "values": ["gone"]}])]
        ).model_dump(mode="json"),
    }
    ruleset = Ruleset(Snapshot("e", 1, 0, 0.0, documents))
    outcomes = {one.key: one.decide({}, 0.0, {}) for one in ruleset.flags}
    assert {key: outcome.error for key, outcome in outcomes.items()} == {
        "good": "",
        "bad": "PARSE_ERROR",
        "lost": "PARSE_ERROR",
    }
