"""Steps of refusals.feature."""

import json
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, Request, as_object, expect, is_problem

from .academy import ACCEPTED, CONFLICT, INVALID, RUNS, Learner
from .catalogue import Track
from .solutions import Solution, good

scenarios("refusals.feature")


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
