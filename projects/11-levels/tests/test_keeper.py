"""The process between: it ends with its program, with its time, and with whoever holds its stdin."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from levels.verifier import KEEPER

PATIENCE_SECONDS = 10.0
# A child that leaves its parent and its session, and hears no signal that it can ignore.
ORPHAN = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
"""


type Kept = subprocess.Popen[bytes]
type Keep = Callable[[float, *tuple[str, ...]], Kept]


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Have a program kept; what a test leaves is ended with it."""
    with ExitStack() as stack:

        def start(seconds: float, *command: str) -> Kept:
            words = [sys.executable, "-I", "-S", str(KEEPER), str(seconds), *command]
            return stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE))

        yield start


def orphan(keep: Keep, folder: Path, seconds: float, lives: float) -> tuple[Kept, int]:
    """Start a program that leaves an orphan, whose id is returned."""
    noted = folder / "pid"
    keeper = keep(seconds, sys.executable, "-c", ORPHAN, str(noted), str(lives))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (noted.exists() and noted.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return keeper, int(noted.read_text())


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("exit 0", 0), ("kill -9 $$", 128 + signal.SIGKILL)]
)
def test_the_exit_code_is_the_programs_own(keep: Keep, script: str, code: int) -> None:
    assert keep(30, "sh", "-c", script).wait(PATIENCE_SECONDS) == code


def test_a_program_that_is_not_there_is_said_in_a_line(keep: Keep) -> None:
    keeper = keep(30, "/nowhere/verifier")
    _, said = keeper.communicate(timeout=PATIENCE_SECONDS)
    assert (keeper.returncode, said) == (127, b"/nowhere/verifier: No such file or directory\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_an_orphan_ends_with_the_program_that_has_left_it(keep: Keep, tmp_path: Path) -> None:
    keeper, process = orphan(keep, tmp_path, 60, 0.0)
    assert keeper.wait(PATIENCE_SECONDS) == 0
    assert not is_alive(process)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_all_of_it_ends_when_nobody_holds_stdin_any_more(keep: Keep, tmp_path: Path) -> None:
    keeper, process = orphan(keep, tmp_path, 60, 600.0)
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert keeper.wait(PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert not is_alive(process)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_all_of_it_ends_with_its_time_and_more_time_puts_that_off(keep: Keep, tmp_path: Path) -> None:
    began = time.monotonic()
    keeper, process = orphan(keep, tmp_path, 1.0, 600.0)
    assert keeper.stdin is not None
    keeper.stdin.write(b"1.5\n")
    keeper.stdin.flush()
    keeper.wait(PATIENCE_SECONDS)
    assert time.monotonic() - began >= 1.5
    assert not is_alive(process)


def test_a_program_that_hears_sigint_ends_by_itself(keep: Keep, tmp_path: Path) -> None:
    tidied = tmp_path / "tidied"
    script = f"trap 'touch {tidied}; exit 3' INT; touch {tmp_path}/up; while :; do sleep 0.05; done"
    keeper = keep(60, "bash", "-c", script)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (tmp_path / "up").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert keeper.stdin is not None
    keeper.stdin.close()
    assert keeper.wait(PATIENCE_SECONDS) == 3
    assert tidied.exists()
