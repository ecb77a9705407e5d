from datetime import UTC, datetime

import pytest

from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.report.ctrf import ctrf_of

ENDED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def results_of(*checks: CheckResult, no_target: str | None = None) -> dict[str, object]:
    result = RunResult("00-doubler", "mine", "5eed", checks, 2.5, no_target)
    report = ctrf_of(result, ENDED_AT)
    assert (report["reportFormat"], report["specVersion"]) == ("CTRF", "0.0.0")
    results = report["results"]
    assert isinstance(results, dict)
    return results


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.PASS, "passed"),
        (Verdict.FAIL, "failed"),
        (Verdict.INCONCLUSIVE, "other"),
        (Verdict.ERROR, "other"),
        (Verdict.NOT_RUN, "skipped"),
    ],
)
def test_each_verdict_has_a_status_and_is_counted(verdict: Verdict, status: str) -> None:
    results = results_of(CheckResult("C1", "It is so", 2, verdict, 0.25, tries=2))
    stop = round(ENDED_AT.timestamp() * 1000)
    counts = {name: int(name == status) for name in ("passed", "failed", "skipped", "pending", "other")}
    assert results["summary"] == {"tests": 1, **counts, "start": stop - 2500, "stop": stop}
    tests = results["tests"]
    assert isinstance(tests, list)
    told = {key: value for key, value in tests[0].items() if key != "message"}
    assert told == {
        "name": "C1 It is so",
        "status": status,
        "rawStatus": verdict.value,
        "duration": 250,
        "retries": 1,
        "suite": ["00-doubler", "step 2"],
    }
    assert ("message" in tests[0]) == (verdict is not Verdict.PASS)


def test_a_solution_that_does_not_start_is_a_failed_test() -> None:
    tests = results_of(no_target="it did not become ready")["tests"]
    assert tests == [
        {"name": "start", "status": "failed", "duration": 0, "message": "it did not become ready"}
    ]
