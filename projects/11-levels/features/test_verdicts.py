"""Steps of verdicts.feature."""

from dataclasses import dataclass, field

from pytest_bdd import scenarios, then, when

from kata.steps import expect

from .academy import Learner, Ran, checks_in, level_reports, tries_of
from .catalogue import Level, Track
from .solutions import PATIENCE_SECONDS, Actions, Solution, argument_of, failing, good, passing

LONGEST_REASON = 1200

scenarios("verdicts.feature")


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
