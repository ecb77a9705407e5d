"""Which checks failed on which mutant: what the features catch, and what they miss."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from kata.catalog.checks import check_order
from kata.catalog.mutants import Mutant, load_mutants
from kata.judge.verdicts import Exit


@dataclass(frozen=True)
class Trial:
    """What one verification of one mutant said."""

    mutant: str
    seed: str
    failed: Mapping[str, str]  # for each failed check the trace of its failure
    exit_code: Exit
    not_run: frozenset[str] = frozenset()  # behind a check that failed


def caught(trial: Trial) -> bool:
    """Tell whether a check failed. A mutant that did not start has shown nothing, least of all its bug."""
    return trial.exit_code is Exit.FAIL


def traces(trials: Sequence[Trial]) -> dict[str, dict[str, list[str]]]:
    """Return for each mutant the checks that failed on most seeds, each with its traces."""
    matrix: dict[str, dict[str, list[str]]] = {}
    for mutant in dict.fromkeys(trial.mutant for trial in trials):
        own = [trial.failed for trial in trials if trial.mutant == mutant]
        checks = sorted({check for failed in own for check in failed}, key=check_order)
        said = {check: [failed[check] for failed in own if check in failed] for check in checks}
        matrix[mutant] = {
            check: sorted(set(them)) for check, them in said.items() if 2 * len(them) > len(own)
        }
    return matrix


def problems(mutants: Sequence[Mutant], trials: Sequence[Trial]) -> list[str]:
    """Return one line for each mutant that survived, or that a check missed which is to catch it.

    A mutant may survive fewer seeds in a row than those within which it dies.
    """
    found = []
    for mutant in mutants:
        own = [trial for trial in trials if trial.mutant == mutant.id]
        absent = [trial.seed for trial in own if trial.exit_code is Exit.NO_TARGET]
        if absent:
            found.append(f"{mutant.id} did not start on seed {', '.join(absent)}")
        started = [trial for trial in own if trial.seed not in absent]
        survived = _alive_too_long(mutant, started, [caught(trial) for trial in started])
        if survived:
            found.append(f"{mutant.id} survived seed {', '.join(survived)}")
        for check in mutant.caught_by:
            missed = _alive_too_long(
                mutant, started, [check in trial.failed or check in trial.not_run for trial in started]
            )
            if told := [seed for seed in missed if seed not in survived]:
                found.append(f"{mutant.id} was missed by {check} on seed {', '.join(told)}")
    return found


def _alive_too_long(mutant: Mutant, trials: Sequence[Trial], killed: Sequence[bool]) -> list[str]:
    """Return the seeds that did not kill the mutant, if there were enough of them in a row."""
    kills = [-1, *(number for number, it_was in enumerate(killed) if it_was), len(trials)]
    if max(after - before - 1 for before, after in pairwise(kills)) < mutant.seeds:
        return []
    return [trial.seed for trial, it_was in zip(trials, killed, strict=True) if not it_was]


def render_matrix(mutants: Sequence[Mutant], trials: Sequence[Trial]) -> str:
    """Render the kill matrix: a row a mutant, a column a check, in each cell on how many seeds it failed."""
    columns = sorted({check for trial in trials for check in trial.failed}, key=check_order)
    width = max((len(mutant.id) for mutant in mutants), default=0)
    lines = [" " * (width + 9) + " ".join(f"{check:>3}" for check in columns)]
    for mutant in mutants:
        own = [trial for trial in trials if trial.mutant == mutant.id]
        cells = [sum(check in trial.failed for trial in own) for check in columns]
        killed = f"{sum(caught(trial) for trial in own)}/{len(own)}"
        lines.append(f"{mutant.id:<{width}}  {killed:>5}  " + " ".join(f"{cell or '.':>3}" for cell in cells))
    return "\n".join(lines)


def read_matrix(project: Path) -> dict[str, dict[str, list[str]]]:
    """Read the rows beside the mutants; none where there are none."""
    path = project / "kill-matrix.json"
    matrix: dict[str, dict[str, list[str]]] = json.loads(path.read_text()) if path.exists() else {}
    return matrix


def write_matrix(project: Path, matrix: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Keep the rows beside the mutants, those of mutants that were not run as they are.

    `kata verify` reads them to say what a failure looks like.
    """
    known = {mutant.id for mutant in load_mutants(project)}
    merged = {mutant: row for mutant, row in {**read_matrix(project), **matrix}.items() if mutant in known}
    text = json.dumps(dict(sorted(merged.items())), indent=1, ensure_ascii=False)
    (project / "kill-matrix.json").write_text(text + "\n")
