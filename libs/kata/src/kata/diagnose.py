"""Name the bug that a failed verification looks like, by comparison with the mutants' kill matrix."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from kata.verdicts import RunResult, Verdict

ALIKE = 0.5  # below this share of common failed checks, a resemblance is chance


def looks_like(project: Path, run: RunResult) -> dict[str, str]:
    """Return, for each failed check, the mutant whose failed checks resemble this run's most.

    The resemblance is the Jaccard index of the sets of failed checks. Only checks that were executed count.
    """
    matrix_file = project / "kill-matrix.json"
    if not run.failed or not matrix_file.exists():
        return {}
    matrix: dict[str, list[str]] = json.loads(matrix_file.read_text())
    sentences = {
        mutant["id"]: mutant["says"]
        for mutant in tomllib.loads((project / "mutants.toml").read_text())["mutant"]
    }
    executed = {check.id for check in run.checks if check.verdict is not Verdict.NOT_RUN}
    candidates = {name: frozenset(failed) & executed for name, failed in matrix.items() if name in sentences}
    diagnosis = {}
    for check in run.failed:
        name = nearest(run.failed, {key: value for key, value in candidates.items() if check in value})
        if name is not None:
            diagnosis[check] = f"{sentences[name]}  (mutant {name})"
    return diagnosis


def nearest(failed: frozenset[str], candidates: Mapping[str, frozenset[str]]) -> str | None:
    """Return the candidate most like `failed`, or None if none is alike enough."""

    def likeness(name: str) -> float:
        return len(failed & candidates[name]) / len(failed | candidates[name])

    best = max(sorted(candidates), key=likeness, default=None)
    return best if best is not None and likeness(best) >= ALIKE else None
