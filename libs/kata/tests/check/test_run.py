from dataclasses import replace

from kata.catalog.checks import Check
from kata.check.run import Collected, End, Judged, NoTarget, Run, Started, TryStart
from kata.check.scheduling import Job, Judge
from kata.errors import TargetError
from kata.judge.verdicts import CheckResult, Verdict

JOBS = [Job(position, Check(f"C{position}", "It is so", None, None, None), "it is") for position in range(2)]
PASSED = [CheckResult(f"C{position}", "It is so", None, Verdict.PASS, 0.1) for position in range(2)]
FAILED = [CheckResult(f"C{position}", "It is so", None, Verdict.FAIL, 0.1) for position in range(2)]


def judged(told: list[CheckResult], *results: CheckResult) -> Run:
    """Return a run of two workers, the second of which has judged these."""
    run = Run(2, told.append)
    run.take(0, Collected(JOBS))
    for position, result in enumerate(results):
        assert run.order_for(1) == Judge(position, alone=False)
        run.take(1, Judged(result, frozenset()))
    return run


def test_a_check_that_passes_shows_that_the_solution_can_be_started() -> None:
    told: list[CheckResult] = []
    run = judged(told, PASSED[0], FAILED[1])
    assert told == run.results == [PASSED[0], FAILED[1]]
    assert run.order_for(1) == End()


def test_a_failure_is_told_when_the_solution_is_known_to_start() -> None:
    told: list[CheckResult] = []
    run = judged(told, FAILED[0])
    assert run.order_for(0) == TryStart()
    assert run.order_for(1) is None
    assert told == []
    run.take(0, Started())
    assert told == [FAILED[0]]
    assert run.order_for(1) == Judge(1, alone=False)


def test_no_start_is_tried_while_a_check_may_still_pass() -> None:
    told: list[CheckResult] = []
    run = Run(2, told.append)
    run.take(0, Collected(JOBS))
    for worker in range(2):
        assert run.order_for(worker) == Judge(worker, alone=False)
    run.take(0, Judged(FAILED[0], frozenset()))
    assert run.order_for(0) is None
    run.take(1, Judged(PASSED[1], frozenset()))
    assert told == [FAILED[0], PASSED[1]]


def test_of_a_solution_that_does_not_start_nothing_is_told() -> None:
    told: list[CheckResult] = []
    run = judged(told, FAILED[0])
    assert run.order_for(0) == TryStart()
    run.take(0, NoTarget("it does not start"))
    assert told == run.results == []
    assert isinstance(run.error, TargetError)
    assert run.order_for(1) == End()


def test_no_check_is_judged_alone_before_the_solution_is_known_to_start() -> None:
    jobs = [replace(job, check=replace(job.check, alone=True)) for job in JOBS]
    run = Run(2, lambda _: None)
    run.take(0, Collected(jobs))
    assert run.order_for(1) == TryStart()
    assert run.order_for(0) is None
    run.take(1, Started())
    assert run.order_for(0) == Judge(0, alone=True)


def test_a_run_that_fails_fast_is_over_with_the_first_failure() -> None:
    for fail_fast in (True, False):
        told: list[CheckResult] = []
        run = Run(1, told.append, fail_fast=fail_fast)
        run.take(0, Collected(JOBS))
        run.order_for(0)
        run.take(0, Judged(FAILED[0], frozenset()))
        assert run.order_for(0) == TryStart()
        run.take(0, Started())
        assert run.over == fail_fast
        assert run.results == [FAILED[0]]
