"""Pages whose commands are executed: a lesson, a guide. What a command prints is what the page says of it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from kata.catalog.lesson import Block, blocks

ANYTHING: Final = "…"
"""In a line: any characters; alone on a line: any lines, or none."""

BACKGROUND: Final = "background"
"""Behind the fence of a command that goes on."""

_START_SECONDS = 90.0
_COMMAND_SECONDS = 300.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Command:
    """A line of a ```console block that begins with `$ `, and what the page says that it prints.

    Behind ```console background stand those that go on while the next ones are executed.
    """

    line: str
    expected: list[str]
    background: bool


@dataclass(frozen=True)
class Printed:
    """What a command printed, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


def commands_of(page: str) -> Iterator[Command]:
    for block in blocks(page):
        if block.language == "console":
            yield from commands_in(block)


def commands_in(block: Block) -> Iterator[Command]:
    for text in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
        line, *expected = text.rstrip("\n").split("\n")
        yield Command(line, expected, block.info == BACKGROUND)


def run(line: str, folder: Path, environment: Mapping[str, str]) -> Printed:
    """Have a shell execute a line in this folder."""
    done = subprocess.run(  # noqa: S603 - a line of our own page
        ["bash", "-c", line],  # noqa: S607 - as whoever reads it has it
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )
    return Printed(done.stdout, done.stderr, done.returncode)


def unlike(command: Command, printed: Printed) -> str | None:
    """Say how what was printed differs from what the page says, None if it does not."""
    if printed.exit_code == 0 and pattern(command.expected).fullmatch(_lines_of(printed.stdout)):
        return None
    got = f"{printed.stdout}{printed.stderr}exit code {printed.exit_code}"
    return "\n".join([f"$ {command.line}", got, "", "the page says:", *command.expected])


def pattern(expected: list[str]) -> re.Pattern[str]:
    """Compile lines with wildcards to one pattern."""
    return re.compile("".join(map(_line_pattern, expected)))


def _line_pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*?"
    return re.escape(line.rstrip()).replace(re.escape(ANYTHING), ".*") + r"\n"


def _lines_of(output: str) -> str:
    """End each line in the same way: HTTP ends its own with CR LF, and a body may end without."""
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


class Background:
    """Commands that go on until the end of the page, as in a terminal of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, command: Command, environment: Mapping[str, str], log: Path) -> dict[str, str]:
        """Start it, wait until what it prints is what the page says, and return the addresses therein."""
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - as above
                ["bash", "-c", command.line],  # noqa: S607
                cwd=self._folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((process, log))
        wanted = pattern(command.expected)
        deadline = time.monotonic() + _START_SECONDS
        while not wanted.match(_lines_of(log.read_text())):
            told = "\n".join([f"$ {command.line}", log.read_text(), "the page says:", *command.expected])
            assert process.poll() is None, f"it ended with {process.returncode}:\n{told}"
            assert time.monotonic() < deadline, f"it has not printed it in time:\n{told}"
            time.sleep(0.05)
        printed = log.read_text()
        for url in re.findall(r"running at (http://\S+)", printed):
            assert not httpx.get(url, trust_env=False).is_server_error, url
        return dict(re.findall(r"^ +([A-Z]+_URL) +(\S+)$", printed, flags=re.MULTILINE))

    def stop(self) -> None:
        """Press Ctrl-C, and demand a clean end that leaves nothing behind."""
        for process, log in self._running:
            started = _descendants(process.pid)
            # Not to make: it would die of the signal, and the exit code of what it runs would be lost.
            for pid in started:
                with suppress(ProcessLookupError):  # PostgreSQL has processes that come and go
                    if os.getpgid(pid) == process.pid:
                        os.kill(pid, signal.SIGINT)
            assert process.wait(_STOP_SECONDS) == 0, log.read_text()
            assert [pid for pid in started if pid in _parents()] == [], log.read_text()

    def kill(self) -> None:
        """End what a failed page has left."""
        for process, _ in self._running:
            if process.poll() is None:
                for pid in [*_descendants(process.pid), process.pid]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process.wait()


@contextmanager
def stopped_at_the_end(folder: Path) -> Iterator[Background]:
    """Start commands in this folder, and stop them at the end as whoever reads would."""
    background = Background(folder)
    try:
        yield background
        background.stop()
    finally:
        background.kill()


def _descendants(pid: int) -> list[int]:
    """Return the children of a process and theirs."""
    known = _parents()
    found = [pid]
    for member in found:
        found += [child for child, parent in known.items() if parent == member]
    return found[1:]


def _parents() -> dict[int, int]:
    """Return each running process with its parent; one that ended and was not waited for does not run."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split() for line in listing.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent, state, *_ in rows if not state.startswith("Z")}


def follow(page: str, home: Path, environment: Mapping[str, str], kinds: Collection[str] = ()) -> None:
    """Do what a page says, from top to bottom, in the reader's home; and demand that it prints what it says.

    A block whose fence names a file, such as ```python ~/hello/app.py, is written there. Of the blocks of
    commands those without a word behind the fence, in the background, and of these kinds are executed.

    Raises: AssertionError, with the command and what it printed.
    """
    with stopped_at_the_end(home) as background:
        for number, block in enumerate(blocks(page)):
            if block.info.startswith("~/"):
                path = home / block.info.removeprefix("~/")
                path.write_text(block.body)
            elif block.language == "console" and block.info in {*kinds, "", BACKGROUND}:
                for command in commands_in(block):
                    if command.background:
                        background.start(command, environment, home / f"background-{number}.log")
                    else:
                        difference = unlike(command, run(command.line, home, environment))
                        assert difference is None, difference
