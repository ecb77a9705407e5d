"""Steps of rollouts.feature: the buckets are computed here too, from the words of the contract."""

from pytest_bdd import scenarios, then, when

from kata.steps import expect

from .answers import BAD, OK, is_ofrep_error, wanted
from .murmur import BUCKETS, bucket, variant
from .panel import Panel

scenarios("rollouts.feature")

NAMES = ("user-{}", "{}@example.org", "żółw-{}", "漢字{}", "{}", "👩‍🚀{}", "a b/{}?")


def people(panel: Panel, count: int) -> list[str]:
    return [panel.draw.choice(NAMES).format(panel.draw.text(panel.draw.integer(1, 40))) for _ in range(count)]


def gate(panel: Panel, percentage: float, **members: object) -> str:
    rules = [{"name": "gate", "variant": "other", "percentage": percentage, **members}]
    return str(panel.flag(rules=rules)["key"])


@then("for many people, salts and percentages the gate is where the contract's hash has it")
def the_gate_is_where_the_hash_has_it(panel: Panel) -> None:
    # Each is asked with a percentage that ends just behind, and just at, the bucket of somebody.
    for number, person in enumerate(people(panel, 12)):
        salt = panel.draw.choice([None, panel.draw.word(), "sól 漢 👩‍🚀"])
        document = panel.document(salt=salt)
        place = bucket(salt or str(document["key"]), person)
        for percentage, right in ((place / 1000, "on"), ((place + 1) / 1000, "other")):
            document["rules"] = [{"name": "gate", "variant": "other", "percentage": percentage}]
            document["key"] = document["key"] if salt is None else f"{document['key']}-{right}"
            made = panel.manage("POST", "/flags", document)
            if made.status == 409:
                made = panel.manage("PATCH", f"/flags/{document['key']}", {"rules": document["rules"]}, "*")
            expect(made.status in {200, 201}, expected="200 or 201", got=made.text, answer=made)
            process = number % 2
            panel.soon(
                lambda d=document, p=person, r=right, at=process: (  # type: ignore[misc]
                    panel.ask(d["key"], {"targetingKey": p}, process=at).status == OK
                    and panel.variant(d["key"], {"targetingKey": p}, process=at) == r
                ),
                f"{right} for {person!r} in bucket {place} with {percentage} % and the salt {salt!r}",
            )
    none, everybody = gate(panel, 0), gate(panel, 100)
    for person in people(panel, 20):
        found = (
            panel.variant(none, {"targetingKey": person}),
            panel.variant(everybody, {"targetingKey": person}),
        )
        expect(found == ("on", "other"), expected="nobody of 0 %, everybody of 100 %", got=found)


@then("people have the variants of the contract's hash, on each process, in any order of the rows")
def people_have_the_variants_of_the_hash(panel: Panel) -> None:
    first = panel.draw.integer(5, 45) / 2
    second = panel.draw.integer(1001, 40_000) / 1000
    weights = {"on": first, "off": second, "other": round(100 - first - second, 3)}
    rows = [{"variant": name, "weight": weight} for name, weight in weights.items()]
    salt = panel.draw.word()
    keys = [
        str(panel.flag(salt=salt, default={"split": order})["key"])
        for order in (rows, rows[::-1], [rows[1], rows[0], rows[2]])
    ]
    panel.known_everywhere(keys[-1])
    for number, person in enumerate(people(panel, 40)):
        right = variant(salt, person, weights)
        found = [panel.variant(key, {"targetingKey": person}, process=number % 2) for key in keys]
        expect(found == [right] * 3, expected=f"{right} for {person!r} of {weights}", got=found)
    panel.change(keys[0], default={"split": rows}, description="saved again")
    empty = [
        {"variant": "on", "weight": 0},
        {"variant": "other", "weight": 100},
        {"variant": "off", "weight": 0},
    ]
    key = panel.flag(default={"split": empty})["key"]
    found = [panel.variant(key, {"targetingKey": person}) for person in people(panel, 15)]
    expect(set(found) == {"other"}, expected="nobody has a variant of no weight", got=found)


@when("a rollout widens step by step", target_fixture="seen")
def a_rollout_widens(panel: Panel) -> list[dict[str, object]]:
    split = [{"variant": "on", "weight": 25}, {"variant": "off", "weight": 75}]

    def rules(percentage: float) -> list[dict[str, object]]:
        return [{"name": "r", "split": split, "percentage": percentage}]

    key = str(panel.flag(default={"variant": "other"}, rules=rules(0))["key"])
    somebody = people(panel, 60)
    seen: list[dict[str, object]] = []
    percentage = 0.0
    while percentage < 100:
        # Rounded: a sum of thousandths may have more than three decimals.
        percentage = min(100.0, round(percentage + panel.draw.integer(15_000, 35_000) / 1000, 3))
        panel.change(key, rules=rules(percentage))
        members = [one for one in somebody if bucket(key, one) < percentage * 1000]
        found = {one: panel.variant(key, {"targetingKey": one}) for one in somebody}
        inside = [one for one, has in found.items() if has != "other"]
        expect(inside == members, expected=f"{len(members)} of 60 in with {percentage} %", got=len(inside))
        seen.append({one: found[one] for one in inside})
    return seen


@then("all who were in stay in, each with the variant that they had")
def all_who_were_in_stay_in(seen: list[dict[str, object]]) -> None:
    for number, earlier in enumerate(seen[:-1]):
        later = seen[number + 1]
        moved = {one: (has, later.get(one)) for one, has in earlier.items() if later.get(one) != has}
        expect(not moved, expected="everybody with the variant that they had", got=moved)
    expect({*seen[-1].values()} == {"on", "off"}, expected="both variants", got={*seen[-1].values()})


@then("two flags of a tenth each have about a hundredth in common, and with one group they have all")
def two_flags_have_a_hundredth_in_common(panel: Panel) -> None:
    keys = [gate(panel, 10) for _ in range(2)]
    somebody = [f"user-{number}" for number in range(10_000)]
    tenth = [{one for one in somebody if bucket(key, one) < BUCKETS // 10} for key in keys]
    in_first = panel.draw.shuffle(sorted(tenth[0]))[:60]
    both = [one for one in in_first if panel.variant(keys[1], {"targetingKey": one}) == "other"]
    right = [one for one in in_first if one in tenth[1]]
    expect(both == right, expected=f"{len(right)} of 60 in the second too", got=len(both))
    expect(len(both) < 20, expected="about a tenth of the first in the second", got=f"{len(both)} of 60")
    group = panel.draw.word()
    grouped = [gate(panel, percentage, group=group) for percentage in (10, 20)]
    for person in people(panel, 40):
        place = bucket(group, person)
        found = [panel.variant(key, {"targetingKey": person}) for key in grouped]
        wanted_variants = ["other" if place < bound else "on" for bound in (10_000, 20_000)]
        expect(found == wanted_variants, expected=f"{wanted_variants} in one group", got=found)


@then("all of an organisation have the same, and a rule whose attribute is absent does not match")
def all_of_an_organisation_have_the_same(panel: Panel) -> None:
    salt = panel.draw.word()
    rules = [{"name": "r", "variant": "other", "percentage": 50, "bucket_by": "org"}]
    key = panel.flag(rules=rules, salt=salt)["key"]
    for org in (*people(panel, 10), 7, 123456789, 0, -5):
        right = "other" if bucket(salt, str(org)) < BUCKETS // 2 else "on"
        for person in people(panel, 2):
            found = panel.variant(key, {"targetingKey": person, "org": org})
            expect(found == right, expected=f"{right} for all of {org!r}", got=found)
    odd: list[object] = [None, True, 1.5, "", [], {}]
    for context in ({}, {"targetingKey": "a"}, *({"org": one} for one in odd)):
        body = wanted(panel.ask(key, context), OK)
        expect(body.get("reason") == "UNKNOWN", expected=f"no match for {context}", got=body)
    half = [{"variant": "on", "weight": 50}, {"variant": "off", "weight": 50}]
    last = panel.flag(default={"split": half, "bucket_by": "org"})["key"]
    is_ofrep_error(panel.ask(last, {"targetingKey": "a"}), BAD, "INVALID_CONTEXT", last)
