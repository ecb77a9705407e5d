"""The lessons are true: their commands are executed, their lists compared with what they list."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kata.catalog.checks import Check
from kata.catalog.lesson import blocks
from kata.catalog.mutants import load_mutants
from kata.commands.lesson import checks_of, generated_in_project, generated_in_root
from kata.fixtures import FreePort

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted(ROOT.glob("projects/*/README.md"))
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts)
)

ANYTHING = "…"  # in a line: any characters; alone on a line: any lines, or none
START_SECONDS = 90.0
COMMAND_SECONDS = 180.0
STOP_SECONDS = 20.0

# The last line of a verification that failed in nothing, on a machine that was too slow to judge everything.
TOO_SLOW = re.compile(r"^[\w-]+: (?!.*\b(?:fail|error)\b).*\binconclusive\b.* in .* s, seed", re.MULTILINE)
CHECK_ID = re.compile(r"\b[SCE]\d+\b")
FENCE = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
FILLER = re.compile(
    r"\b(?:simply|obviously|basically|of course|easily|very|really|actually|blazing\w*|awesome|seamless\w*"
    r"|leverag\w+|TODO|FIXME|TBD)\b",
    re.IGNORECASE,
)
EMOJI = re.compile("[\N{WATCH}-\N{HOURGLASS}\N{BLACK SUN WITH RAYS}-\N{CURLY LOOP}\U0001f000-\U0001faff]")

lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


# What a lesson lists


@lessons
def test_what_is_generated_in_a_project_is_as_it_would_be_now(lesson: Path) -> None:
    assert outdated(generated_in_project(lesson.parent)) == [], "make lessons"


def test_what_is_generated_for_all_projects_is_as_it_would_be_now() -> None:
    assert outdated(generated_in_root(ROOT)) == [], "make lessons"


def outdated(documents: Mapping[Path, str]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path, text in documents.items() if path.read_text() != text]


@lessons
def test_the_contract_states_every_check_and_no_other(lesson: Path) -> None:
    checks = checks_of(lesson.parent)
    assert ids_in(section(lesson, "The contract")) == {check.id for check in checks if not check.extension}
    assert ids_in(section(lesson, "Go further")) == {check.id for check in checks if check.extension}


@lessons
def test_every_sentence_of_the_contract_says_which_check_holds_one_to_it(lesson: Path) -> None:
    items = re.findall(r"^- (.+(?:\n {2}.+)*)", section(lesson, "The contract"), flags=re.MULTILINE)
    assert items
    assert [item for item in items if not re.search(r"\([SCE]\d+(?:, [SCE]\d+)*\)$", item)] == []


@lessons
def test_each_step_runs_the_checks_of_its_number(lesson: Path) -> None:
    checks = checks_of(lesson.parent)
    for number in sorted({check.step for check in checks if check.step is not None}):
        step = section(lesson, f"Step {number}")
        assert f'ARGS="--step {number}"' in step
        assert f": {count(checks, number)} pass in " in step


@lessons
def test_each_pitfall_is_a_mutant_and_names_what_catches_it(lesson: Path) -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \|.*\| ([^|]+) \|$", section(lesson, "Pitfalls"), flags=re.MULTILINE
    )
    assert rows
    caught_by = {mutant.id: ", ".join(mutant.caught_by) for mutant in load_mutants(lesson.parent)}
    assert [row for row in rows if caught_by.get(row[0]) != row[1]] == []


@lessons
def test_the_reading_order_tells_about_how_long_each_file_is(lesson: Path) -> None:
    rows = re.findall(r"\]\((src/[^)]+)\) \| (\d+) \|", section(lesson, "Reading order"))
    assert rows
    length = {file: len((lesson.parent / file).read_text().splitlines()) for file, _ in rows}
    far_off = {
        file: length[file] for file, said in rows if abs(int(said) - length[file]) > 10 + int(said) / 5
    }
    assert far_off == {}


def ids_in(text: str) -> set[str]:
    return set(CHECK_ID.findall(text))


def count(checks: list[Check], step: int) -> int:
    return sum(check.step == step and check.extension is None for check in checks)


def section(lesson: Path, title: str) -> str:
    """Return what stands below the heading that begins so, down to the next of the same rank."""
    match = re.search(
        rf"^(#+) {re.escape(title)}\b.*?(?=^\1 |^#{{1,2}} |\Z)", lesson.read_text(), re.MULTILINE | re.DOTALL
    )
    assert match is not None, f"{lesson.parent.name} has no section {title!r}"
    return match[0]


# What a lesson commands


def test_the_wildcard_stands_for_part_of_a_line_or_for_any_lines() -> None:
    wanted = pattern(["one …", "…", "last"])
    assert wanted.fullmatch("one 1\nlast\n")
    assert wanted.fullmatch("one 1\ntwo\nthree\nlast\n")
    assert not wanted.fullmatch("one 1\nlast\nmore\n")
    assert not wanted.fullmatch("two\nlast\n")


def test_another_output_and_a_failure_are_told_from_what_the_lesson_says() -> None:
    command = Command("echo one", ["one"], background=False)
    assert unlike(command, Printed("one\n", "", 0)) is None
    assert unlike(command, Printed("two\n", "", 0)) is not None
    assert unlike(command, Printed("one\n", "", 1)) is not None


def test_a_machine_that_is_too_slow_to_judge_is_excused_and_a_failed_check_is_not() -> None:
    command = Command("make verify-01", ["01-throttler: 3 pass in … s, seed …"], background=False)
    slow = "01-throttler: 1 pass, 1 inconclusive, 1 not run in 9.0 s, seed 5eed01\n"
    assert unlike(command, Printed(slow, "", 2)) is None
    assert unlike(command, Printed(slow.replace("1 pass", "1 fail"), "", 2)) is not None


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
    number, name = lesson.parent.name.split("-", 1)
    shutil.copytree(lesson.parent, tmp_path / f"my-{name}", ignore=not_the_learners)
    port = free_port()
    text = lesson.read_text()
    usual = f"127.0.0.1:{8000 + int(number)}"
    assert usual in text
    environment = environment_of(tmp_path, port)
    with stopped_at_the_end() as background:
        for command in commands_of(text.replace(usual, f"127.0.0.1:{port}")):
            if command.background:
                environment |= background.start(command, environment, tmp_path / "background.log")
            else:
                difference = unlike(command, run(command.line, environment))
                if difference is not None:
                    pytest.fail(difference, pytrace=False)


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
    if TOO_SLOW.search(printed.stdout):
        return None
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


# All documents


@documents
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for file, anchor in LINK.findall(prose(document)):
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{file}#{anchor}" if anchor else file)
    assert broken == []


@documents
def test_the_prose_is_plain(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`|<!--.*?-->", "", prose(document))
    assert FILLER.findall(text) == []
    assert re.findall(r"\w*!(?!\[)", text) == []
    assert EMOJI.findall(text) == []


@documents
def test_no_path_of_this_machine_stands_in_a_document(document: Path) -> None:
    text = document.read_text()
    assert [place for place in (ROOT, Path.home()) if re.search(rf"(?<![\w.]){place}\b", text)] == []


def prose(document: Path) -> str:
    return FENCE.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(document)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, 0) + 1
    return {slug if nth == 0 else f"{slug}-{nth}" for slug, times in found.items() for nth in range(times)}
