"""One contestant of `run.py`: evaluates the same 200 flags for as many seconds as it is told.

`contestant.py OURS|FLAGD|GROWTHBOOK one|all` answers each line of stdin, a number of seconds, with how much
it has done a second: evaluations of one flag after another, or of all 200, written as the JSON of a bulk. It
knows nothing of the workspace but what it measures, for the peers have an environment of their own.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

FLAGS = 200
DEFAULT = False
PLANS, SEATS = ("pro", "team"), 50
PEOPLE: Sequence[Mapping[str, object]] = [
    {"targetingKey": f"user-{number}", "plan": ("free", "pro", "team")[number % 3], "seats": number % 100}
    for number in range(300)
]

type One = Callable[[str, int], object]
type All = Callable[[int], bytes]


def ours() -> tuple[One, All]:
    from flags.documents import Flag
    from flags.ruleset import FLAG, Ref, Ruleset, Snapshot

    def document(key: str) -> Flag:
        paying = [
            {"attribute": "plan", "operator": "in", "values": list(PLANS)},
            {"attribute": "seats", "operator": "at_least", "values": [SEATS]},
        ]
        rules = [
            {"name": "paying", "variant": "on", "when": paying},
            {"name": "half", "variant": "on", "percentage": 50},
        ]
        members = {"key": key, "type": "boolean", "variants": {"on": True, "off": False}}
        return Flag.model_validate({**members, "rules": rules, "default": {"variant": "off"}})

    keys = [f"flag-{number}" for number in range(FLAGS)]
    documents = {Ref(FLAG, key): document(key).model_dump(mode="json") for key in keys}
    ruleset = Ruleset(Snapshot("0", 1, 0, 0.0, documents))

    def one(key: str, person: int) -> object:
        return ruleset.by_key[key].decide(PEOPLE[person], 1e9, {}).value

    def everything(person: int) -> bytes:
        context = PEOPLE[person]
        memo: dict[str, object] = {}
        fragments = [flag.fragment(flag.decide(context, 1e9, memo)) for flag in ruleset.flags]  # type: ignore[arg-type]
        return b'{"flags":[' + b",".join(fragments) + b"]}"

    return one, everything


def flagd() -> tuple[One, All]:
    from openfeature.contrib.tools.flagd.core import FlagdCore  # type: ignore[import-not-found]
    from openfeature.evaluation_context import EvaluationContext  # type: ignore[import-not-found]

    paying = {"and": [{"in": [{"var": "plan"}, list(PLANS)]}, {">=": [{"var": "seats"}, SEATS]}]}
    targeting = {"if": [paying, "on", {"fractional": [["on", 50], ["off", 50]]}]}
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": targeting,
    }
    core = FlagdCore()
    core.set_flags({"flags": {f"flag-{number}": flag for number in range(FLAGS)}})
    contexts = [
        EvaluationContext(str(one["targetingKey"]), {"plan": one["plan"], "seats": one["seats"]})
        for one in PEOPLE
    ]

    def one(key: str, person: int) -> object:
        return core.resolve_boolean_value(key, DEFAULT, contexts[person]).value

    def entry(key: str, person: int) -> dict[str, object]:
        found = core.resolve_boolean_value(key, DEFAULT, contexts[person])
        return {"key": key, "value": found.value, "reason": found.reason, "variant": found.variant}

    def everything(person: int) -> bytes:
        return json.dumps({"flags": [entry(f"flag-{n}", person) for n in range(FLAGS)]}).encode()

    return one, everything


def growthbook() -> tuple[One, All]:
    from growthbook import GrowthBook  # type: ignore[import-not-found]

    condition = {"plan": {"$in": list(PLANS)}, "seats": {"$gte": SEATS}}
    rules = [
        {"condition": condition, "force": True},
        {"force": True, "coverage": 0.5, "hashAttribute": "targetingKey"},
    ]
    features = {f"flag-{number}": {"defaultValue": False, "rules": rules} for number in range(FLAGS)}
    people = [GrowthBook(attributes=dict(one), features=features) for one in PEOPLE]

    def one(key: str, person: int) -> object:
        return people[person].eval_feature(key).value

    def everything(person: int) -> bytes:
        book = people[person]
        values = {f"flag-{n}": book.eval_feature(f"flag-{n}").value for n in range(FLAGS)}
        return json.dumps(values).encode()

    return one, everything


def rate(work: Callable[[int], int], seconds: float) -> float:
    """Return how much was done a second, of processor time: others may use the machine too."""
    started = ended = time.process_time()
    done = 0
    people = cycle(range(len(PEOPLE)))
    while ended - started < seconds:
        done += work(next(people))
        ended = time.process_time()
    return done / (ended - started)


def main() -> None:
    one, everything = {"OURS": ours, "FLAGD": flagd, "GROWTHBOOK": growthbook}[sys.argv[1]]()
    keys = [f"flag-{number}" for number in range(FLAGS)]

    def each(person: int) -> int:
        for key in keys:
            one(key, person)
        return FLAGS

    def bulk(person: int) -> int:
        everything(person)
        return 1

    half = sum(one("flag-7", person) is True for person in range(len(PEOPLE)))
    if not len(PEOPLE) // 2 < half < len(PEOPLE) * 4 // 5:
        raise SystemExit(f"{half} of {len(PEOPLE)} have it: that is not what was asked for")
    for line in sys.stdin:
        print(rate(each if sys.argv[2] == "one" else bulk, float(line)), flush=True)


if __name__ == "__main__":
    main()
