"""The command line: `kata run | verify | watch | mutants | checks | doctor | list`."""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from kata.catalog import ROOT, Project, all_projects, find_project
from kata.errors import KataError, UsageError
from kata.lesson import render_checks, write_checks
from kata.mutants import (
    Trial,
    always_failed,
    caught,
    load_mutants,
    problems,
    render_matrix,
    run_mutants,
    write_matrix,
)
from kata.options import START_TIMEOUT_SECONDS, Options, parse_settings
from kata.report import render_check, render_summary, replay
from kata.runner import run_project
from kata.verdicts import Exit, RunResult
from kata.verify import draw_seeds, new_seed, verify, verify_in_child
from kata.watch import changes

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run and verify any implementation of any project.",
)

Number = Annotated[str, typer.Argument(help="The project, such as 01.", show_default=False)]
Directory = Annotated[
    Path | None, typer.Option("--dir", help="The folder with the Procfile; the reference if left out.")
]
Url = Annotated[str | None, typer.Option("--url", help="Attach to something that is already running.")]
Docker = Annotated[
    bool, typer.Option("--docker", help="Build the folder's Dockerfile and run the container.")
]
Seed = Annotated[str | None, typer.Option("--seed", help="Repeat a run: the seed that it printed.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="A check (C4) or an extension; may be repeated.")
]
Step = Annotated[int | None, typer.Option("--step", help="Only the checks of this step of the lesson.")]
Extensions = Annotated[bool, typer.Option("--extensions", help="Also the checks of the lesson's extensions.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="With --url: a setting it runs with, NAME=VALUE.")
]
StartTimeout = Annotated[
    float,
    typer.Option("--start-timeout", min=0.1, help="How many seconds a process may take to become ready."),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="How many verifications run side by side.")]


@app.command("list")
def list_projects() -> None:
    """List the projects in the learner's order."""
    for project in all_projects():
        print(f"{project.name:<16} {project.description}")


@app.command()
def run(number: Number, port: Annotated[int | None, typer.Option(envvar="PORT")] = None) -> None:
    """Run the reference of a project, with embedded servers unless DATABASE_URL or REDIS_URL are set."""
    project = find_project(number)
    code = run_project(
        project.path,
        title=project.description,
        needs=list(project.needs),
        env=dict(project.run_env),
        try_lines=list(project.try_lines),
        data_dir=ROOT / ".data" / project.number,
        port=port,
        stdout=sys.stdout,
    )
    raise typer.Exit(code)


@app.command("verify")
def verify_command(
    number: Number,
    *,
    directory: Directory = None,
    url: Url = None,
    docker: Docker = False,
    seed: Seed = None,
    only: Only = None,
    step: Step = None,
    extensions: Extensions = False,
    setting: Setting = None,
    start_timeout: StartTimeout = START_TIMEOUT_SECONDS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole result here.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Repeat with this many seeds.")] = 1,
    jobs: Jobs = 1,
) -> None:
    """Verify a solution; exit 0 pass, 1 fail, 2 inconclusive, 3 no target, 4 the verifier's fault."""
    project = find_project(number)
    if url and (directory or docker):
        raise UsageError("--url attaches to something running: it goes without --dir and --docker")
    if setting and not url:
        raise UsageError(
            "--set describes what --url attaches to; a folder gets its settings from the verifier"
        )
    options = Options(
        directory=_folder(directory),
        url=url,
        docker=docker,
        seed=seed,
        settings=parse_settings(setting or []),
        only=frozenset(only or ()),
        step=step,
        extensions=extensions,
        start_timeout_seconds=start_timeout,
    )
    if runs == 1:
        results = [_verify_aloud(project, options)]
    else:
        results = _verify_repeatedly(project, options, runs, jobs)
    if json_file is not None:
        dump = results[0].as_dict() if runs == 1 else [result.as_dict() for result in results]
        json_file.write_text(json.dumps(dump, indent=2) + "\n")
    raise typer.Exit(_worst(results))


@app.command()
def watch(
    number: Number,
    *,
    directory: Annotated[Path, typer.Option("--dir", help="The folder with the Procfile.")],
    only: Only = None,
    step: Step = None,
) -> None:
    """Verify again whenever a file of the folder changes (by polling: it works on network mounts)."""
    project = find_project(number)
    options = Options(directory=_folder(directory), only=frozenset(only or ()), step=step, extensions=False)
    for _ in changes(directory):
        print(f"--- {time.strftime('%H:%M:%S')} ---")
        _verify_aloud(project, options)


@app.command()
def mutants(
    number: Number,
    *,
    only: Annotated[list[str] | None, typer.Option("--only", help="A mutant; may be repeated.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 3,
    seed: Seed = None,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Only the checks that are to catch it.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the kill matrix for `looks like`.")] = False,
) -> None:
    """Put each deliberate bug into the reference and see that the features catch it."""
    project = find_project(number)
    chosen = [mutant for mutant in load_mutants(project.path) if not only or mutant.id in only]
    if not chosen:
        raise UsageError(f"{project.name} has no such mutant: {', '.join(only or [])}")
    first = seed or new_seed()
    drawn = draw_seeds(first, seeds)
    print(f"{len(chosen)} mutants, {seeds} seeds drawn from {first}: {' '.join(drawn)}")
    trials = run_mutants(project, chosen, drawn, jobs=jobs, quick=quick, on_trial=_print_trial)
    print(render_matrix(chosen, trials))
    found = problems(chosen, trials)
    for line in found:
        print(f"x {line}")
    if write and not (quick or found):
        write_matrix(project.path, always_failed(trials))
    killed = len(chosen) - len({line.split()[0] for line in found})
    print(f"{killed} passed, {len(chosen) - killed} failed")
    raise typer.Exit(1 if found else 0)


@app.command()
def checks(
    number: Number,
    *,
    write: Annotated[bool, typer.Option("--write", help="Put the list into the lesson.")] = False,
) -> None:
    """List what verification checks, generated from the features."""
    project = find_project(number)
    if write:
        write_checks(project.path)
    else:
        print(render_checks(project.path))


@app.command()
def doctor() -> None:
    """Name what is missing on this machine, and the command that mends it."""
    from kata import doctor as doctor_checks  # noqa: PLC0415 - it imports the Docker SDK, which takes long

    findings = doctor_checks.examine()
    for finding in findings:
        print(f" {'ok' if finding.ok else 'x '} {finding.name}: {finding.detail}")
        if not finding.ok and finding.remedy:
            print(f"      {finding.remedy}")
    raise typer.Exit(1 if any(not finding.ok and finding.required for finding in findings) else 0)


def _print_trial(trial: Trial) -> None:
    failed = " ".join(sorted(trial.failed)) or f"exit code {int(trial.exit_code)}"
    print(f" {'ok' if caught(trial) else 'x '} {trial.mutant}, seed {trial.seed}: {failed}", flush=True)


def _folder(directory: Path | None) -> Path | None:
    if directory and not directory.is_dir():
        raise UsageError(f"there is no folder {directory}")
    return directory.resolve() if directory else None


def _verify_aloud(project: Project, options: Options) -> RunResult:
    """Verify once: verdicts as they fall, then the failures in full."""
    options = replace(options, seed=options.seed or new_seed())
    print(
        f"verifying {options.url or options.directory or project.path} against {project.name}, "
        f"seed {options.seed}"
    )
    result = verify(project, options, lambda check: print(render_check(check).splitlines()[0], flush=True))
    print()
    _print_troubles(project, options, result)
    print(render_summary(result))
    return result


def _print_troubles(project: Project, options: Options, result: RunResult) -> None:
    for check in result.checks:
        if check.verdict != "pass":
            again = replay(project, replace(options, seed=result.seed), check.id)
            print(render_check(check, looks_like=result.looks_like.get(check.id), replay=again))


def _verify_repeatedly(project: Project, options: Options, runs: int, jobs: int) -> list[RunResult]:
    """Verify with many seeds, each in a process of its own; a line for each run, and its failures in full."""
    seeds = draw_seeds(options.seed or new_seed(), runs)
    print(
        f"verifying {options.url or options.directory or project.path} against {project.name}, {runs} seeds"
    )
    with tempfile.TemporaryDirectory(prefix="kata-runs-") as folder, ThreadPoolExecutor(jobs) as pool:
        trials = [
            pool.submit(verify_in_child, project, replace(options, seed=seed), Path(folder, f"{seed}.json"))
            for seed in seeds
        ]
        results = []
        try:
            for trial in trials:
                results.append(trial.result())
                _print_troubles(project, options, results[-1])
                print(render_summary(results[-1]), flush=True)
        except BaseException:  # Ctrl-C, too, does not wait for those that have not begun
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _worst(results: list[RunResult]) -> int:
    """Return the exit code of many runs: the verifier's fault first, then a failure, then doubt."""
    codes = {result.exit_code for result in results}
    order = (Exit.VERIFIER, Exit.NO_TARGET, Exit.FAIL, Exit.INCONCLUSIVE)
    return int(next((code for code in order if code in codes), Exit.PASS))


def main() -> None:
    """Run the command line; what goes wrong is one line, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except (KataError, TyperException) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        if message:  # `kata` alone shows its help, and has no more to say
            print(f"kata: {message}", file=sys.stderr)
        code = Exit.VERIFIER  # Typer's own 2 would read as "inconclusive"
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    raise SystemExit(code)
