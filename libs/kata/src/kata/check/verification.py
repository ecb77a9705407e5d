"""Judge one solution: start it once, run the project's features against it, and collect the verdicts."""

import os
import random
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kata.catalog.projects import ROOT, Project
from kata.check.stash import ON_RESULT, OPTIONS
from kata.check.worlds import make_world
from kata.errors import KataError, ProcfileError, TargetError
from kata.judge.verdicts import CheckResult, Exit, RunResult
from kata.options import Options
from kata.report.diagnosis import looks_like
from kata.world.attached import AttachedWorld

RUN_SECONDS = 600


class _Collector:
    """Hands the options to the plugin, and takes the verdicts from it."""

    def __init__(self, options: Options, on_result: Callable[[CheckResult], None]) -> None:
        self._options = options
        self._on_result = on_result
        self.results: list[CheckResult] = []
        self.broken: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[OPTIONS] = self._options
        config.stash[ON_RESULT] = self._take

    def pytest_exception_interact(
        self, call: pytest.CallInfo[object], report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Note why a feature or its steps could not be read."""
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            self._note(call.excinfo.value)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Note it, in place of the traceback that pytest would print."""
        self._note(excinfo.value)
        return True

    def _note(self, error: BaseException) -> None:
        last_line = str(error).strip().rpartition("\n")[2]
        self.broken = self.broken or f"{type(error).__name__}: {last_line}"

    def _take(self, result: CheckResult) -> None:
        self.results.append(result)
        self._on_result(result)


def new_seed() -> str:
    """Draw the seed of a run: short enough to be typed again."""
    return secrets.token_hex(3)


def draw_seeds(first: str, count: int) -> list[str]:
    """Draw many seeds from one, so that the whole series can be repeated."""
    source = random.Random(first)  # noqa: S311 - to be repeated, not to be secret
    return [f"{source.getrandbits(24):06x}" for _ in range(count)]


def verify(project: Project, options: Options, on_result: Callable[[CheckResult], None]) -> RunResult:
    """Run the project's checks against one solution; `on_result` sees each verdict as it falls.

    Raises:
        KataError: the features can't be run.

    """
    options = options if options.seed else replace(options, seed=new_seed())
    target = options.url or str(options.directory or project.path)
    result = RunResult(project=project.name, target=target, seed=options.seed or "", checks=[])
    try:
        _try_start(project, options)
    except (TargetError, ProcfileError) as error:
        return replace(result, no_target=str(error), output=getattr(error, "output", []))
    collector = _Collector(options, on_result)
    _run_features(project.features, collector)
    result = replace(result, checks=collector.results)
    return replace(result, looks_like=looks_like(project.path, result))


def verify_in_child(project: Project, options: Options, report: Path) -> RunResult:
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
        "--json",
        str(report),
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


def _try_start(project: Project, options: Options) -> None:
    """Start the solution once with its contract's defaults: if that fails, no check can say anything."""
    world = make_world(project, options)
    try:
        if isinstance(world, AttachedWorld):
            answer = world.reach()
            if answer.status == 0:
                raise TargetError(answer.error)
        else:
            world.start(project.defaults)
    finally:
        world.close()


def _run_features(features: Path, collector: _Collector) -> None:
    # A warning in the verifier, or a socket that it closes late, is no verdict: plain pytest sees to those.
    absent = ["terminal", "cacheprovider", "logging", "warnings", "unraisableexception"]
    quiet = ["--assert=plain", *(word for name in absent for word in ("-p", f"no:{name}"))]
    # Whatever else is installed has no say in a verdict, and takes a second to import.
    plugins = ["--disable-plugin-autoload", "-p", "pytest_bdd.plugin", "-p", "kata.check.plugin"]
    config = [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "-o",
        "addopts=--import-mode=importlib",
    ]
    os.environ.pop("PYTEST_ADDOPTS", None)
    code = pytest.main([*config, *quiet, *plugins, str(features)], plugins=[collector])
    if collector.broken is not None:
        raise KataError(f"the features in {features} can't be run: {collector.broken}")
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
