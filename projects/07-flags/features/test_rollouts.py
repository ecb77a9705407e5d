"""Steps of rollouts.feature: the buckets are computed here too, from the words of the contract."""

from collections.abc import Callable
from itertools import count

from pytest_bdd import scenarios, then, when

from kata.steps import expect

from .answers import BAD, CREATED, OK, is_ofrep_error, wanted
from .documents import LARGEST_INTEGER
from .murmur import BUCKETS, VARIANT_SEED, bucket, variant
from .panel import Panel

scenarios("rollouts.feature")

# One has its accent behind the letter, and one ends with a blank: normalised or stripped it is another.
NAMES = ("user-{}", "{}@example.org", "żółw-{}", "漢字{}", "{}", "👩‍🚀{}", "a b/{}?", "zo\u0301{}", "{} ")
SALTS = ("sól 漢 👩‍🚀", "so\u0301l")


def people(panel: Panel, count: int) -> list[str]:
    names = panel.draw.shuffle(NAMES)
    lengths = [panel.draw.integer(1, 40) for _ in range(count)]
    return [names[n % len(names)].format(panel.draw.text(length)) for n, length in enumerate(lengths)]


def ends_below(place: int) -> bool:
    """Tell whether a percentage ends behind this bucket, and to a computer in it: 1.001 * 1000 < 1001."""
    return (place + 1) / 1000 * 1000 < place + 1


def begins_above(place: int) -> bool:
    """Tell whether a percentage ends before this bucket, and to a computer in it: 2.007 * 1000 > 2007."""
    return place / 1000 * 1000 > place


def somebody(panel: Panel, fits: Callable[[str], bool]) -> str:
    """Return a person whose bucket fits."""
    word = panel.draw.word()
    return next(one for number in count() if fits(one := f"{word}-{number}"))


def gate(panel: Panel, percentage: float, **members: object) -> str:
    rules = [{"name": "gate", "variant": "other", "percentage": percentage, **members}]
    return str(panel.flag(rules=rules)["key"])


@then("for many people, salts and percentages the gate is where the contract's hash has it")
def the_gate_is_where_the_hash_has_it(panel: Panel) -> None:
    # Each is asked with a percentage that ends just before, and one just behind, the bucket of somebody.
    salts = panel.draw.shuffle([None, None, panel.draw.word(), *SALTS])
    noise = (ends_below, begins_above)
    for number, drawn in enumerate(people(panel, 18)):
        salt = salts[number % len(salts)]
        document = panel.document(salt=salt)
        base, person = salt or str(document["key"]), drawn
        if number < len(noise):
            person = somebody(panel, lambda one, n=number, base=base: noise[n](bucket(base, one)))  # type: ignore[misc]
        place = bucket(base, person)
        bounds = {"off": place / 1000, "other": (place + 1) / 1000}
        document["rules"] = [
            {"name": name, "variant": name, "percentage": percentage} for name, percentage in bounds.items()
        ]
        wanted(panel.manage("POST", "/flags", document), CREATED)
        key, context, process = document["key"], {"targetingKey": person}, number % 2
        panel.soon(lambda k=key, c=context, at=process: panel.ask(k, c, process=at).status == OK, f"{key}")  # type: ignore[misc]
        found = panel.variant(key, context, process=process)
        expected = f"other for {person!r} in bucket {place}, with {bounds} % and the salt {salt!r}"
        expect(found == "other", expected=expected, got=found)
    none, everybody = gate(panel, 0), gate(panel, 100)
    for person in people(panel, 20):
        both = (
            panel.variant(none, {"targetingKey": person}),
            panel.variant(everybody, {"targetingKey": person}),
        )
        expect(both == ("on", "other"), expected="nobody of 0 %, everybody of 100 %", got=both)


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
    edge = somebody(panel, lambda one: ends_below(bucket(salt, one, VARIANT_SEED)))
    place = bucket(salt, edge, VARIANT_SEED)
    for bound, right in ((place + 1, "off"), (place, "on")):  # the first by its name has this much
        two = {"off": bound / 1000, "on": round(100 - bound / 1000, 3)}
        split = [{"variant": name, "weight": weight} for name, weight in two.items()]
        key = panel.flag(salt=salt, default={"split": split})["key"]
        has = panel.variant(key, {"targetingKey": edge})
        expect(has == right, expected=f"{right} in bucket {place} of {two}", got=has)
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
    for org in (*people(panel, 10), 7, 123456789, 0, -5, LARGEST_INTEGER):
        right = "other" if bucket(salt, str(org)) < BUCKETS // 2 else "on"
        for person in people(panel, 2):
            found = panel.variant(key, {"targetingKey": person, "org": org})
            expect(found == right, expected=f"{right} for all of {org!r}", got=found)
    odd: list[object] = [None, True, 1.5, "", [], {}, LARGEST_INTEGER + 1, 1e20]
    for context in ({}, {"targetingKey": "a"}, *({"org": one} for one in odd)):
        body = wanted(panel.ask(key, context), OK)
        expect(body.get("reason") == "UNKNOWN", expected=f"no match for {context}", got=body)
    half = [{"variant": "on", "weight": 50}, {"variant": "off", "weight": 50}]
    last = panel.flag(default={"split": half, "bucket_by": "org"})["key"]
    is_ofrep_error(panel.ask(last, {"targetingKey": "a"}), BAD, "INVALID_CONTEXT", last)
