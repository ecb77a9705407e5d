"""A result for other tools: CTRF, the Common Test Report Format.

Source: https://github.com/ctrf-io/ctrf, schema/ctrf.schema.json.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.report.text import render_check

_STATUSES: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        Verdict.PASS: "passed",
        Verdict.FAIL: "failed",
        Verdict.INCONCLUSIVE: "other",
        Verdict.ERROR: "other",
        Verdict.NOT_RUN: "skipped",
    }
)


def ctrf_of(result: RunResult, ended_at: datetime) -> dict[str, object]:
    """Return a report in which each check is a test; a solution that did not start is one that failed."""
    tests = [_test(result, check) for check in result.checks]
    if result.no_target is not None:
        tests.append({"name": "start", "status": "failed", "duration": 0, "message": result.no_target})
    counts = Counter(str(test["status"]) for test in tests)
    stop = round(ended_at.astimezone(UTC).timestamp() * 1000)
    statuses = ("passed", "failed", "skipped", "pending", "other")
    summary = {"tests": len(tests), **{status: counts[status] for status in statuses}}
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "results": {
            "tool": {"name": "kata"},
            "summary": {**summary, "start": stop - round(result.seconds * 1000), "stop": stop},
            "tests": tests,
            "extra": {"seed": result.seed, "target": result.target},
        },
    }


def _test(result: RunResult, check: CheckResult) -> dict[str, object]:
    suite = [result.project, *([] if check.step is None else [f"step {check.step}"])]
    test: dict[str, object] = {
        "name": f"{check.id} {check.sentence}",
        "status": _STATUSES[check.verdict],
        "rawStatus": check.verdict.value,
        "duration": round(check.seconds * 1000),
        "retries": check.tries - 1,
        "suite": suite,
    }
    if check.verdict is not Verdict.PASS:
        test["message"] = render_check(check)
    return test
