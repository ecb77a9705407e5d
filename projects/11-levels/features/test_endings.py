"""Steps of endings.feature."""

import socket
import time
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Inconclusive,
    as_object,
    describe_answer,
    expect,
    is_problem,
)

from .academy import ACCEPTED, CONFLICT, GRACE_SECONDS, RUNS, SIGNS_OFF_SECONDS, Learner
from .catalogue import Track
from .solutions import PATIENCE_SECONDS, POLL_SECONDS, Actions, Json, Solution, good, passing

scenarios("endings.feature")


@dataclass(frozen=True)
class Cancelled:
    """What was cancelled, and what that was answered with."""

    running: tuple[Solution, Json, int]
    ended: Json
    waiting: Json


@when("runs are cancelled that wait, that run, and that have ended", target_fixture="cancelled")
def runs_are_cancelled(learner: Learner, track: Track) -> Cancelled:
    academy, level = learner.academy, track.levels[0]
    port = academy.draw.port()
    hangs: Actions = [["stubborn"], ["listen", port], *passing(level.checks)[:2], ["wait", "never"]]
    solution, other = learner.solution({str(level.step): [hangs]}), learner.solution()
    ended = learner.ends(learner.start(level, other), "passed")
    run = learner.start(level, solution)
    solution.wait_for_calls(1)
    wait_for_port(port)
    for worker in academy.service.workers:
        worker.pause()
    waiting = learner.start(level, other)
    cancels(learner, waiting)
    shown = learner.show(waiting)
    expect(shown.get("state") == "cancelled", expected="cancelled at once", got=shown.get("state"))
    expect(cancels(learner, waiting).get("state") == "cancelled", expected="cancelled as before", got=shown)
    for worker in academy.service.workers:
        worker.resume()
    cancels(learner, run)
    return Cancelled((solution, learner.wait_for(run), port), ended, learner.show(waiting))


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(POLL_SECONDS)
    raise Inconclusive("the verifier's child did not listen")


def cancels(learner: Learner, run: str) -> Json:
    answer = learner.client().request("DELETE", f"{RUNS}/{run}")
    expect(answer.status == ACCEPTED, expected="202 for a cancel", got=describe_answer(answer))
    return as_object(answer)


@then("what ran has left no process and no port, and what had ended stays as it was")
def what_ran_has_left_no_process(cancelled: Cancelled, learner: Learner, track: Track) -> None:
    solution, shown, port = cancelled.running
    expect(shown.get("state") == "cancelled", expected="cancelled", got=shown.get("state"))
    solution.demand_nothing_left("when a run is cancelled nothing of it is left", [port])
    expect(cancelled.waiting.get("state") == "cancelled", expected="cancelled", got=cancelled.waiting)
    run = str(cancelled.ended["id"])
    answer = learner.client().request("DELETE", f"{RUNS}/{run}")
    code = is_problem(answer, CONFLICT).get("code")
    expect(code == "run_finished", expected="run_finished", got=code)
    expect(learner.show(run) == cancelled.ended, expected="the run as it was", got=learner.show(run))
    calls = len(solution.calls())
    learner.ends(learner.start(track.levels[0], learner.solution()), "passed")
    expect(
        len(solution.calls()) == calls == 1,
        expected="one call for the cancelled run",
        got=len(solution.calls()),
    )


@when(
    "a verifier ends by itself, and leaves a process behind that has left its session", target_fixture="left"
)
def a_verifier_ends_by_itself(learner: Learner, track: Track) -> tuple[Solution, str, int]:
    level, port = track.levels[0], learner.academy.draw.port()
    solution = learner.solution({str(level.step): [[["listen", port], *good(level.checks)]]})
    return solution, learner.start(level, solution), port


@then("the run passes, and no process and no port is left")
def the_run_passes(left: tuple[Solution, str, int], learner: Learner) -> None:
    solution, run, port = left
    learner.ends(run, "passed")
    solution.demand_nothing_left("when a run has ended nothing of it is left", [port])
    expect(len(solution.pids()) == 2, expected="a process that was left behind", got=solution.pids())


@when("a verifier hangs, and hears no signal", target_fixture="hung")
def a_verifier_hangs(learner: Learner) -> tuple[Solution, str, float]:
    level = learner.academy.tracks[0].levels[0]
    hangs: Actions = [["stubborn"], *passing(level.checks), ["wait", "never"]]
    solution = learner.solution({str(level.step): [hangs]})
    run = learner.start(level, solution)
    solution.wait_for_calls(1)
    return solution, run, time.monotonic()


@then("the run is errored in time, and nothing is left")
def the_run_is_errored_in_time(hung: tuple[Solution, str, float], learner: Learner) -> None:
    solution, run, began = hung
    shown = learner.ends(run, "errored")
    took = time.monotonic() - began
    limit = float(learner.academy.settings["RUN_TIMEOUT_SECONDS"])
    right = limit - 1 <= took <= limit + GRACE_SECONDS + SIGNS_OFF_SECONDS
    expect(right, expected=f"an end about {limit:g} s after its beginning", got=f"{took:.1f} s", timing=True)
    solution.demand_nothing_left("when a run has ended nothing of it is left")
    expect(
        "within" in str(shown.get("reason")), expected="a reason that names the time", got=shown.get("reason")
    )
    level = learner.academy.tracks[0].levels[0]
    learner.ends(learner.start(level, learner.solution()), "passed", "the worker goes on to the next run")
