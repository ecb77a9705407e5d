"""Name the bug that a failed verification looks like, by comparison with the mutants' kill matrix."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from kata.judge.verdicts import RunResult, Verdict

ALIKE = 0.5  # below this share of common failed checks, a resemblance is chance
AT_MOST = 2  # as many mutants may be equally alike: of more, each would more likely mislead than help


def looks_like(project: Path, run: RunResult) -> dict[str, str]:
    """Return, for each failed check, the mutant whose failed checks resemble this run's most, or two equals.

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
        names = nearest(run.failed, {key: value for key, value in candidates.items() if check in value})
        if names:
            diagnosis[check] = " or ".join(f"{sentences[name]}  (mutant {name})" for name in names)
    return diagnosis


def nearest(failed: frozenset[str], candidates: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the candidates most like `failed`; none if they are not alike enough, or too many."""
    likeness = {name: len(failed & checks) / len(failed | checks) for name, checks in candidates.items()}
    most = max(likeness.values(), default=0.0)
    best = sorted(name for name, alike in likeness.items() if alike == most >= ALIKE)
    return best if len(best) <= AT_MOST else []
