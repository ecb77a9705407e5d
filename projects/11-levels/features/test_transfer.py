"""Steps of transfer.feature."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, as_object, describe_answer, expect, is_problem

from .academy import INVALID, OK, RECEIPTS, RUNS, Learner
from .catalogue import Level, Track, drawn_key
from .solutions import Actions, Json, Script, failing, passing

scenarios("transfer.feature")


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def canonical(statement: Json) -> bytes:
    """Return the canonical form of JSON without fractions. Source: RFC 8785."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass
class Elsewhere:
    """Another machine on which the learner works, known by its key."""

    key: Ed25519PrivateKey
    learner: Learner
    track: Track
    user_id: str
    shown: list[dict[str, object]] = field(default_factory=list)

    def passes(self, count: int, passed_at: str, **other: object) -> dict[str, object]:
        """Make the receipt of a run that has passed so many levels; `other` is what is wrong with it."""
        before = self.shown[-1]["receipt"] if self.shown else None
        statement = {
            "version": 1,
            "number": len(self.shown) + 1,
            "previous": sha256(canonical(before)).hexdigest() if isinstance(before, dict) else None,
            "user_id": self.user_id,
            "learner": self.learner.name,
            "run_id": f"{self.learner.academy.draw.uuid()}",
            "project": self.track.project,
            "track_id": self.track.document["id"],
            "level_id": self.track.levels[count - 1].id,
            "seed": "5eed",
            "trust": "local",
            "passed_at": passed_at,
            "key": encoded(self.key.public_key().public_bytes_raw()),
            "levels": [self._level(level) for level in self.track.levels[:count]],
        } | other
        made: dict[str, object] = {
            "receipt": statement,
            "signature": encoded(self.key.sign(canonical(statement))),
        }
        self.shown.append(made)
        return made

    def _level(self, level: Level) -> Json:
        checks = [{"id": check, "verdict": "pass", "draws": {"WORD": "größer"}} for check in level.checks]
        contract = self.track.document["contract"]
        return {
            "level_id": level.id,
            "step": level.step,
            "contract": contract,
            "solution": "s",
            "checks": checks,
        }


def elsewhere(learner: Learner, track: Track, key: str = "another-machine") -> Elsewhere:
    draw = learner.academy.draw
    return Elsewhere(drawn_key(learner.academy.world, key), learner, track, f"{draw.uuid()}")


def take(learner: Learner, *shown: Mapping[str, object]) -> Exchange:
    return learner.client().request("POST", RECEIPTS, json={"receipts": list(shown)})


def demand_taken(answer: Exchange, count: int) -> None:
    got = f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == OK, expected="200", got=got)
    expect(as_object(answer) == {"taken": count}, expected=f"{count} that were not known", got=got)


@when("receipts of another machine are taken in, part by part", target_fixture="moments")
def receipts_of_another_machine_are_taken_in(learner: Learner, track: Track) -> tuple[str, str]:
    moments = ("2026-01-02T03:04:05.678Z", "2026-02-03T04:05:06.789Z")
    other = elsewhere(learner, track)
    first, second = other.passes(1, moments[0]), other.passes(2, moments[1])
    demand_taken(take(learner, first), 1)
    expect(learner.statuses(track)[:2] == ["COMPLETED", "IN_PROGRESS"], expected="one level", got="another")
    demand_taken(take(learner, first, second), 1)
    demand_taken(take(learner, first, second), 0)
    # And of another track both at once.
    track = next(one for one in learner.academy.tracks if one is not track)
    other = elsewhere(learner, track)
    demand_taken(take(learner, other.passes(1, moments[0]), other.passes(2, moments[1])), 2)
    lowest = learner.progress()[track.levels[0].id].get("completed_at")
    right = datetime.fromisoformat(str(lowest)) == datetime.fromisoformat(moments[0])
    expect(right, expected=f"completed at {moments[0]}, when it was first shown", got=lowest)
    return moments


@then("what they prove is completed, as local, and receipts of one's own can be taken along")
def what_they_prove_is_completed(learner: Learner, track: Track, moments: tuple[str, str]) -> None:
    statuses = learner.statuses(track)[:4]
    wanted = ["COMPLETED", "COMPLETED", "IN_PROGRESS", "LOCKED"]
    expect(statuses == wanted, expected=f"{wanted}", got=statuses)
    progress = learner.progress()
    for level, completed_at in zip(track.levels[:2], moments, strict=True):
        standing = progress[level.id]
        for name, moment in (("completed_at", completed_at), ("verified_at", moments[1])):
            right = datetime.fromisoformat(str(standing.get(name))) == datetime.fromisoformat(moment)
            expect(right, expected=f"{name} {moment}", got=standing.get(name))
        told = (standing.get("trust"), standing.get("verified_against"), standing.get("stale"))
        expected = ("local", track.document["contract"], True)  # it is long ago
        expect(told == expected, expected=f"{expected}", got=json.dumps(standing))
    solution = learner.solution()
    runs = [learner.start(track.levels[2], solution)]
    learner.ends(runs[0], "passed")
    trust = learner.progress()[track.levels[0].id].get("trust")
    expect(trust == "hosted", expected="hosted, by a later run here", got=trust)
    runs.append(learner.start(track.levels[0], solution))
    learner.ends(runs[1], "passed")
    client = learner.client()
    own = [as_object(client.get(f"{RECEIPTS}/{run}")) for run in runs]
    for query, part in (("", own), ("?limit=1", own[:1]), ("?after=1", own[1:]), ("?after=2", [])):
        answer = client.get(f"{RECEIPTS}{query}")
        got = as_object(answer).get("receipts")
        expect(got == part, expected=f"the receipts of {len(part)} runs", got=answer.text[:1500])
    demand_taken(take(learner, *own), 0)


@when(
    "receipts are taken in that are forged, of others, out of their order, or of a failure",
    target_fixture="refused",
)
def receipts_are_taken_in_that_are_forged(learner: Learner, track: Track) -> list[tuple[str, Exchange]]:
    at = "2026-01-02T03:04:05.678Z"

    def fresh(key: str = "another-machine") -> Elsewhere:
        return elsewhere(learner, track, key)

    other = learner.academy.learner()
    signed = fresh().passes(1, at)
    receipt = signed["receipt"]
    assert isinstance(receipt, dict)
    gap = fresh()
    parts = [gap.passes(1, at) for _ in range(3)]
    mixed = [fresh().passes(1, at), *[fresh().passes(2, at, number=2)]]
    failed = fresh().passes(2, at)["receipt"]
    assert isinstance(failed, dict)
    failed["levels"][0]["checks"][-1]["verdict"] = "fail"
    failed["levels"][1]["checks"] = []
    forked = fresh()
    failure = forked.passes(2, at, levels=failed["levels"])
    demand_taken(take(learner, failure), 1)  # it is signed, and shows nothing
    run = learner.start(track.levels[0], learner.solution({str(track.levels[0].step): [[["wait", "x"]]]}))
    learner.client().request("DELETE", f"{RUNS}/{run}")
    return [
        ("#/receipts/0", take(learner, signed | {"receipt": {**receipt, "seed": "5eee"}})),
        ("#/receipts/0", take(learner, fresh("a-strangers-machine").passes(1, at))),
        ("#/receipts/0", take(learner, fresh().passes(1, at, learner=other.name))),
        ("#/receipts/0", take(learner, fresh().passes(1, at, user_id=str(learner.user_id)))),
        ("#/receipts/0", take(learner, fresh().passes(1, at, number=2))),
        ("#/receipts/0", take(learner, fresh().passes(1, at, previous="0" * 64))),
        ("#/receipts/0", take(learner, forked.passes(1, at, number=1, previous=None))),
        ("#/receipts/0", take(learner, parts[1])),
        ("#/receipts/1", take(learner, parts[0], parts[2])),
        ("#/receipts/1", take(learner, *mixed)),
        ("#/receipts/0/status", take(learner, signed | {"status": "COMPLETED"})),
        ("#/receipts/0/signature", take(learner, {"receipt": receipt})),
        ("#/receipts", take(learner)),
    ]


@then("each is refused with a pointer, and nothing is completed")
def each_is_refused_with_a_pointer(
    refused: list[tuple[str, Exchange]], learner: Learner, track: Track
) -> None:
    for wanted, answer in refused:
        errors = is_problem(answer, INVALID).get("errors")
        found = [one.get("pointer") for one in errors] if isinstance(errors, list) else errors
        right = isinstance(found, list) and wanted in found
        expect(right, expected=f"a pointer {wanted}", got=answer.text[:500])
    statuses = learner.statuses(track)
    wanted_statuses = ["IN_PROGRESS", *["LOCKED"] * (len(track.levels) - 1)]
    expect(statuses == wanted_statuses, expected=f"{wanted_statuses}", got=statuses)


@dataclass(frozen=True)
class Told:
    """A run that has ended, and what its report is to say."""

    run: Json
    report: Json
    wanted: list[tuple[str, str]]


@when("runs end in all ways that there are", target_fixture="told")
def runs_end_in_all_ways(learner: Learner, track: Track) -> list[Told]:
    level = track.levels[0]
    first, *rest = level.checks
    passed = [(f"{check} {check} holds", "passed") for check in rest]

    def verdicts(verdict: str) -> Actions:
        return [["start"], ["check", first, verdict, "<b>why</b>"], *passing(rest)[1:]]

    doubt: Actions = [*verdicts("inconclusive"), ["end", "inconclusive"], ["exit", 2]]
    again: Actions = [["start"], ["check", first, "pass"], ["end", "pass"], ["exit", 0]]
    doubt_alone: Actions = [["start"], ["check", first, "inconclusive"], *doubt[-2:]]
    unrun: Actions = [*verdicts("not_run"), ["end", "pass"], ["exit", 0]]
    broken: Actions = [*verdicts("error"), ["end", "error"], ["exit", 4]]
    endless: Actions = [*verdicts("pass"), ["exit", 0]]
    cold: Actions = [["start"], ["end", "no_target", "cold"], ["exit", 3]]
    cases: list[tuple[str, Script, str, bool]] = [
        ("failed", {"*": [failing(level.checks, first)]}, "failed", False),
        ("inconclusive", {"*": [unrun]}, "skipped", True),
        ("errored", {"*": [broken]}, "other", False),
        ("errored", {"*": [endless]}, "passed", True),
        ("failed", {"*": [cold]}, "none", True),
        ("passed", {"*": [doubt], "only": [again]}, "passed", False),
        ("inconclusive", {"*": [doubt], "only": [doubt_alone]}, "other", False),
    ]
    told = []
    for state, script, status, tells_the_level in cases:
        played = {(str(level.step) if key == "*" else key): actions for key, actions in script.items()}
        run = learner.ends(learner.start(level, learner.solution(played)), state)
        answer = learner.client().get(f"{RUNS}/{run['id']}/ctrf")
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        wanted = [(f"{first} {first} holds", status), *passed]
        if status == "none":
            wanted = [(name, "skipped") for name, _ in wanted]
        if tells_the_level:
            wanted.append((level.id, "failed" if state == "failed" else "other"))
        told.append(Told(run, as_object(answer), wanted))
    return told


@then("each is told in the Common Test Report Format, with a status for each of its checks")
def each_is_told_in_the_common_test_report_format(told: list[Told], track: Track) -> None:
    suite = [track.document["id"], track.levels[0].id]
    for one in told:
        head = (one.report.get("reportFormat"), isinstance(one.report.get("specVersion"), str))
        expect(head == ("CTRF", True), expected="CTRF, with a specVersion", got=head)
        results = one.report.get("results")
        assert isinstance(results, dict)
        tests = results.get("tests")
        assert isinstance(tests, list)
        got = [(test.get("name"), test.get("status")) for test in tests]
        expect(got == one.wanted, expected=f"{one.wanted}", got=got)
        for test in tests:
            right = type(test.get("duration")) is int and test.get("suite") == suite
            expect(right, expected=f"a duration in ms, and the suite {suite}", got=json.dumps(test))
        statuses = [status for _, status in one.wanted]
        summary = results.get("summary")
        assert isinstance(summary, dict)
        counts = {name: statuses.count(name) for name in ("passed", "failed", "skipped", "pending", "other")}
        wanted = counts | {"tests": len(statuses)}
        found = {name: summary.get(name) for name in wanted}
        expect(found == wanted, expected=f"{wanted}", got=found)
        for name, moment in (("start", "started_at"), ("stop", "finished_at")):
            milliseconds = datetime.fromisoformat(str(one.run[moment])).timestamp() * 1000
            near = isinstance(summary.get(name), int) and abs(summary[name] - milliseconds) <= 1
            expect(near, expected=f"{name} {milliseconds:.0f}", got=summary.get(name))
    asked_again = told[5].report["results"]["tests"][0]  # type: ignore[index]
    expect(asked_again.get("retries") == 1, expected="1 retry", got=asked_again.get("retries"))
    failed = told[0].report["results"]["tests"][0]  # type: ignore[index]
    expect("fail" in str(failed.get("message")), expected="the report as a message", got=failed)
