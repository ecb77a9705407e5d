"""What `--events` writes: one JSON object a line, as things happen, for a program that watches."""

import json
import sys
from collections.abc import Sequence

from kata.catalog.checks import Check
from kata.catalog.projects import Project
from kata.commands.listing import contract_version
from kata.judge.verdicts import CheckResult, Exit, RunResult
from kata.report.text import render_check

_VERDICTS = {
    Exit.PASS: "pass",
    Exit.FAIL: "fail",
    Exit.INCONCLUSIVE: "inconclusive",
    Exit.NO_TARGET: "no_target",
    Exit.VERIFIER: "error",
}
_LONGEST_DRAW = 200


class EventWriter:
    """Writes the events of one verification to stdout, which holds nothing else then."""

    def __init__(self, project: Project, seed: str, solution: str | None) -> None:
        """Take what is said of the run as a whole; `solution` is the digest of the folder."""
        self._project = project
        self._seed = seed
        self._solution = solution

    def started(self, checks: Sequence[Check]) -> None:
        """Tell what will be checked, and by which contract."""
        _write(
            "started",
            project=self._project.name,
            seed=self._seed,
            contract=contract_version(self._project),
            solution=self._solution,
            checks=[{"id": check.id, "sentence": check.sentence, "step": check.step} for check in checks],
        )

    def judged(self, check: CheckResult) -> None:
        """Tell a verdict, with the report that a person would read."""
        _write(
            "check",
            id=check.id,
            verdict=check.verdict.value.replace(" ", "_"),
            seconds=check.seconds,
            tries=check.tries,
            draws={name: value[:_LONGEST_DRAW] for name, value in check.settings.items()},
            report=render_check(check),
        )

    def ended(self, result: RunResult) -> None:
        """Tell what all verdicts come to, and for those that failed what they look like."""
        _write(
            "end",
            verdict=_VERDICTS[result.exit_code],
            seconds=result.seconds,
            looks_like=result.looks_like,
            reason=result.no_target,
            output=result.output,
        )

    def broken(self, reason: str) -> None:
        """Tell that the verifier itself could not go on."""
        _write("end", verdict=_VERDICTS[Exit.VERIFIER], reason=reason)


def _write(event: str, **members: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **members}) + "\n")
    sys.stdout.flush()
