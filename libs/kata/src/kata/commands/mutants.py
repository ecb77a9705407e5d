"""`kata mutants`: put one deliberate bug into the reference, and see that the features catch it."""

import random
import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kata.catalog.mutants import Mutant, load_mutants, load_without, plant
from kata.catalog.projects import Project, find_project
from kata.check.verification import draw_seeds, new_seed, verify_in_child
from kata.commands.arguments import Jobs, Number, Seed
from kata.commands.generated import verify_generated
from kata.commands.lesson import checks_of
from kata.errors import UsageError
from kata.judge.verdicts import Exit, Verdict
from kata.options import Options
from kata.report.kill_matrix import Trial, caught, problems, render_matrix, traces, write_matrix
from kata.report.kinds import render_kinds
from kata.report.likeness import trace

# Where the machine was too slow to judge, or to start anything, the mutant has not survived yet.
_TRIES = 3
_IN_DOUBT = {Exit.INCONCLUSIVE, Exit.NO_TARGET}

# How much likelier a mutant of a file that the last commit changed is to be in a sample.
_WEIGHT_OF_CHANGED = 5


def mutants(
    number: Number,
    *,
    only: Annotated[list[str] | None, typer.Option("--only", help="A mutant; may be repeated.")] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Only so many, drawn from the seed; what has changed is likelier."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    seed: Seed = None,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Only the checks that are to catch it.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the kill matrix for `looks like`.")] = False,
    generated: Annotated[
        int | None,
        typer.Option(min=1, help="Draw so many edits by machine instead; each has to die or be judged."),
    ] = None,
    kinds: Annotated[bool, typer.Option("--kinds", help="Only list which kinds each check has.")] = False,
) -> None:
    """Put each deliberate bug into the reference and see that the features catch it."""
    project = find_project(number)
    if kinds:
        print(_kinds(project))
        return
    first = seed or new_seed()
    if generated is not None:
        verify = partial(run_mutants, project, jobs=jobs, fail_fast=True, on_trial=_print_trial)
        well = verify_generated(project, first, generated, draw_seeds(first, seeds), verify)
        raise typer.Exit(0 if well else 1)
    chosen = [mutant for mutant in load_mutants(project.path) if not only or mutant.id in only]
    if not chosen:
        raise UsageError(f"{project.name} has no such mutant: {', '.join(only or [])}")
    if sample is not None:
        chosen = draw_sample(chosen, sample, first, changed_files(project.path))
    drawn = draw_seeds(first, max([seeds, *(mutant.seeds for mutant in chosen)]))
    planned = [
        (mutant, seed)
        for number, seed in enumerate(drawn)
        for mutant in chosen
        if number < max(seeds, mutant.seeds)  # a sample with one seed, too, gives each as many as it may take
    ]
    print(f"{len(chosen)} mutants, {seeds} seeds drawn from {first}: {' '.join(drawn[:seeds])}")
    trials = run_mutants(project, planned, jobs=jobs, quick=quick, on_trial=_print_trial)
    print(render_matrix(chosen, trials))
    print(_kinds(project))
    found = problems(chosen, trials)
    for line in found:
        print(f"x {line}")
    missed = {line.split()[0] for line in found}
    if write and (dead := [trial for trial in trials if trial.mutant not in missed]):
        write_matrix(project.path, traces(dead))
    killed = len(chosen) - len(missed)
    print(f"{killed} passed, {len(chosen) - killed} failed")
    raise typer.Exit(1 if found else 0)


def _kinds(project: Project) -> str:
    mutants = load_mutants(project.path)
    used = {check for mutant in mutants for check in mutant.caught_by}
    checks = [check.id for check in checks_of(project.path) if check.id[0] != "S" or check.id in used]
    return render_kinds(checks, mutants, load_without(project.path))


def draw_sample(mutants: Sequence[Mutant], count: int, seed: str, changed: Collection[str]) -> list[Mutant]:
    """Draw so many different mutants, or all if there are no more; the same for the same seed and changes."""
    source = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret

    def place(mutant: Mutant) -> float:
        weight = _WEIGHT_OF_CHANGED if any(file in changed for file, _, _ in mutant.edits()) else 1
        return float(source.random() ** (1 / weight))

    drawn = sorted(((place(mutant), number) for number, mutant in enumerate(mutants)), reverse=True)[:count]
    return [mutants[number] for number in sorted(number for _, number in drawn)]


def changed_files(folder: Path) -> frozenset[str]:
    """Return the files below the folder that the last commit, or nobody's commit yet, has changed."""
    command = ["git", "diff", "--name-only", "--relative", "HEAD~1", "--", "."]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    except FileNotFoundError:
        return frozenset()
    return frozenset(done.stdout.splitlines())


def run_mutants(
    project: Project,
    planned: Sequence[tuple[Mutant, str]],
    *,
    jobs: int,
    on_trial: Callable[[Trial], None],
    quick: bool = False,
    fail_fast: bool = False,
) -> list[Trial]:
    """Verify mutants, each with a seed, some side by side, and return the trials in the order of the plan.

    `quick`: by those checks that are to catch it; `fail_fast`: by those first, and by all until one does.

    Raises:
        KataError: an edit does not apply, or the verifier itself broke on a mutant.

    """

    def attempt(mutant: Mutant, seed: str, directory: Path) -> Trial:
        whole = Options(seed=seed, fail_fast=fail_fast, directory=directory)
        likely = replace(whole, only=frozenset(mutant.caught_by))
        if quick or (fail_fast and mutant.caught_by):
            trial = _try(project, mutant, likely)
            if quick or trial.exit_code in {Exit.FAIL, Exit.NO_TARGET}:
                return trial
        return _try(project, mutant, whole)

    with tempfile.TemporaryDirectory() as folder:
        for mutant in {mutant.id: mutant for mutant, _ in planned}.values():
            plant(mutant, project.path, Path(folder, mutant.id))
        with ThreadPoolExecutor(jobs) as pool:
            running = [
                pool.submit(attempt, mutant, seed, Path(folder, mutant.id)) for mutant, seed in planned
            ]
            try:
                for trial in as_completed(running):
                    on_trial(trial.result())
            except BaseException:  # Ctrl-C, too, does not wait for those that have not begun
                pool.shutdown(cancel_futures=True)
                raise
            return [trial.result() for trial in running]


def _try(project: Project, mutant: Mutant, options: Options) -> Trial:
    assert options.directory is not None
    report = options.directory.with_name(f"{mutant.id}-{options.seed}.json")
    in_doubt = _IN_DOUBT - {Exit.INCONCLUSIVE} if options.fail_fast else _IN_DOUBT  # it has another seed
    for _ in range(_TRIES):
        result = verify_in_child(project, options, report)
        # Of several that are to catch it, one may have failed it and another be in doubt.
        doubted = options.only and any(check.verdict is Verdict.INCONCLUSIVE for check in result.checks)
        if result.exit_code not in in_doubt and (options.fail_fast or not doubted):
            break
    failed = {
        check.id: trace(check.expected, check.got) for check in result.checks if check.verdict is Verdict.FAIL
    }
    not_run = frozenset(check.id for check in result.checks if check.verdict is Verdict.NOT_RUN)
    return Trial(mutant.id, options.seed or result.seed, failed, result.exit_code, not_run)


def _print_trial(trial: Trial) -> None:
    failed = " ".join(sorted(trial.failed)) or f"exit code {int(trial.exit_code)}"
    print(f" {'ok' if caught(trial) else 'x '} {trial.mutant}, seed {trial.seed}: {failed}", flush=True)
