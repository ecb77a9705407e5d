"""What a lesson commands is executed, and prints what the lesson says.

The reference is verified once, whole, and that is also the test of its features: what the lesson says of the
checks of one step is compared with it. Nothing else should run beside it: a verification judges time. Two
lessons side by side were tried on two processors: a seventh less time, and commands that came too late.
What it draws comes of what is committed, so that it can be repeated; the nightly workflow draws others.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kata.catalog.projects import all_projects, load_project
from kata.check.verification import new_seed
from kata.fixtures import FreePort
from kata.judge.verdicts import CheckResult, Exit, RunResult, Verdict
from kata.pages import Command, Printed, commands_of, run, stopped_at_the_end, unlike
from kata.report.text import render_check, render_summary

ROOT = Path(__file__).resolve().parents[1]
LESSONS = [project.path / "README.md" for project in all_projects(ROOT)]

# How often the checks that a busy machine left in doubt are asked again.
ROUNDS = 4

VERIFY = re.compile(r'make verify-\w+ DIR=\S+ ARGS="--(step|only) (\S+)"')

lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)


def test_the_checks_of_a_step_are_those_without_an_extension() -> None:
    checks = [
        CheckResult("C1", "one", 1, Verdict.PASS, 0.5),
        CheckResult("C2", "two", 2, Verdict.PASS, 0.5),
        CheckResult("E1", "more", 1, Verdict.PASS, 0.5, extension="gate"),
    ]
    result = RunResult("01-throttler", "/mine", "5eed01", checks)
    assert excerpt(result, "step", "1").stdout.splitlines()[-1].startswith("01-throttler: 1 pass in ")
    assert excerpt(result, "only", "gate").stdout.startswith(" ok E1   more")
    failed = replace(result, checks=[replace(checks[1], verdict=Verdict.FAIL)])
    assert excerpt(failed, "step", "2").exit_code == Exit.FAIL
    assert excerpt(failed, "step", "1").exit_code == Exit.VERIFIER  # no check executed


@lessons
def test_the_commands_of_a_lesson_print_what_it_says(
    lesson: Path, tmp_path: Path, free_port: FreePort
) -> None:
    number = load_project(lesson.parent).number
    name = lesson.parent.name.removeprefix(f"{number}-")
    shutil.copytree(lesson.parent, tmp_path / f"my-{name}", ignore=not_the_learners)
    port = free_port()
    text = lesson.read_text()
    usual = f"127.0.0.1:{8000 + int(number) if number.isdigit() else 8000}"
    assert usual in text
    environment = environment_of(tmp_path, port)
    verification = Verification(number, f"~/my-{name}", tmp_path / "verified.json", environment)
    with stopped_at_the_end(ROOT) as background:
        for command in commands_of(text.replace(usual, f"127.0.0.1:{port}")):
            if command.background:
                environment |= background.start(command, environment, tmp_path / "background.log")
                continue
            printed = verification.printed(command) or run(command.line, ROOT, environment)
            difference = unlike(command, printed)
            if difference is not None:
                pytest.fail(difference, pytrace=False)
    assert verification.result is not None, "no step of the lesson is verified"


@dataclass
class Verification:
    """The whole verification of a learner's copy, made once, and what it says of one step at a time."""

    number: str
    directory: str
    report: Path
    environment: dict[str, str]
    result: RunResult | None = field(default=None, init=False)
    is_form_tried: bool = field(default=False, init=False)

    def printed(self, command: Command) -> Printed | None:
        """Return what the command would print; None if it is to be executed, as the first of its kind is."""
        chosen = VERIFY.fullmatch(command.line)
        if chosen is None:
            return None
        if not self.is_form_tried:
            self.is_form_tried = True
            return None
        self.result = self.result or self._verify_all()
        return excerpt(self.result, *chosen.groups())

    def _verify_all(self) -> RunResult:
        result = self._verify(f"--extensions --seed {seed_of_what_is_committed()}")
        checks = {check.id: check for check in result.checks}
        for _ in range(ROUNDS):
            doubtful = [check for check in checks.values() if check.verdict is Verdict.INCONCLUSIVE]
            if not doubtful:
                break
            again = self._verify(*(f"--only {check.id}" for check in doubtful))
            checks |= {check.id: check for check in again.checks}
        return replace(result, checks=list(checks.values()))

    def _verify(self, *arguments: str) -> RunResult:
        line = f"make verify-{self.number} DIR={self.directory}"
        done = run(f'{line} ARGS="--json {self.report} {" ".join(arguments)}"', ROOT, self.environment)
        if done.exit_code not in {Exit.PASS, Exit.INCONCLUSIVE}:
            pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)
        return RunResult.from_json(self.report.read_text())


def seed_of_what_is_committed() -> str:
    """Return six hex digits of Git's hash of the files, the same in each commit that has these files."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=6", "HEAD^{tree}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()[:6] or new_seed()  # a downloaded archive has no Git


def excerpt(result: RunResult, option: str, value: str) -> Printed:
    """Return what a verification of these checks alone prints, as of `--step 3` or `--only gate`."""

    def is_chosen(check: CheckResult) -> bool:
        if option == "only":
            return value in {check.id, check.extension}
        return check.step == int(value) and check.extension is None

    chosen = replace(result, checks=[check for check in result.checks if is_chosen(check)])
    lines = [*map(render_check, chosen.checks), "", render_summary(chosen)]
    return Printed("\n".join(lines), "", int(chosen.exit_code))


def not_the_learners(folder: str, names: list[str]) -> set[str]:
    """Leave out of a learner's folder what belongs to the lesson and to the reference's own tests."""
    theirs = {"features", "tests", "bench", "mutants.toml", "kill-matrix.json", "__pycache__"}
    return {name for name in names if name in theirs or (Path(folder) / name).suffix == ".md"}


def environment_of(home: Path, port: int) -> dict[str, str]:
    """Return a learner's environment: a home with their folder in it, and another port than the usual one."""
    # The environment that these tests run in is the one to use: no lesson may bring it up to date underneath.
    make = home / "bin" / "make"
    make.parent.mkdir()
    make.write_text(f'#!/bin/sh\nexec {shutil.which("make")} -o .venv/.ready "$@"\n')
    make.chmod(0o755)
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "PATH": f"{make.parent}:{os.environ['PATH']}", "PORT": str(port)}
