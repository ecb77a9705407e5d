"""Steps of runs.feature."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from pytest_bdd import given, scenarios, then, when

from kata.steps import Draw, Exchange, Request, as_object, describe_answer, expect, is_problem

from .academy import (
    ACCEPTED,
    CONFLICT,
    INVALID,
    PATIENCE_SECONDS,
    RUNS,
    Actions,
    Json,
    Learner,
    Level,
    Script,
    Solution,
    Track,
    checks_in,
    failing,
    good,
    level_reports,
    passing,
    tries_of,
)

CLOCK = timedelta(seconds=1)
LONGEST_REASON = 1200

scenarios("runs.feature")


@dataclass(frozen=True)
class Ran:
    """A solution, and its run as it is shown at the end."""

    solution: Solution
    shown: Json
    level: Level


def moment_of(value: object) -> datetime:
    expect(isinstance(value, str), expected="a moment", got=value)
    return datetime.fromisoformat(str(value))


@when("a run of the lowest level passes", target_fixture="ran")
def a_run_of_the_lowest_level_passes(learner: Learner, track: Track) -> Ran:
    level = track.levels[0]
    start, *verdicts = good(level.checks)
    script: Script = {str(level.step): [[start, ["wait", "gate"], *verdicts]]}
    solution = learner.solution(script)
    answer = learner.ask(level, solution.path)
    expect(answer.status == ACCEPTED, expected="202", got=describe_answer(answer))
    run = as_object(answer)
    location = answer.header("location") or ""
    expect(location == f"{RUNS}/{run.get('id')}", expected=f"Location: {RUNS}/{run.get('id')}", got=location)
    expect(run.get("state") == "queued", expected="queued", got=run.get("state"))
    running = learner.wait_for(str(run["id"]), ["running"])
    for name, wanted in (
        ("level_id", level.id),
        ("track_id", track.document["id"]),
        ("dir", str(solution.path)),
    ):
        expect(running.get(name) == wanted, expected=f"{name} {wanted}", got=running.get(name))
    expect(running.get("finished_at") is None, expected="no end yet", got=running.get("finished_at"))
    status = learner.statuses(track)[0]
    expect(status == "IN_PROGRESS", expected="IN_PROGRESS while it runs", got=status)
    solution.open("gate")
    return Ran(solution, learner.ends(str(run["id"]), "passed"), level)


@then("it is told with all its checks, and the level is completed")
def it_is_told_with_all_its_checks(ran: Ran, learner: Learner, track: Track) -> None:
    shown = ran.shown
    created, started, finished = (
        moment_of(shown.get(name)) for name in ("created_at", "started_at", "finished_at")
    )
    expect(created <= started <= finished, expected="created, started, finished", got=shown)
    reports = level_reports(shown)
    expect(
        [one.get("level_id") for one in reports] == [ran.level.id],
        expected=f"{ran.level.id} alone",
        got=reports,
    )
    expect(reports[0].get("state") == "passed", expected="passed", got=reports[0].get("state"))
    expect(
        reports[0].get("contract") == track.document["contract"],
        expected="the verifier's contract",
        got=reports[0].get("contract"),
    )
    checks = checks_in(reports[0])
    expect(list(checks) == ran.level.checks, expected=f"{ran.level.checks}", got=list(checks))
    for name, check in checks.items():
        wanted = {"id": name, "sentence": f"{name} holds", "verdict": "pass"}
        got = {key: check.get(key) for key in wanted}
        expect(got == wanted, expected=f"{wanted}", got=got)
        tries = tries_of(check)
        report = {"text": f"{name}: pass", "truncated": False, "bytes_total": len(f"{name}: pass")}
        right = tries == [{"verdict": "pass", "seconds": 0.25, "report": report}]
        expect(right, expected=f"one try, 0.25 s, with the report {report}", got=tries)
    call = ran.solution.calls()[0].get("arguments")
    options = ["--dir", str(ran.solution.path), "--seed", str(shown.get("seed")), "--events"]
    wanted_call = ["verify", track.project, *options, "--step", str(ran.level.step)]
    expect(call == wanted_call, expected=f"VERIFIER {' '.join(wanted_call)}", got=call)
    mine = learner.progress()[ran.level.id]
    expect(mine.get("status") == "COMPLETED", expected="COMPLETED", got=mine)
    completed = moment_of(mine.get("completed_at"))
    expect(abs(completed - finished) <= CLOCK, expected=f"completed at {finished}", got=completed)
    expect(abs(datetime.now(UTC) - completed) < timedelta(minutes=2), expected="about now", got=completed)


@then("the next level is open, and no other")
def the_next_level_is_open(ran: Ran, learner: Learner, track: Track) -> None:
    wanted = ["COMPLETED", "IN_PROGRESS", *["LOCKED"] * (len(track.levels) - 2)]
    got = learner.statuses(track)
    expect(got == wanted, expected=f"{wanted}", got=got)
    before = learner.progress()[ran.level.id].get("completed_at")
    learner.ends(learner.start(ran.level, learner.solution()), "passed")
    after = learner.progress()[ran.level.id].get("completed_at")
    expect(after == before, expected=f"completed_at set once: {before}", got=after)
    for other in learner.academy.tracks:
        if other is not track:
            lowest = learner.statuses(other)[0]
            expect(lowest == "IN_PROGRESS", expected="the other tracks as they were", got=lowest)


@given("two levels are completed", target_fixture="completed")
def two_levels_are_completed(learner: Learner, track: Track) -> dict[str, Json]:
    learner.completes(track.levels[1])
    return learner.progress()


@when("a run of the third fails in one of them, and another run does not", target_fixture="rans")
def a_run_of_the_third_fails(learner: Learner, track: Track) -> tuple[Ran, Ran, Level]:
    draw = learner.academy.draw
    broken = draw.choice(track.levels[:2])
    third = track.levels[2]
    bad = learner.solution({str(broken.step): [failing(broken.checks, draw.choice(broken.checks))]})
    first = Ran(bad, learner.ends(learner.start(third, bad), "failed"), third)
    statuses = learner.statuses(track)[:4]
    wanted = ["COMPLETED", "COMPLETED", "IN_PROGRESS", "LOCKED"]
    expect(statuses == wanted, expected=f"{wanted}", got=statuses)
    sound = learner.solution()
    return first, Ran(sound, learner.ends(learner.start(third, sound), "passed"), third), broken


@then("the first run shows nothing above what failed, and completes nothing")
def the_first_run_shows_nothing_above(rans: tuple[Ran, Ran, Level], track: Track) -> None:
    first, _, broken = rans
    index = track.levels.index(broken)
    got = [one.get("state") for one in level_reports(first.shown)]
    wanted = [*["passed"] * index, "failed", *["not_run"] * (2 - index)]
    expect(got == wanted, expected=f"{wanted}", got=got)
    reason = str(first.shown.get("reason"))
    expect(broken.id in reason, expected=f"a reason that names {broken.id}", got=reason)
    steps = [str(level.step) for level in track.levels[: index + 1]]
    expect(
        first.solution.steps() == steps, expected=f"calls for the steps {steps}", got=first.solution.steps()
    )


@then("the second has judged all three, in their order and with one seed")
def the_second_has_judged_all_three(
    rans: tuple[Ran, Ran, Level], track: Track, learner: Learner, completed: dict[str, Json]
) -> None:
    second = rans[1]
    steps = [str(level.step) for level in track.levels[:3]]
    expect(
        second.solution.steps() == steps, expected=f"calls for the steps {steps}", got=second.solution.steps()
    )
    seeds = {str(argument_of(call, "--seed")) for call in second.solution.calls()}
    expect(seeds == {str(second.shown.get("seed"))}, expected="the run's seed in each call", got=seeds)
    other = str(rans[0].shown.get("seed"))
    expect(other not in seeds, expected="another seed for another run", got=other)
    statuses = learner.statuses(track)[:4]
    wanted = ["COMPLETED", "COMPLETED", "COMPLETED", "IN_PROGRESS"]
    expect(statuses == wanted, expected=f"{wanted}", got=statuses)
    progress = learner.progress()
    for level in track.levels[:2]:
        before, after = (found[level.id].get("completed_at") for found in (completed, progress))
        expect(after == before, expected=f"completed_at {before}", got=after)


def argument_of(call: Json, name: str) -> object:
    arguments = call.get("arguments")
    assert isinstance(arguments, list)
    return arguments[arguments.index(name) + 1]


@dataclass(frozen=True)
class Refused:
    """What was asked for, and how that was answered."""

    answers: list[tuple[object, Exchange]]
    solution: Solution
    runs: int


@when("runs of levels are asked for that are not open", target_fixture="refused")
def runs_of_levels_are_asked_for_that_are_not_open(learner: Learner, track: Track) -> Refused:
    solution = learner.solution()
    locked = [*track.levels[1:], *learner.academy.tracks[0].levels[1:]]
    first = [(level.id, learner.ask(level, solution.path)) for level in locked]
    learner.completes(track.levels[0])
    runs = len(learner.runs())
    return Refused(
        [*first, *((level.id, learner.ask(level, solution.path)) for level in track.levels[2:])],
        solution,
        runs,
    )


@then("each is refused with 409, and no verifier was called")
def each_is_refused_with_409(refused: Refused, learner: Learner) -> None:
    for level, answer in refused.answers:
        body = is_problem(answer, CONFLICT)
        expect(body.get("code") == "level_locked", expected=f"level_locked for {level}", got=body.get("code"))
    expect(not refused.solution.calls(), expected="no call", got=refused.solution.steps())
    expect(len(learner.runs()) == refused.runs, expected=f"{refused.runs} runs", got=len(learner.runs()))


def outside(learner: Learner) -> Path:
    """Make a folder with a Procfile beside those of the class."""
    path = learner.folder.parent / f"{learner.name}x"
    path.mkdir()
    (path / "Procfile").write_text("web: true\n")
    return path


@when("runs are asked for with members that are missing, wrong, or none", target_fixture="refused")
def runs_are_asked_for_with_members_that_are_missing(learner: Learner, track: Track) -> Refused:
    solution, level = learner.solution(), track.levels[0].id
    folder, other = str(solution.path), outside(learner)
    (learner.folder / "link").symlink_to(other)
    (learner.folder / "empty").mkdir()
    (learner.folder / "file").touch()
    (learner.folder / "odd").mkdir()
    (learner.folder / "odd" / "Procfile").mkdir()
    right: dict[str, object] = {"level_id": level, "dir": folder}
    wrong: list[tuple[str, object]] = [
        ("#/status", right | {"status": "COMPLETED"}),
        ("#/seed", right | {"seed": "91c2"}),
        ("#/level_id", {"dir": folder}),
        ("#/dir", {"level_id": level}),
        ("#/level_id", right | {"level_id": f"{level}x"}),
        ("#/level_id", right | {"level_id": level.upper() + "/"}),
        ("#/level_id", right | {"level_id": 7}),
        ("#/dir", right | {"dir": os.path.relpath(folder)}),
        ("#/dir", right | {"dir": f"{folder}x"}),
        ("#/dir", right | {"dir": str(other)}),
        ("#/dir", right | {"dir": f"{learner.folder}/link"}),
        ("#/dir", right | {"dir": f"{learner.folder}/../{other.name}"}),
        ("#/dir", right | {"dir": f"{learner.folder}/empty"}),
        ("#/dir", right | {"dir": f"{learner.folder}/odd"}),
        ("#/dir", right | {"dir": f"{learner.folder}/file"}),
        ("#/dir", right | {"dir": f"{folder}/Procfile"}),
        ("#/dir", right | {"dir": ""}),
        ("#/dir", right | {"dir": f"{folder}\0"}),
        ("#/dir", right | {"dir": "/" + "a" * 5000}),
        ("#/dir", right | {"dir": "/" + "ä" * 300}),
        ("#", [right]),
    ]
    answers: list[tuple[object, Exchange]] = [
        (pointer, learner.client().request("POST", RUNS, json=body)) for pointer, body in wrong
    ]
    return Refused(answers, solution, 0)


@then("each is refused with a pointer to its mistake, and no run was made")
def each_is_refused_with_a_pointer(refused: Refused, learner: Learner) -> None:
    for pointer, answer in refused.answers:
        errors = is_problem(answer, INVALID).get("errors")
        found = [one.get("pointer") for one in errors] if isinstance(errors, list) else []
        expect(pointer in found, expected=f"a pointer to {pointer}", got=found, answer=answer)
    client = learner.client()
    is_problem(client.request("POST", RUNS, body=b"{", headers={"content-type": "application/json"}), 400)
    is_problem(client.request("POST", RUNS, body=b"{}", headers={"content-type": "text/plain"}), 415)
    for path in (f"{RUNS}/x", f"{RUNS}/{learner.academy.draw.uuid()}"):
        is_problem(client.get(path), HTTPStatus.NOT_FOUND)
        is_problem(client.request("DELETE", path), HTTPStatus.NOT_FOUND)
    expect(not learner.runs(), expected="no run", got=learner.runs())
    expect(not refused.solution.calls(), expected="no call of the verifier", got=refused.solution.steps())


@dataclass(frozen=True)
class Contended:
    """Answers to requests for one folder."""

    solution: Solution
    answers: list[Exchange]


@when(
    "runs of one folder are asked for at the same instant, by several names of it", target_fixture="contended"
)
def runs_of_one_folder_are_asked_for(learner: Learner, track: Track) -> Contended:
    level = track.levels[0]
    start, *rest = good(level.checks)
    solution = learner.solution({str(level.step): [[start, ["wait", "gate"], *rest], good(level.checks)]})
    alias = learner.folder / learner.academy.draw.word()
    alias.symlink_to(solution.path)
    path = str(solution.path)
    names = [path, f"{path}/", f"{path}/.", f"{path}/../{solution.path.name}", str(alias), f"/{path}"]
    bodies = [{"level_id": level.id, "dir": name} for name in names * 3]
    requests = [
        Request(
            "POST", RUNS, {**learner.headers, "content-type": "application/json"}, json.dumps(body).encode()
        )
        for body in bodies
    ]
    return Contended(solution, learner.academy.service.burst(requests))


@then("one is made, and the others are told where it is")
def one_is_made(contended: Contended, learner: Learner) -> None:
    made = [answer for answer in contended.answers if answer.status == ACCEPTED]
    statuses = sorted(answer.status for answer in contended.answers)
    wanted = [ACCEPTED, *[CONFLICT] * (len(contended.answers) - 1)]
    expect(statuses == wanted, expected=f"{wanted}", got=statuses)
    location = made[0].header("location")
    for answer in contended.answers:
        if answer.status == CONFLICT:
            body = is_problem(answer, CONFLICT)
            got = body.get("code"), answer.header("location")
            expect(got == ("run_active", location), expected=f"run_active, Location {location}", got=got)
    contended.solution.wait_for_calls(1)
    again = learner.ask(learner.academy.tracks[0].levels[0], contended.solution.path)
    is_problem(again, CONFLICT)


@then("when it has ended another one can be made")
def when_it_has_ended_another_one_can_be_made(contended: Contended, learner: Learner, track: Track) -> None:
    run = next(answer for answer in contended.answers if answer.status == ACCEPTED)
    contended.solution.open("gate")
    learner.ends(str(as_object(run)["id"]), "passed")
    learner.ends(learner.start(track.levels[0], contended.solution), "passed")
    expect(len(contended.solution.calls()) == 2, expected="two calls", got=len(contended.solution.calls()))


@dataclass
class Played:
    """Runs of one level, each with a script, and how each has to end."""

    learner: Learner
    level: Level
    runs: list[tuple[str, str, str, Solution]] = field(default_factory=list)

    def add(self, what: str, state: str, actions: Actions) -> None:
        solution = self.learner.solution({str(self.level.step): [actions]})
        self.runs.append((what, state, self.learner.start(self.level, solution), solution))

    def demand(self, track: Track) -> None:
        for what, state, run, _ in self.runs:
            shown = self.learner.wait_for(run, patience_seconds=2 * PATIENCE_SECONDS)
            got = f"{shown.get('state')}: {shown.get('reason')}"
            expect(shown.get("state") == state, expected=f"{state} of {what}", got=got)
            expect(bool(shown.get("reason")), expected=f"a reason why it is {state}: {what}", got=got)
            bad = [part for part in ("\x1b", "\0", "abcdefgh") if part in str(shown.get("reason"))]
            expect(
                not bad and len(got) < LONGEST_REASON, expected="a reason as text, and short", got=got[:300]
            )
        status = self.learner.statuses(track)[: track.levels.index(self.level) + 1]
        expect(status[-1] == "IN_PROGRESS", expected="IN_PROGRESS as before", got=status)


def played(learner: Learner, track: Track) -> Played:
    """Choose an open level, of which some are above another."""
    level = learner.academy.draw.choice(track.levels[:2])
    if level is not track.levels[0]:
        learner.completes(track.levels[0])
    return Played(learner, level)


@when("verifiers fail, crash, and say too little", target_fixture="all_played")
def verifiers_fail_crash_and_say_too_little(learner: Learner, track: Track) -> Played:
    all_played = played(learner, track)
    checks = all_played.level.checks
    draw = learner.academy.draw
    one = draw.choice(checks)
    passes = passing(checks)
    others: Actions = [["check", check, "pass"] for check in checks if check != one]
    add = all_played.add
    add("a check that fails", "failed", failing(checks, one))
    words = "it died: \x1b[31m\0SECRET_TOKEN=abcdefgh\ud800 " + "ä" * 5000
    add("a solution that does not start", "failed", [["start"], ["end", "no_target", words], ["exit", 3]])
    add("a verifier that is killed", "errored", [*passes, ["signal", draw.choice([9, 11, 15])]])
    add("a verifier that exits at once", "errored", [["exit", 0]])
    add("an exit code of its own fault", "errored", [*passes, ["end", "error"], ["exit", 4]])
    add("no end", "errored", [*passes, ["exit", 0]])
    add("no check executed", "errored", [["start"], ["end", "pass"], ["exit", 0]])
    not_run: Actions = [["check", check, "not_run"] for check in checks]
    add("only checks that were not run", "errored", [["start"], *not_run, ["end", "pass"], ["exit", 0]])
    add(
        "a check that was not run",
        "inconclusive",
        [["start"], ["check", one, "not_run"], *others, ["end", "pass"], ["exit", 0]],
    )
    add(
        "a check in error",
        "errored",
        [["start"], ["check", one, "error"], *others, ["end", "error"], ["exit", 4]],
    )
    return all_played


@when("verifiers say one thing and another", target_fixture="all_played")
def verifiers_say_one_thing_and_another(learner: Learner, track: Track) -> Played:
    all_played = played(learner, track)
    checks = all_played.level.checks
    one = learner.academy.draw.choice(checks)
    passes, fails = passing(checks), failing(checks, one)[:-2]
    others: Actions = [["check", check, "pass"] for check in checks if check != one]
    lies: dict[str, Actions] = {
        "exit code 0 after a failure": [*fails, ["end", "fail"], ["exit", 0]],
        "an end that passes after a failure": [*fails, ["end", "pass"], ["exit", 1]],
        "an end and an exit code that pass after a failure": [*fails, ["end", "pass"], ["exit", 0]],
        "exit code 1 after all have passed": [*passes, ["end", "pass"], ["exit", 1]],
        "an end that fails after all have passed": [*passes, ["end", "fail"], ["exit", 0]],
        "an exit code that nobody knows": [*passes, ["end", "pass"], ["exit", 5]],
        "a check without a verdict": [["start"], *others, ["end", "pass"], ["exit", 0]],
        "a check that was not named": [*passes, ["check", "C999", "pass"], ["end", "pass"], ["exit", 0]],
        "a check judged twice": [*fails, ["check", one, "pass"], ["end", "pass"], ["exit", 0]],
        "no beginning": [*passes[1:], ["end", "pass"], ["exit", 0]],
        "two beginnings": [["start", one], ["check", one, "fail"], *good(checks)],
        "a check after the end": [["start"], *others, ["end", "pass"], ["check", one, "pass"], ["exit", 0]],
        "no target, after a check": [*passes, ["end", "no_target", "gone"], ["exit", 3]],
        "a verdict that is none": [["start"], ["check", one, "PASS"], *others, ["end", "pass"], ["exit", 0]],
    }
    for what in learner.academy.draw.shuffle(lies):
        all_played.add(what, "errored", lies[what])
    return all_played


@then("each run ends as the contract has it, and completes nothing")
@then("each run is errored, and completes nothing")
def each_run_ends_as_the_contract_has_it(all_played: Played, track: Track) -> None:
    all_played.demand(track)
    level, learner = all_played.level, all_played.learner
    learner.ends(learner.start(level, learner.solution()), "passed", "a run that errs costs nothing")


@dataclass(frozen=True)
class Doubted:
    """Runs with checks that were inconclusive at first."""

    doubtful: list[str]
    mended: Ran
    hopeless: Ran
    broken: Ran


@when("checks are inconclusive once, for ever, or until they fail", target_fixture="doubted")
def checks_are_inconclusive(learner: Learner, track: Track) -> Doubted:
    level = track.levels[0]
    draw = learner.academy.draw
    doubtful = sorted(draw.shuffle(level.checks)[: draw.integer(1, len(level.checks) - 1)])
    verdicts: Actions = [
        ["check", check, "inconclusive" if check in doubtful else "pass"] for check in level.checks
    ]
    first: Actions = [["start"], *verdicts, ["end", "inconclusive"], ["exit", 2]]
    still: Actions = [["check", check, "inconclusive"] for check in doubtful]
    again: Actions = [["start"], *still, *first[-2:]]
    rans = []
    for only, state in (
        ([good(doubtful)], "passed"),
        ([again], "inconclusive"),
        ([again, failing(doubtful, doubtful[0])], "failed"),
    ):
        solution = learner.solution({str(level.step): [first], "only": only})
        run = learner.start(level, solution)
        rans.append(Ran(solution, learner.ends(run, state), level))
        if state == "passed":
            status = learner.statuses(track)[0]
            expect(status == "COMPLETED", expected="COMPLETED", got=status)
    return Doubted(doubtful, *rans)


@then("they were asked for again alone, and the last verdict counts")
def they_were_asked_for_again_alone(doubted: Doubted) -> None:
    wanted: list[tuple[Ran, list[str]]] = [
        (doubted.mended, ["inconclusive", "pass"]),
        (doubted.hopeless, ["inconclusive"] * 3),
        (doubted.broken, ["inconclusive", "inconclusive", "fail"]),
    ]
    for ran, verdicts in wanted:
        checks = checks_in(level_reports(ran.shown)[0])
        got = [one.get("verdict") for one in tries_of(checks[doubted.doubtful[0]])]
        expect(got == verdicts, expected=f"the verdicts {verdicts}", got=got)
        last = checks[doubted.doubtful[0]].get("verdict")
        expect(last == verdicts[-1], expected=f"verdict {verdicts[-1]}", got=last)
        for name, check in checks.items():
            if name not in doubted.doubtful:
                expect(len(tries_of(check)) == 1, expected=f"{name} judged once", got=tries_of(check))
        calls = ran.solution.calls()
        expect(len(calls) == len(verdicts), expected=f"{len(verdicts)} calls", got=ran.solution.steps())
        for call in calls[1:]:
            asked = str(argument_of(call, "--only")).split(",")
            expect(sorted(asked) == doubted.doubtful, expected=f"--only {doubted.doubtful}", got=asked)
            seed = argument_of(call, "--seed")
            expect(seed == ran.shown.get("seed"), expected="the same seed", got=seed)


@dataclass(frozen=True)
class Printed:
    """A run whose verifier has printed much."""

    shown: Json
    limit_bytes: int
    secret: str
    report: str
    long_report: str


@when("a verifier prints colours, markup, secrets and a million lines", target_fixture="printed")
def a_verifier_prints(learner: Learner, track: Track) -> Printed:
    level = track.levels[0]
    draw: Draw = learner.academy.draw
    limit_bytes = int(learner.academy.settings["OUTPUT_LIMIT_BYTES"])
    secret = draw.text(24)
    lines = [
        f"Authorization: Bearer {secret}",
        f"\x1b[1mauthorization\x1b[0m: basic {secret}",
        f"postgresql://me:{secret}@db:5432/x",
        f"SESSION_TOKEN={secret}",
        f'{{"password": "{secret}"}}',
        f"SESSION_TO\x1b[1mKEN={secret}",
        f"Authorization: Bearer {secret[:12]}\x1b[0m{secret[12:]}",
    ]
    loud = "\x1b[31m<b>red</b>\x1b[0m\x07 \x1b]0;title\x07 grün\u202e \x9bx \ud800 & größer\r\n\tend"
    report = f"{loud} {draw.choice(lines)} {draw.choice(lines)}"
    long_report = "ä" * (limit_bytes // 2 + draw.integer(1, 400))
    printed: Actions = [["say", f"{{ {line}"] for line in draw.shuffle(lines)]
    actions: Actions = [
        ["start"],
        *printed,
        ["say", loud],
        ["mutter", f"on stderr {lines[0]}"],
        ["check", level.checks[0], "pass", report],
        ["check", level.checks[1], "pass", long_report],
        ["repeat", 1_000_000, "a line like many others"],
        *good(level.checks[2:])[1:],
    ]
    run = learner.start(level, learner.solution({str(level.step): [actions]}))
    shown = learner.wait_for(run, patience_seconds=2 * PATIENCE_SECONDS)
    expect(
        shown.get("state") == "passed", expected="passed", got=f"{shown.get('state')}: {shown.get('reason')}"
    )
    return Printed(shown, limit_bytes, secret, report, long_report)


@then("what is kept is text, without secrets, and no longer than it may be")
def what_is_kept_is_text(printed: Printed) -> None:
    checks = list(checks_in(level_reports(printed.shown)[0]).values())
    short, long = (text_of(tries_of(check)[0].get("report")) for check in checks[:2])
    output = text_of(printed.shown.get("output"))
    for text in (short, long, output):
        shown = str(text.get("text"))
        bad = sorted({character for character in shown if ord(character) < 32 and character not in "\n\t"})
        bad += [character for character in shown if character in "\x7f\x9b\u202e\ud800"]
        expect(not bad, expected="text without control characters", got=f"{bad} in {shown[:200]!r}")
        half = len(printed.secret) // 2
        parts = (printed.secret[:half], printed.secret[half:])
        expect(not any(part in shown for part in parts), expected="no part of a secret", got=shown[:400])
        size = len(shown.encode())
        expect(size <= printed.limit_bytes, expected=f"at most {printed.limit_bytes} bytes", got=size)
    got = str(short.get("text"))
    for part in ("<b>red</b>", "grün", "& größer\n\tend"):
        expect(part in got, expected=f"a report with {part!r}", got=got)
    expect(short.get("truncated") is False, expected="a whole report", got=short)
    wanted = {"truncated": True, "bytes_total": len(printed.long_report.encode())}
    found = {name: long.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", got=found)
    expect(set(str(long.get("text"))) == {"ä"}, expected="whole characters", got=str(long.get("text"))[-20:])
    least = printed.limit_bytes - 1
    expect(
        len(str(long.get("text")).encode()) >= least,
        expected=f"{least} bytes or more",
        got=len(str(long.get("text")).encode()),
    )
    total = output.get("bytes_total")
    enough = isinstance(total, int) and total >= 24_000_000
    expect(
        enough and output.get("truncated") is True,
        expected="an output of more than 24,000,000 bytes, cut",
        got=total,
    )
    expect(
        "on stderr" in str(output.get("text")) or least < 900,
        expected="stderr in the output",
        got=str(output.get("text"))[:300],
    )


def text_of(value: object) -> Json:
    expect(isinstance(value, dict), expected="text, truncated and bytes_total", got=value)
    return value if isinstance(value, dict) else {}


@when("a verifier looks at its environment", target_fixture="environment")
def a_verifier_looks_at_its_environment(learner: Learner, track: Track) -> Mapping[str, str]:
    level = track.levels[0]
    solution = learner.solution({str(level.step): [[["environment"], *good(level.checks)]]})
    learner.ends(learner.start(level, solution), "passed")
    found: Mapping[str, str] = json.loads((solution.path / "environment.json").read_text())
    return found


@then("nothing of the service's is in it")
def nothing_of_the_services_is_in_it(environment: Mapping[str, str], learner: Learner) -> None:
    for name in ("DATABASE_URL", "OPERATOR_TOKEN", "PGPASSWORD", "PORT"):
        expect(name not in environment, expected=f"no {name}", got="one")
    token = learner.academy.settings["OPERATOR_TOKEN"]
    holding = [name for name, value in environment.items() if token in value]
    expect(not holding, expected="nowhere the operator's token", got=holding)
    expect("PATH" in environment, expected="a PATH", got="none")
