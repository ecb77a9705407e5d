"""Name the bug that a failed verification looks like, by comparison with the mutants' kill matrix."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kata.catalog.mutants import load_mutants
from kata.judge.verdicts import RunResult, Verdict
from kata.report.kill_matrix import read_matrix
from kata.report.likeness import likeness, trace

type Traces = Mapping[str, Sequence[str]]
"""For each failed check, what it has said on the seeds that were tried."""

ALIKE = 0.6  # below, a resemblance is chance
AHEAD = 0.1  # nearer to the best than this, a rival may be meant as well
ELSEWHERE = 0.5  # what a failed check counts that a row does not have: a quick matrix has not tried it


def looks_like(project: Path, run: RunResult) -> dict[str, str]:
    """Return for each failed check the mutant that failed the same checks in the same way, if one stands out.

    Only checks that were executed count.
    """
    matrix_file = project / "kill-matrix.json"
    if not run.failed or not matrix_file.exists():
        return {}
    sentences = {mutant.id: mutant.says for mutant in load_mutants(project)}
    executed = {check.id for check in run.checks if check.verdict is not Verdict.NOT_RUN}
    candidates = {
        mutant: {check: said for check, said in row.items() if check in executed}
        for mutant, row in read_matrix(project).items()
        if mutant in sentences
    }
    failed = {
        check.id: trace(check.expected, check.got) for check in run.checks if check.verdict is Verdict.FAIL
    }
    diagnosis = {}
    for check in failed:
        name = nearest(failed, {key: row for key, row in candidates.items() if check in row})
        if name is not None:
            diagnosis[check] = f"{sentences[name]}  (mutant {name})"
    return diagnosis


def nearest(failed: Mapping[str, str], candidates: Mapping[str, Traces]) -> str | None:
    """Return the candidate most like the failed checks; None if none is alike enough, or a rival is near."""
    ranked = sorted(((alike(failed, row), name) for name, row in candidates.items()), reverse=True)
    if not ranked or ranked[0][0] < ALIKE or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < AHEAD):
        return None
    return ranked[0][1]


def alike(failed: Mapping[str, str], row: Traces) -> float:
    """Return how alike the traces of the row's checks are on average; failures elsewhere lower it by less."""
    common = sum(likeness(failed[check], row[check]) for check in failed.keys() & row.keys())
    return common / (len(row) + ELSEWHERE * len(failed.keys() - row.keys()))
