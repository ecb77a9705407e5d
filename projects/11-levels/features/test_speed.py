"""Steps of speed.feature."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, as_object, describe_answer, expect, is_problem

from .academy import ACCEPTED, CONFLICT, FINAL, INVALID, OK, RECEIPTS, RUNS, Academy, Learner
from .catalogue import Track, short_track
from .solutions import PATIENCE_SECONDS, POLL_SECONDS, RUN_POLL_SECONDS, Json, Solution, failing, good

SPEED_RUNS, BESTS = "/api/v1/speed-runs", "/api/v1/bests"
MEMBERS = {"id", "track_id", "state", "started_at", "duration_ms"}
WAITED_SECONDS = 0.8
SLACK_MS = 60  # of two clocks that are read one after the other
NOT_FOUND = 404

scenarios("speed.feature")


@pytest.fixture
def track(academy: Academy) -> Track:
    """Choose the track that takes the fewest runs to be completed: each of its levels has one of its own."""
    return short_track(academy.tracks)


def asks(learner: Learner, track: Track, solution: Solution) -> Exchange:
    body = {"track_id": track.document["id"], "dir": str(solution.path)}
    return learner.client().request("POST", SPEED_RUNS, json=body)


def races(learner: Learner, track: Track, solution: Solution) -> str:
    answer = asks(learner, track, solution)
    expect(answer.status == ACCEPTED, expected="202", got=f"{describe_answer(answer)} {answer.text[:200]}")
    run = str(as_object(answer)["id"])
    location = answer.header("location")
    expect(location == f"{SPEED_RUNS}/{run}", expected=f"Location: {SPEED_RUNS}/{run}", got=location)
    return run


def finishes(learner: Learner, run: str) -> Json:
    """Return a speed run as it is told at its end."""
    return seen_to_its_end(learner, run, RUN_POLL_SECONDS)[0]


def seen_to_its_end(learner: Learner, run: str, poll_seconds: float) -> tuple[Json, float]:
    """Return a speed run as it is told at its end, and when it was surely not over yet."""
    unfinished_at = time.monotonic()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = learner.client().get(f"{SPEED_RUNS}/{run}")
        expect(answer.status == OK, expected="200", got=describe_answer(answer))
        shown = as_object(answer)
        expect(set(shown) == MEMBERS, expected=f"{sorted(MEMBERS)}", got=sorted(shown))
        if shown["state"] in FINAL or time.monotonic() > deadline:
            break
        expect(shown["duration_ms"] is None, expected="no time before the end", got=shown["duration_ms"])
        unfinished_at = answer.sent
        time.sleep(poll_seconds)
    expect(shown["state"] in FINAL, expected="an end", got=shown["state"], timing=True)
    return shown, unfinished_at


@dataclass(frozen=True)
class Raced:
    """A speed run, and the time that it took as its client sees it."""

    shown: Json
    solution: Solution
    least_ms: float
    most_ms: float


@when("speed runs of it pass and fail, after they have waited for a worker", target_fixture="raced")
def speed_runs_of_it_pass_and_fail(learner: Learner, track: Track) -> dict[str, Raced]:
    level = learner.academy.draw.choice(track.levels)
    bad = {str(level.step): [failing(level.checks, level.checks[0])]}
    found: dict[str, Raced] = {}
    for state, script in (("passed", {}), ("failed", bad)):
        solution = learner.solution(script)
        for worker in learner.academy.service.workers:
            worker.pause()
        sent = time.monotonic()
        run = races(learner, track, solution)
        answered = time.monotonic()
        time.sleep(WAITED_SECONDS)
        for worker in learner.academy.service.workers:
            worker.resume()
        shown, unfinished_at = seen_to_its_end(learner, run, POLL_SECONDS)
        most = time.monotonic() - sent
        found[state] = Raced(shown, solution, (unfinished_at - answered) * 1000, most * 1000)
    return found


@then("each is told with its time from the request on, and nothing else")
def each_is_told_with_its_time(raced: dict[str, Raced], learner: Learner, track: Track) -> None:
    client = learner.client()
    for state, one in raced.items():
        shown = one.shown
        expect(shown["state"] == state, expected=state, got=shown["state"])
        expect(
            shown["track_id"] == track.document["id"],
            expected=f"{track.document['id']}",
            got=shown["track_id"],
        )
        started = datetime.fromisoformat(str(shown["started_at"]))
        expect(abs((datetime.now(UTC) - started).total_seconds()) < 120, expected="about now", got=started)
        took = shown["duration_ms"]
        right = isinstance(took, int) and one.least_ms - SLACK_MS <= took <= one.most_ms + SLACK_MS
        expect(right, expected=f"{one.least_ms:.0f} to {one.most_ms:.0f} ms", got=took)
        for path in (f"{RUNS}/{shown['id']}", f"{RUNS}/{shown['id']}/events", f"{RECEIPTS}/{shown['id']}"):
            is_problem(client.get(path), NOT_FOUND)
        is_problem(client.request("DELETE", f"{RUNS}/{shown['id']}"), NOT_FOUND)
        listed = [run["id"] for run in learner.runs()]
        expect(shown["id"] not in listed, expected="no speed run in the list of runs", got=listed)
        code = is_problem(client.request("DELETE", f"{SPEED_RUNS}/{shown['id']}"), CONFLICT).get("code")
        expect(code == "run_finished", expected="run_finished", got=code)
    other = learner.academy.learner()
    is_problem(other.client().get(f"{SPEED_RUNS}/{raced['passed'].shown['id']}"), NOT_FOUND)
    is_problem(client.get(f"{SPEED_RUNS}/{learner.runs()[0]['id']}"), NOT_FOUND)


@then("all levels were judged in it, and the progress is as it was")
def all_levels_were_judged_in_it(raced: dict[str, Raced], learner: Learner, track: Track) -> None:
    steps = [str(level.step) for level in track.levels]
    got = raced["passed"].solution.steps()
    expect(got == steps, expected=f"calls for the steps {steps}", got=got)
    failed = raced["failed"].solution.steps()
    expect(failed == steps[: len(failed)], expected="calls up to the failure", got=failed)
    seeds = {str(call["arguments"]).split("--seed', '")[1][:8] for call in raced["passed"].solution.calls()}
    expect(len(seeds) == 1, expected="one seed", got=seeds)
    statuses = set(map(str, learner.statuses(track)))
    expect(statuses == {"COMPLETED"}, expected="COMPLETED as before", got=statuses)


@when("speed runs are asked for of tracks that are not completed, or not there", target_fixture="refused")
def speed_runs_are_asked_for(learner: Learner, track: Track) -> Solution:
    solution = learner.solution()
    answers = [asks(learner, track, solution)]
    learner.completes(track.levels[-2])
    answers.append(asks(learner, track, solution))
    for answer in answers:
        code = is_problem(answer, CONFLICT).get("code")
        expect(code == "level_locked", expected="level_locked", got=code)
    return solution


@then("each is refused, and no verifier was called")
def each_is_refused(refused: Solution, learner: Learner, track: Track) -> None:
    name, folder = track.document["id"], str(refused.path)
    wrong: list[tuple[str, object]] = [
        ("#/track_id", {"track_id": f"{name}x", "dir": folder}),
        ("#/track_id", {"track_id": track.levels[0].id, "dir": folder}),
        ("#/dir", {"track_id": name, "dir": f"{folder}x"}),
        ("#/dir", {"track_id": name}),
        ("#/duration_ms", {"track_id": name, "dir": folder, "duration_ms": 1}),
    ]
    for pointer, body in wrong:
        answer = learner.client().request("POST", SPEED_RUNS, json=body)
        errors = is_problem(answer, INVALID).get("errors")
        found = [one.get("pointer") for one in errors] if isinstance(errors, list) else []
        expect(pointer in found, expected=f"a pointer to {pointer}", got=found, answer=answer)
    expect(not refused.calls(), expected="no call of the verifier", got=refused.steps())


@when(
    "speed runs of several folders are asked for at the same instant, by the learner and by somebody else",
    target_fixture="answers",
)
def speed_runs_of_several_folders(learner: Learner, track: Track) -> dict[str, list[Exchange]]:
    other = learner.academy.learner()
    other.completes(track.levels[-1])
    level = track.levels[0]
    start, *rest = good(level.checks)
    found: dict[str, list[Exchange]] = {}
    for one in (learner, other):
        solutions = [one.solution({str(level.step): [[start, ["wait", "gate"], *rest]]}) for _ in range(6)]
        requests = [
            Request(
                "POST",
                SPEED_RUNS,
                {**one.headers, "content-type": "application/json"},
                json.dumps({"track_id": track.document["id"], "dir": str(solution.path)}).encode(),
            )
            for solution in solutions
        ]
        found[one.name] = learner.academy.service.burst(requests)
        locations = {answer.header("location") for answer in found[one.name]}
        again = asks(one, track, one.solution())
        expect(
            {again.header("location")} == locations,
            expected=f"Location {locations}",
            got=again.header("location"),
        )
        for solution in solutions:
            solution.open("gate")
    return found


@then("each of them has one, and the others are told where it is")
def each_of_them_has_one(answers: dict[str, list[Exchange]], learner: Learner, track: Track) -> None:
    for found in answers.values():
        statuses = sorted(answer.status for answer in found)
        wanted = [ACCEPTED, *[CONFLICT] * (len(found) - 1)]
        expect(statuses == wanted, expected=f"{wanted}", got=statuses)
        for answer in found:
            if answer.status == CONFLICT:
                code = is_problem(answer, CONFLICT).get("code")
                expect(code == "run_active", expected="run_active", got=code)
    mine = next(answer for answer in answers[learner.name] if answer.status == ACCEPTED)
    shown = finishes(learner, str(as_object(mine)["id"]))
    expect(shown["state"] == "passed", expected="passed", got=shown["state"])
    again = races(learner, track, learner.solution())
    expect(
        finishes(learner, again)["state"] == "passed", expected="passed, when the first has ended", got="not"
    )


@when("speed runs take a while, less, and longer, and others do not pass", target_fixture="times")
def speed_runs_take_a_while(learner: Learner, track: Track) -> list[Json]:
    level = track.levels[0]
    start, *rest = good(level.checks)
    empty = as_object(learner.client().get(BESTS)).get("items")
    expect(empty == [], expected="no best time yet", got=empty)
    times = []
    for seconds in (0.7, 0.0, 1.2):
        solution = learner.solution({str(level.step): [[start, ["sleep", seconds], *rest]]})
        times.append(finishes(learner, races(learner, track, solution)))
    for actions in (failing(level.checks, level.checks[0]), [["exit", 0]]):
        finishes(learner, races(learner, track, learner.solution({str(level.step): [actions]})))
    return times


@then("the second is the best, and nobody else has it")
def the_second_is_the_best(times: list[Json], learner: Learner, track: Track) -> None:
    answer = learner.client().get(BESTS)
    expect(answer.status == OK, expected="200", got=describe_answer(answer))
    items = as_object(answer).get("items")
    found = [dict(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    best = min(times, key=lambda shown: int(str(shown["duration_ms"])))
    wanted = [(track.document["id"], best["id"], best["duration_ms"])]
    got = [(one.get("track_id"), one.get("run_id"), one.get("duration_ms")) for one in found]
    near = [
        (name, run, took)
        for name, run, took in wanted
        if got and abs(int(str(got[0][2])) - int(str(took))) <= 1
    ]
    expect(len(got) == 1 and got[0][:2] == wanted[0][:2] and bool(near), expected=f"{wanted}", got=got)
    other = learner.academy.learner()
    other.completes(track.levels[-1])
    theirs = as_object(other.client().get(BESTS)).get("items")
    expect(theirs == [], expected="no best time of somebody else", got=theirs)
