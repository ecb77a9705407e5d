"""`kata verify`: one solution, once or with many seeds."""

import json
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kata.catalog.projects import Project, find_project
from kata.check.verification import draw_seeds, new_seed, verify, verify_in_child
from kata.commands.arguments import (
    Directory,
    Docker,
    Extensions,
    FailFast,
    Jobs,
    Number,
    Only,
    Seed,
    Setting,
    SideBySide,
    StartTimeout,
    Step,
    Url,
    chosen,
    existing_folder,
)
from kata.commands.events import EventWriter
from kata.commands.receipts import fetch_receipt, repeat, summary
from kata.errors import KataError, UsageError
from kata.judge.verdicts import CheckResult, Exit, RunResult
from kata.options import SIDE_BY_SIDE, START_TIMEOUT_SECONDS, Options, parse_settings
from kata.report.ctrf import ctrf_of
from kata.report.text import render_check, render_summary, replay
from kata.solution.digest import digest_of_folder


class Format(StrEnum):
    """How a result is written for programs."""

    JSON = "json"
    CTRF = "ctrf"


_DUMPS: Mapping[Format, Callable[[RunResult], object]] = {
    Format.JSON: RunResult.as_dict,
    Format.CTRF: lambda result: ctrf_of(result, datetime.now(UTC)),
}


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
    fail_fast: FailFast = False,
    setting: Setting = None,
    start_timeout: StartTimeout = START_TIMEOUT_SECONDS,
    side_by_side: SideBySide = SIDE_BY_SIDE,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the whole result here.")] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="Of what --json writes: kata's own, or CTRF for other tools.")
    ] = Format.JSON,
    events: Annotated[
        bool, typer.Option("--events", help="Write a JSON object a line as things happen, and nothing else.")
    ] = False,
    receipt: Annotated[
        str | None,
        typer.Option("--receipt", help="Repeat the run of this receipt, a file or an address, and no other."),
    ] = None,
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
    if events and runs > 1:
        raise UsageError("--events tells of one verification: it goes without --runs")
    if receipt and (url or seed or only or step is not None or extensions or events or runs > 1 or json_file):
        raise UsageError("--receipt says itself what is verified: it goes with --dir alone")
    if json_file is not None:
        demand_writable(json_file)
    options = Options(
        directory=existing_folder(directory),
        url=url,
        docker=docker,
        seed=seed,
        settings=parse_settings(setting or []),
        only=chosen(only),
        step=step,
        extensions=extensions,
        start_timeout_seconds=start_timeout,
        fail_fast=fail_fast,
    )
    if receipt:
        results = _verify_again(project, options, receipt, side_by_side)
    elif events:
        results = [_verify_with_events(project, options, side_by_side)]
    elif runs == 1:
        results = [verify_aloud(project, options, side_by_side)]
    else:
        results = _verify_repeatedly(project, options, runs, jobs, side_by_side)
    if json_file is not None:
        dumps = [_DUMPS[format_](result) for result in results]
        write_result(json_file, dumps[0] if runs == 1 else dumps)
    raise typer.Exit(_worst(results))


def demand_writable(path: Path) -> None:
    """Find out before the run whether its result can be written. Raises: UsageError."""
    if not (path.absolute().parent.is_dir() and not path.is_dir()):
        raise UsageError(f"there is no folder for {path}, or it is one itself")
    try:
        path.open("a").close()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def write_result(path: Path, dump: object) -> None:
    """Raises: UsageError. An error that reads as a verdict would be taken for one."""
    try:
        path.write_text(json.dumps(dump, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{path} could not be written: {error.strerror}") from error


def verify_aloud(project: Project, options: Options, side_by_side: int = SIDE_BY_SIDE) -> RunResult:
    """Verify once: verdicts as they fall, then the failures in full."""
    options = replace(options, seed=options.seed or new_seed())
    print(
        f"verifying {options.url or options.directory or project.path} against {project.name}, "
        f"seed {options.seed}"
    )
    result = verify(project, options, _print_verdict, side_by_side)
    print()
    _print_troubles(project, options, result)
    print(render_summary(result))
    return result


def _verify_with_events(project: Project, options: Options, side_by_side: int) -> RunResult:
    """Verify once, and tell a program of it.

    Raises: KataError, when the last event has said so.
    """
    options = replace(options, seed=options.seed or new_seed())
    solution = None if options.url else digest_of_folder(options.directory or project.path)
    writer = EventWriter(project, options.seed or "", solution)
    try:
        result = verify(project, options, writer.judged, side_by_side, writer.started)
    except KataError as error:
        writer.broken(str(error))
        raise
    writer.ended(result)
    return result


def _verify_again(project: Project, options: Options, place: str, side_by_side: int) -> list[RunResult]:
    """Repeat the run of a receipt, and say whether it comes to the same. Raises: UsageError."""
    receipt = fetch_receipt(place)
    results = repeat(project, receipt, options, lambda level: verify_aloud(project, level, side_by_side))
    print(summary(receipt, results))
    return results


def _print_verdict(check: CheckResult) -> None:
    print(render_check(check).splitlines()[0], flush=True)


def _print_troubles(project: Project, options: Options, result: RunResult) -> None:
    for check in result.checks:
        if check.verdict != "pass":
            again = replay(project, replace(options, seed=result.seed), check.id)
            print(render_check(check, looks_like=result.looks_like.get(check.id), replay=again))


def _verify_repeatedly(
    project: Project, options: Options, runs: int, jobs: int, side_by_side: int
) -> list[RunResult]:
    """Verify with many seeds, each in a process of its own; a line for each run, and its failures in full."""
    each = max(1, side_by_side // jobs)  # together they load the machine no more than one does
    seeds = draw_seeds(options.seed or new_seed(), runs)
    print(
        f"verifying {options.url or options.directory or project.path} against {project.name}, {runs} seeds"
    )
    with tempfile.TemporaryDirectory(prefix="kata-runs-") as folder, ThreadPoolExecutor(jobs) as pool:
        trials = [
            pool.submit(
                verify_in_child, project, replace(options, seed=seed), Path(folder, f"{seed}.json"), each
            )
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
