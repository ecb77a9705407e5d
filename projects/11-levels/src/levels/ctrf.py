"""A run as a report for other tools: CTRF, the Common Test Report Format.

Source: https://github.com/ctrf-io/ctrf, schema/ctrf.schema.json.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from levels.domain import CheckReport, Details, Json, LevelReport, State, Verdict

SPEC_VERSION: Final = "0.0.0"
"""The one that its tools write so far."""
PENDING, SKIPPED, OTHER = "pending", "skipped", "other"
OF_VERDICT: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: OTHER,
    Verdict.ERROR: OTHER,
    Verdict.NOT_RUN: SKIPPED,
}
OF_STATE: Final[Mapping[State, str]] = {
    State.PASSED: "passed",
    State.FAILED: "failed",
    State.RUNNING: PENDING,
}
ALL: Final = ("passed", "failed", SKIPPED, PENDING, OTHER)


def ctrf_of(details: Details) -> Mapping[str, Json]:
    """Return a report in which each check is a test, and so is a level whose state no check tells."""
    run = details.run
    tests = [test for level in details.report.levels for test in _tests(details, level)]
    statuses = Counter(str(test["status"]) for test in tests)
    start = _milliseconds(run.started_at or run.created_at)
    stop = start if run.finished_at is None else _milliseconds(run.finished_at)
    summary: dict[str, Json] = {status: statuses[status] for status in ALL}
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "results": {
            "tool": {"name": "levels"},
            "summary": summary | {"tests": len(tests), "start": start, "stop": stop},
            "tests": tests,
            "extra": {"run_id": str(run.id), "state": run.state, "seed": run.seed},
        },
    }


def _tests(details: Details, level: LevelReport) -> Iterator[dict[str, Json]]:
    suite = [details.run.track_id, level.level_id]
    unreached = SKIPPED if details.run.state.is_final else PENDING
    tests = [_test(check, unreached) | {"suite": suite} for check in level.checks]
    yield from tests
    status = unreached if level.state is None else OF_STATE.get(level.state, OTHER)
    if status not in {test["status"] for test in tests}:
        yield {
            "name": level.level_id,
            "status": status,
            "rawStatus": level.state or Verdict.NOT_RUN,
            "duration": 0,
            "suite": suite,
            **({} if level.reason is None else {"message": level.reason}),
        }


def _test(check: CheckReport, unreached: str) -> dict[str, Json]:
    last = check.tries[-1] if check.tries else None
    test: dict[str, Json] = {
        "name": f"{check.id} {check.sentence}".strip(),
        "status": unreached if check.verdict is None else OF_VERDICT[check.verdict],
        "duration": round(1000 * sum(one.seconds for one in check.tries)),
        "retries": max(0, len(check.tries) - 1),
    }
    if last is not None:
        test |= {"rawStatus": last.verdict}
        if last.verdict is Verdict.PASS:
            test |= {"flaky": len(check.tries) > 1}
        else:
            test |= {"message": last.report.text}
    return test


def _milliseconds(moment: datetime) -> int:
    """Count from 1970 on."""
    return round(moment.timestamp() * 1000)
