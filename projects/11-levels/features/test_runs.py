"""Steps of runs.feature."""

from datetime import UTC, datetime, timedelta

from pytest_bdd import given, scenarios, then, when

from kata.steps import as_object, describe_answer, expect

from .academy import ACCEPTED, RUNS, Learner, Ran, checks_in, level_reports, tries_of
from .catalogue import Level, Track
from .solutions import Json, Script, argument_of, failing, good

CLOCK = timedelta(seconds=1)

scenarios("runs.feature")


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
