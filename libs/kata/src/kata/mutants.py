"""Verify the verifier: put one deliberate bug into the reference, and see that the features catch it."""

import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from kata.catalog import Project
from kata.errors import KataError
from kata.options import Options
from kata.verdicts import Exit
from kata.verify import verify_in_child

_TRIES = 3  # where the machine was too slow to judge, the mutant has not survived yet
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".data", "bench", "tests", "*.egg-info")


@dataclass(frozen=True)
class Mutant:
    """One bug: where it is put, and which checks are to catch it."""

    id: str
    says: str
    file: str
    find: str
    put: str
    caught_by: tuple[str, ...]
    also: tuple[
        dict[str, str], ...
    ] = ()  # further edits of the same bug: find, put, and file where it is another

    def edits(self) -> list[tuple[str, str, str]]:
        """Return file, text to find and text to put of each edit."""
        first = (self.file, self.find, self.put)
        return [first, *((edit.get("file", self.file), edit["find"], edit["put"]) for edit in self.also)]


@dataclass(frozen=True)
class Trial:
    """What one verification of one mutant said."""

    mutant: str
    seed: str
    failed: frozenset[str]
    exit_code: Exit


def load_mutants(project: Path) -> list[Mutant]:
    """Read mutants.toml.

    Raises:
        KataError: a field is missing, or an id stands twice.

    """
    document = tomllib.loads((project / "mutants.toml").read_text())
    try:
        mutants = [
            Mutant(**{**entry, "caught_by": tuple(entry["caught_by"]), "also": tuple(entry.get("also", ()))})
            for entry in document["mutant"]
        ]
    except (KeyError, TypeError) as error:
        raise KataError(f"{project.name}/mutants.toml: {error}") from error
    ids = [mutant.id for mutant in mutants]
    if len(set(ids)) != len(ids):
        raise KataError(f"{project.name}/mutants.toml: an id stands twice")
    return mutants


def plant(mutant: Mutant, project: Path, into: Path) -> None:
    """Copy the reference into an empty folder with the mutant's edit.

    Raises:
        KataError: the text to find is not there exactly once: the edit no longer applies.

    """
    shutil.copytree(project, into, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for file, find, put in mutant.edits():
        path = into / file
        source = path.read_text() if path.exists() else ""
        found = source.count(find)
        if found != 1:
            raise KataError(f"mutant {mutant.id} no longer applies: its text stands {found} times in {file}")
        path.write_text(source.replace(find, put))


def run_mutants(
    project: Project,
    mutants: Sequence[Mutant],
    seeds: Sequence[str],
    *,
    jobs: int,
    quick: bool,
    on_trial: Callable[[Trial], None],
) -> list[Trial]:
    """Verify every mutant with every seed, some side by side; `quick`: by those checks that are to catch it.

    Raises:
        KataError: an edit does not apply, or the verifier itself broke on a mutant.

    """
    with tempfile.TemporaryDirectory(prefix="kata-mutants-") as folder:
        for mutant in mutants:
            plant(mutant, project.path, Path(folder, mutant.id))
        with ThreadPoolExecutor(jobs) as pool:
            running = [
                pool.submit(_try, project, mutant, Path(folder, mutant.id), seed, quick=quick)
                for seed in seeds
                for mutant in mutants
            ]
            trials = []
            try:
                for trial in as_completed(running):
                    trials.append(trial.result())
                    on_trial(trials[-1])
            except BaseException:  # Ctrl-C, too, does not wait for those that have not begun
                pool.shutdown(cancel_futures=True)
                raise
            return trials


def _try(project: Project, mutant: Mutant, directory: Path, seed: str, *, quick: bool) -> Trial:
    only = frozenset(mutant.caught_by) if quick else frozenset[str]()
    options = Options(directory=directory, seed=seed, only=only)
    for _ in range(_TRIES):
        result = verify_in_child(project, options, directory.with_name(f"{mutant.id}-{seed}.json"))
        if result.exit_code is not Exit.INCONCLUSIVE:
            break
    return Trial(mutant.id, seed, result.failed, result.exit_code)


def caught(trial: Trial) -> bool:
    """Tell whether the verification refused the mutant: by a failed check, or by no start at all."""
    return trial.exit_code in {Exit.FAIL, Exit.NO_TARGET}


def always_failed(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """Return for each mutant the checks that failed on every seed: what a diagnosis compares with."""
    matrix: dict[str, frozenset[str]] = {}
    for trial in trials:
        matrix[trial.mutant] = matrix.get(trial.mutant, trial.failed) & trial.failed
    return {mutant: sorted(failed, key=_check_order) for mutant, failed in matrix.items()}


def problems(mutants: Sequence[Mutant], trials: Sequence[Trial]) -> list[str]:
    """Return one line for each mutant that survived a seed, or that a check missed which is to catch it."""
    found = []
    for mutant in mutants:
        own = [trial for trial in trials if trial.mutant == mutant.id]
        survived = [trial.seed for trial in own if not caught(trial)]
        if survived:
            found.append(f"{mutant.id} survived seed {', '.join(survived)}")
        for check in mutant.caught_by:
            missed = [trial.seed for trial in own if caught(trial) and check not in trial.failed]
            if missed:
                found.append(f"{mutant.id} was missed by {check} on seed {', '.join(missed)}")
    return found


def render_matrix(mutants: Sequence[Mutant], trials: Sequence[Trial]) -> str:
    """Render the kill matrix: a row a mutant, a column a check, in each cell on how many seeds it failed."""
    columns = sorted({check for trial in trials for check in trial.failed}, key=_check_order)
    width = max((len(mutant.id) for mutant in mutants), default=0)
    lines = [" " * (width + 9) + " ".join(f"{check:>3}" for check in columns)]
    for mutant in mutants:
        own = [trial for trial in trials if trial.mutant == mutant.id]
        cells = [sum(check in trial.failed for trial in own) for check in columns]
        killed = f"{sum(caught(trial) for trial in own)}/{len(own)}"
        lines.append(f"{mutant.id:<{width}}  {killed:>5}  " + " ".join(f"{cell or '.':>3}" for cell in cells))
    return "\n".join(lines)


def write_matrix(project: Path, matrix: Mapping[str, Sequence[str]]) -> None:
    """Keep the rows beside the mutants, those of mutants that were not run as they are.

    `kata verify` reads them to say what a failure looks like.
    """
    path = project / "kill-matrix.json"
    kept: dict[str, list[str]] = json.loads(path.read_text()) if path.exists() else {}
    known = {mutant.id for mutant in load_mutants(project)}
    merged = {mutant: list(failed) for mutant, failed in {**kept, **matrix}.items() if mutant in known}
    rows = [f"  {json.dumps(mutant)}: {json.dumps(failed)}" for mutant, failed in sorted(merged.items())]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def _check_order(check: str) -> tuple[int, int]:
    return "SCE".index(check[0]), int(check[1:])
