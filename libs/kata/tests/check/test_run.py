from kata.catalog.checks import Check
from kata.check.run import Collected, End, Judged, NoTarget, Run, Started, TryStart
from kata.check.scheduling import Job, Judge
from kata.errors import TargetError
from kata.judge.verdicts import CheckResult, Verdict

JOBS = [Job(position, Check(f"C{position}", "It is so", None, None, None), "it is") for position in range(2)]
PASSED = [CheckResult(f"C{position}", "It is so", None, Verdict.PASS, 0.1) for position in range(2)]


def begun(told: list[CheckResult]) -> Run:
    """Return a run whose second worker has judged all while the first still tries to start the solution."""
    run = Run(2, told.append)
    run.take(0, Collected(JOBS))
    assert run.order_for(0) == TryStart()
    for position in range(2):
        assert run.order_for(1) == Judge(position, alone=False)
        run.take(1, Judged(PASSED[position], frozenset()))
    assert told == []
    assert not run.over
    return run


def test_a_verdict_is_told_when_the_solution_has_started() -> None:
    told: list[CheckResult] = []
    run = begun(told)
    run.take(0, Started())
    assert told == run.results == PASSED
    assert run.order_for(1) == End()


def test_of_a_solution_that_does_not_start_nothing_is_told() -> None:
    told: list[CheckResult] = []
    run = begun(told)
    run.take(0, NoTarget("it does not start"))
    assert told == run.results == []
    assert isinstance(run.error, TargetError)
    assert run.order_for(1) == End()


def test_no_check_is_judged_alone_while_the_solution_starts() -> None:
    jobs = [Job(0, Check("C1", "It is so", None, None, None, alone=True), "it is"), JOBS[1]]
    run = Run(2, lambda _: None)
    run.take(0, Collected(jobs))
    run.order_for(0)
    assert run.order_for(1) == Judge(1, alone=False)
    run.take(1, Judged(PASSED[1], frozenset()))
    assert run.order_for(1) is None
    run.take(0, Started())
    assert run.order_for(1) == Judge(0, alone=True)


def test_a_run_that_fails_fast_is_over_with_the_first_failure() -> None:
    failed = CheckResult("C0", "It is so", None, Verdict.FAIL, 0.1)
    for fail_fast in (True, False):
        run = Run(1, lambda _: None, fail_fast=fail_fast)
        run.take(0, Collected(JOBS))
        run.order_for(0)
        run.take(0, Started())
        run.order_for(0)
        run.take(0, Judged(failed, frozenset()))
        assert run.over == fail_fast
        assert run.results == [failed]
