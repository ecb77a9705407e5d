import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service_kit import reload

PATIENCE_SECONDS = 20.0
PROGRAM = "import time; open({log!r}, 'a').write({text!r}); time.sleep(60)"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "log"
    log.write_text("")
    return log


@pytest.fixture
def program(tmp_path: Path, log: Path) -> Path:
    program = tmp_path / "src" / "deep" / "program.py"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(log=str(log), text="1"))
    return program


@pytest.fixture
def reloader(tmp_path: Path, program: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "service_kit.reload", "src", "--", sys.executable, str(program)]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        yield process
        process.kill()


def test_runs_the_command_again_after_an_edit(
    reloader: subprocess.Popen[bytes], program: Path, log: Path
) -> None:
    wait_until(lambda: log.read_text() == "1")
    program.write_text(PROGRAM.format(log=str(log), text="2"))
    wait_until(lambda: log.read_text() == "12")
    assert reloader.poll() is None


def test_waits_for_the_next_edit_when_the_command_fails(
    reloader: subprocess.Popen[bytes], program: Path, log: Path
) -> None:
    wait_until(lambda: log.read_text() == "1")
    program.write_text("raise SystemExit(3)")
    time.sleep(2 * reload.POLL_SECONDS)
    program.write_text(PROGRAM.format(log=str(log), text="2"))
    wait_until(lambda: log.read_text() == "12")
    assert reloader.poll() is None


def test_ends_with_the_command_when_told_to(reloader: subprocess.Popen[bytes], log: Path) -> None:
    wait_until(lambda: log.read_text() == "1")
    reloader.send_signal(signal.SIGTERM)
    assert reloader.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("arguments", [[], ["src"], ["src", "--"], ["--", "program"]])
def test_says_how_it_is_used(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage: "):
        reload.main(arguments)


def test_compiled_python_is_no_edit(tmp_path: Path) -> None:
    before = reload.fingerprint([tmp_path])
    (tmp_path / "module.pyc").touch()
    assert reload.fingerprint([tmp_path]) == before
    (tmp_path / "module.py").write_text("")
    assert reload.fingerprint([tmp_path]) != before
