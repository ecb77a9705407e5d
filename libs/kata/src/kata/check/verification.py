"""Judge one solution: start it once, run the project's features against it, and collect the verdicts."""

import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kata.catalog.projects import Project
from kata.check.pool import Pool
from kata.check.run import Answer, OnCollected, Order, Run
from kata.check.worker import work
from kata.errors import KataError, TargetError
from kata.judge.verdicts import CheckResult, Exit, RunResult
from kata.options import Options
from kata.report.diagnosis import looks_like
from kata.world.draw import Draw

RUN_SECONDS = 600


class _InThisProcess:
    """The way between the run and its only worker."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def send(self, answer: Answer) -> None:
        self._run.take(0, answer)

    def recv(self) -> Order:
        order = self._run.order_for(0)
        assert order is not None
        return order


def new_seed() -> str:
    """Draw the seed of a run: short enough to be typed again."""
    return secrets.token_hex(3)


def draw_seeds(first: str, count: int) -> list[str]:
    """Draw many seeds from one, so that the whole series can be repeated."""
    source = random.Random(first)  # noqa: S311 - to be repeated, not to be secret
    return [f"{source.getrandbits(24):06x}" for _ in range(count)]


def verify(
    project: Project,
    options: Options,
    on_result: Callable[[CheckResult], None],
    side_by_side: int = 1,
    on_collected: OnCollected | None = None,
) -> RunResult:
    """Run the project's checks against one solution; `on_result` sees each verdict as it falls.

    `on_collected` is told once, before, which checks there are.

    Raises:
        KataError: the features can't be run.

    """
    options = replace(options, seed=Draw(options.seed).seed)  # one that is none is refused here
    began = time.monotonic()
    target = options.url or str(options.directory or project.path)
    workers = side_by_side if options.url is None else 1  # there is only one of what --url attaches to
    run = Run(workers, on_result, on_collected, fail_fast=options.fail_fast)
    if workers > 1:
        with Pool(project, options, run, workers) as pool:
            pool.work()
    else:
        work(project, options, _InThisProcess(run))
    seconds = round(time.monotonic() - began, 3)
    checks = run.in_drawn_order()
    result = RunResult(
        project=project.name, target=target, seed=options.seed or "", checks=checks, seconds=seconds
    )
    if isinstance(run.error, TargetError):
        return replace(result, no_target=str(run.error), output=run.error.output)
    if run.error is not None:
        raise run.error
    return replace(result, looks_like=looks_like(project.path, result))


def verify_in_child(project: Project, options: Options, report: Path, side_by_side: int = 1) -> RunResult:
    """Run `kata verify` in a process of its own, so that several can go side by side.

    Raises:
        KataError: the verifier itself broke.

    """
    command = [
        sys.executable,
        "-m",
        "kata",
        "verify",
        project.argument,
        *options.arguments(),
        *("--side-by-side", str(side_by_side)),
        *("--json", str(report)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)  # noqa: S603 - our own command
    except subprocess.TimeoutExpired as error:
        raise KataError(
            f"the verifier did not end within {RUN_SECONDS} s on {options.directory} (seed {options.seed})"
        ) from error
    if not report.exists() or done.returncode == Exit.VERIFIER:
        raise KataError(
            f"the verifier broke on {options.directory} (seed {options.seed}):\n{done.stdout}{done.stderr}"
        )
    return RunResult.from_json(report.read_text())
