"""What a lesson commands is executed, and prints what the lesson says.

The reference is verified once, whole, and that is also the test of its features: what the lesson says of the
checks of one step is compared with it. Nothing else should run beside it: a verification judges time. Two
lessons side by side were tried on two processors: a seventh less time, and commands that came too late.
What it draws comes of what is committed, so that it can be repeated; the nightly workflow draws others.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from kata.catalog.lesson import blocks
from kata.catalog.projects import all_projects, load_project
from kata.check.verification import new_seed
from kata.fixtures import FreePort
from kata.judge.verdicts import CheckResult, Exit, RunResult, Verdict
from kata.report.text import render_check, render_summary

ROOT = Path(__file__).resolve().parents[1]
LESSONS = [project.path / "README.md" for project in all_projects(ROOT)]

ANYTHING = "…"  # in a line: any characters; alone on a line: any lines, or none
START_SECONDS = 90.0
COMMAND_SECONDS = 300.0
STOP_SECONDS = 20.0

# How often the checks that a busy machine left in doubt are asked again.
ROUNDS = 4

VERIFY = re.compile(r'make verify-\w+ DIR=\S+ ARGS="--(step|only) (\S+)"')

lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)


def test_the_wildcard_stands_for_part_of_a_line_or_for_any_lines() -> None:
    wanted = pattern(["one …", "…", "last"])
    assert wanted.fullmatch("one 1\nlast\n")
    assert wanted.fullmatch("one 1\ntwo\nthree\nlast\n")
    assert not wanted.fullmatch("one 1\nlast\nmore\n")
    assert not wanted.fullmatch("two\nlast\n")


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


def test_another_output_and_a_failure_are_told_from_what_the_lesson_says() -> None:
    command = Command("echo one", ["one"], background=False)
    assert unlike(command, Printed("one\n", "", 0)) is None
    assert unlike(command, Printed("two\n", "", 0)) is not None
    assert unlike(command, Printed("one\n", "", 1)) is not None


@dataclass(frozen=True)
class Command:
    """A line of a ```console block that begins with `$ `, and what the lesson says that it prints."""

    line: str
    expected: list[str]
    background: bool


@dataclass(frozen=True)
class Printed:
    """What a command printed, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


def commands_of(lesson: str) -> Iterator[Command]:
    for block in blocks(lesson):
        if block.language == "console":
            for text in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
                line, *expected = text.rstrip("\n").split("\n")
                yield Command(line, expected, block.info == "background")


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
    with stopped_at_the_end() as background:
        for command in commands_of(text.replace(usual, f"127.0.0.1:{port}")):
            if command.background:
                environment |= background.start(command, environment, tmp_path / "background.log")
                continue
            printed = verification.printed(command) or run(command.line, environment)
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
        done = run(f'{line} ARGS="--json {self.report} {" ".join(arguments)}"', self.environment)
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


def run(line: str, environment: dict[str, str]) -> Printed:
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return Printed(done.stdout, done.stderr, done.returncode)


def unlike(command: Command, printed: Printed) -> str | None:
    """Say how what was printed differs from what the lesson says, None if it does not."""
    if printed.exit_code == 0 and pattern(command.expected).fullmatch(lines_of(printed.stdout)):
        return None
    got = f"{printed.stdout}{printed.stderr}exit code {printed.exit_code}"
    return "\n".join([f"$ {command.line}", got, "", "the lesson says:", *command.expected])


def pattern(expected: list[str]) -> re.Pattern[str]:
    """Compile lines with wildcards to one pattern."""
    return re.compile("".join(map(line_pattern, expected)))


def line_pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*?"
    return re.escape(line.rstrip()).replace(re.escape(ANYTHING), ".*") + r"\n"


def lines_of(output: str) -> str:
    """End each line in the same way: HTTP ends its own with CR LF, and a body may end without."""
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


class Background:
    """Commands that go on until the end of the lesson, as in a terminal of their own."""

    def __init__(self) -> None:
        self.running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, command: Command, environment: dict[str, str], log: Path) -> dict[str, str]:
        """Start it, wait until what it prints is what the lesson says, and return the addresses therein."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", command.line],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append((process, log))
        wanted = pattern(command.expected)
        deadline = time.monotonic() + START_SECONDS
        while not wanted.match(lines_of(log.read_text())):
            said = f"$ {command.line}\n{log.read_text()}"
            assert process.poll() is None, f"it ended with {process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"it did not print what the lesson says:\n{said}"
            time.sleep(0.05)
        printed = log.read_text()
        for url in re.findall(r"running at (http://\S+)", printed):
            assert httpx.get(url, trust_env=False).status_code < 500, url
        return dict(re.findall(r"^ +([A-Z]+_URL) +(\S+)$", printed, flags=re.MULTILINE))

    def stop(self) -> None:
        """Press Ctrl-C, and demand a clean end that leaves nothing behind."""
        for process, log in self.running:
            started = descendants(process.pid)
            # Not to make: it would die of the signal, and the exit code of what it runs would be lost.
            for pid in started:
                with suppress(ProcessLookupError):  # PostgreSQL has processes that come and go
                    if os.getpgid(pid) == process.pid:
                        os.kill(pid, signal.SIGINT)
            assert process.wait(STOP_SECONDS) == 0, log.read_text()
            assert [pid for pid in started if pid in parents()] == [], log.read_text()

    def kill(self) -> None:
        """End what a failed lesson has left."""
        for process, _ in self.running:
            if process.poll() is None:
                for pid in [*descendants(process.pid), process.pid]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process.wait()


@contextmanager
def stopped_at_the_end() -> Iterator[Background]:
    background = Background()
    try:
        yield background
        background.stop()
    finally:
        background.kill()


def descendants(pid: int) -> list[int]:
    """Return the children of a process and theirs."""
    known = parents()
    found = [pid]
    for member in found:
        found += [child for child, parent in known.items() if parent == member]
    return found[1:]


def parents() -> dict[int, int]:
    """Return each running process with its parent; one that ended and was not waited for does not run."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    rows = (line.split() for line in listing.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent, state, *_ in rows if not state.startswith("Z")}
