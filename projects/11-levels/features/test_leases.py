"""Steps of leases.feature."""

import time
from dataclasses import dataclass

from pytest_bdd import given, scenarios, then, when

from kata.steps import (
    ROWS_HELD,
    Exchange,
    Instance,
    describe_stop,
    expect,
    is_problem,
    writers_held,
)

from .academy import (
    FINAL,
    GRACE_SECONDS,
    NOT_FOUND,
    OK,
    RECEIPTS,
    RUNS,
    SIGNS_OFF_SECONDS,
    UNAVAILABLE,
    Learner,
    checks_in,
    level_reports,
    tries_of,
)
from .catalogue import Level, Track
from .solutions import PATIENCE_SECONDS, POLL_SECONDS, Actions, Json, Solution, good

STOP_SECONDS = 10.0
COMES_BACK_SECONDS = 1.0  # two renewals of a lease, and what a worker says then
ANSWER_SECONDS = 3.0
CLAIMS = 3
QUEUED = 16
LONGEST_HOLD_SECONDS = 0.8  # workers look for runs more often

scenarios("leases.feature")


@dataclass(frozen=True)
class Held:
    """A run in the hands of one worker, while the other one stands still."""

    run: str
    solution: Solution
    level: Level
    holder: Instance
    spare: Instance
    port: int


@given("a run that one worker judges", target_fixture="held")
def a_run_that_one_worker_judges(learner: Learner, track: Track) -> Held:
    """The first verifier says that a check has failed, and hangs; the next one passes all."""
    academy, level = learner.academy, track.levels[0]
    port = academy.draw.port()
    first: Actions = [
        ["stubborn"],
        ["listen", port],
        ["start"],
        ["check", level.checks[0], "fail"],
        ["wait", "never"],
    ]
    second: Actions = [["start"], ["wait", "gate"], *good(level.checks)[1:]]
    solution = learner.solution({str(level.step): [first, second]})
    holder, spare = academy.draw.shuffle(academy.service.workers)
    spare.pause()
    run = learner.start(level, solution)
    solution.wait_for_calls(1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not checks_in((level_reports(learner.show(run)) or [{}])[0]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return Held(run, solution, level, holder, spare, port)


@when("that worker is killed", target_fixture="killed_at")
def that_worker_is_killed(held: Held) -> float:
    held.holder.kill()
    held.spare.resume()
    return time.monotonic()


@then("nothing of its verifier is left, and the run is taken up within the lease and two seconds")
def nothing_of_its_verifier_is_left(held: Held, learner: Learner, killed_at: float) -> None:
    most = learner.academy.lease_seconds + GRACE_SECONDS
    held.solution.wait_for_calls(2, most + PATIENCE_SECONDS)
    took = time.monotonic() - killed_at
    expect(took <= most, expected=f"within {most:.1f} s", got=f"{took:.2f} s", timing=True)
    first = first_of(held.solution)
    first.demand_nothing_left("a run whose worker is gone has no process of its old verifier", [held.port])


@dataclass
class FirstVerifier(Solution):
    """The processes of the first call alone."""

    def pids(self) -> list[int]:
        return super().pids()[:2]


def first_of(solution: Solution) -> FirstVerifier:
    return FirstVerifier(solution.path)


@then("it ends once, with what the second verifier has said")
def it_ends_once(held: Held, learner: Learner, track: Track) -> None:
    held.solution.open("gate")
    shown = learner.ends(held.run, "passed")
    check = checks_in(level_reports(shown)[0])[held.level.checks[0]]
    verdicts = [one.get("verdict") for one in tries_of(check)]
    expect(verdicts == ["pass"], expected="what the second verifier has said, alone", got=verdicts)
    expect(len(held.solution.calls()) == 2, expected="two calls", got=len(held.solution.calls()))
    status = learner.statuses(track)[0]
    expect(status == "COMPLETED", expected="COMPLETED", got=status)


@when(
    "that worker stands still past its lease, and comes back while the other one judges the run",
    target_fixture="judged",
)
def that_worker_stands_still(held: Held, learner: Learner) -> Json:
    held.holder.pause()
    held.spare.resume()
    most = learner.academy.lease_seconds + GRACE_SECONDS + PATIENCE_SECONDS
    held.solution.wait_for_calls(2, most)
    # Its verifier is stubborn: it is given two seconds to end by itself.
    deadline = time.monotonic() + GRACE_SECONDS + SIGNS_OFF_SECONDS
    first = first_of(held.solution)
    while time.monotonic() < deadline:
        try:
            first.demand_nothing_left("", [held.port])
        except AssertionError:
            time.sleep(POLL_SECONDS)
        else:
            break
    first.demand_nothing_left("a verifier lives no longer than the lease of its worker", [held.port])
    before = shown_when_begun(learner, held.run)
    held.holder.resume()
    time.sleep(COMES_BACK_SECONDS)
    shown = learner.show(held.run)
    expect(shown == before, expected=f"the run as it was: {before}", got=shown)
    held.solution.open("gate")
    return learner.ends(held.run, "passed")


def shown_when_begun(learner: Learner, run: str) -> Json:
    """Show a run when its verifier's first event is kept, which is a moment after the verifier was called."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (shown := learner.show(run)).get("state") == "running" and time.monotonic() < deadline:
        if any(level.get("state") == "running" for level in level_reports(shown)):
            break
        time.sleep(POLL_SECONDS)
    return shown


@then("its verifier had ended with the lease, and the run is as the other one has left it")
def its_verifier_had_ended(held: Held, learner: Learner, judged: Json) -> None:
    other = learner.solution()
    held.spare.pause()  # the one that comes back works again
    learner.ends(learner.start(held.level, other), "passed")
    held.spare.resume()
    shown = learner.show(held.run)
    expect(shown == judged, expected="the run as it was", got=shown)


@when("each worker that judges it is killed")
def each_worker_that_judges_it_is_killed(held: Held, learner: Learner) -> None:
    victim, heir = held.holder, held.spare
    most = learner.academy.lease_seconds + GRACE_SECONDS + PATIENCE_SECONDS
    heir.resume()
    for number in range(1, CLAIMS + 1):
        held.solution.wait_for_calls(number, most)
        victim.kill()
        if not heir.alive:
            heir.restart()
        victim, heir = heir, victim


@then("it is errored after three workers, and the folder can be judged again")
def it_is_errored_after_three_workers(held: Held, learner: Learner) -> None:
    deadline = time.monotonic() + learner.academy.lease_seconds + GRACE_SECONDS + PATIENCE_SECONDS
    while len(held.solution.calls()) <= CLAIMS and time.monotonic() < deadline:
        if learner.show(held.run).get("state") in FINAL:
            break
        time.sleep(POLL_SECONDS)
    expect(len(held.solution.calls()) == CLAIMS, expected=f"{CLAIMS} calls", got=len(held.solution.calls()))
    shown = learner.wait_for(held.run, FINAL, 0.0)
    expect(shown.get("state") == "errored", expected="errored", got=shown.get("state"))
    held.solution.open("gate")
    learner.ends(learner.start(held.level, held.solution), "passed")


@when("many runs are queued", target_fixture="queued")
def many_runs_are_queued(learner: Learner, track: Track) -> list[tuple[str, Solution]]:
    level = track.levels[0]
    academy = learner.academy
    for worker in academy.service.workers:
        worker.pause()
    solutions = [learner.solution() for _ in range(QUEUED)]
    queued = [(learner.start(level, solution), solution) for solution in solutions]
    # Who does not skip what somebody else holds waits for the first one, and so does the other.
    with writers_held(academy.service.postgres, ROWS_HELD) as onlooker:
        for worker in academy.service.workers:
            worker.resume()
        onlooker.wait_for(len(academy.service.workers), LONGEST_HOLD_SECONDS)
    return queued


@then("each has ended once, and was judged once")
def each_has_ended_once(queued: list[tuple[str, Solution]], learner: Learner) -> None:
    for run, _ in queued:
        learner.ends(run, "passed")
    for _, solution in queued:
        expect(len(solution.calls()) == 1, expected="one call each", got=solution.steps())


@when("that worker is told to stop", target_fixture="stopped")
def that_worker_is_told_to_stop(held: Held) -> tuple[int | None, float]:
    exit_code = held.holder.terminate(STOP_SECONDS)
    held.spare.resume()
    return exit_code, time.monotonic()


@then("it ends with exit code 0, and the other one takes the run up at once")
def it_ends_with_exit_code_0(stopped: tuple[int | None, float], held: Held, learner: Learner) -> None:
    exit_code, stopped_at = stopped
    expect(exit_code == 0, expected="exit code 0", got=describe_stop(exit_code))
    first_of(held.solution).demand_nothing_left("a worker that stops leaves nothing behind", [held.port])
    held.solution.wait_for_calls(2)
    took = time.monotonic() - stopped_at
    expect(took <= 1.0, expected="within a second", got=f"{took:.2f} s", timing=True)
    held.solution.open("gate")
    learner.ends(held.run, "passed")


@when("PostgreSQL is down or silent while a run is judged", target_fixture="lost")
def postgresql_is_down_or_silent(learner: Learner) -> tuple[str, list[Exchange]]:
    academy = learner.academy
    level = academy.tracks[0].levels[0]
    start, *rest = good(level.checks)
    solution = learner.solution({str(level.step): [[start, ["sleep", 0.5], *rest]]})
    run = learner.start(level, solution)
    solution.wait_for_calls(1)
    proxy = academy.service.postgres.proxy
    academy.draw.choice([proxy.cut, proxy.black_hole])()
    # Shorter than a lease, or longer.
    until = time.monotonic() + academy.draw.choice([0.8, 4.0])
    answers = []
    while True:
        answers.append(learner.client().get(f"{RUNS}/{run}"))
        if time.monotonic() >= until:
            break
    proxy.pass_through()
    return run, answers


@then("requests are answered with 503 in time, and the run passes when PostgreSQL is back")
def requests_are_answered_with_503(lost: tuple[str, list[Exchange]], learner: Learner) -> None:
    run, answers = lost
    for answer in answers:
        is_problem(answer, UNAVAILABLE)
        took = answer.received - answer.sent
        expect(
            took <= ANSWER_SECONDS, expected=f"within {ANSWER_SECONDS:g} s", got=f"{took:.2f} s", timing=True
        )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while learner.client().get(f"{RUNS}/{run}").status != OK and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    learner.ends(run, "passed")
    is_problem(learner.client().get(f"{RECEIPTS}/{run}"), NOT_FOUND, "without a key there are no receipts")
