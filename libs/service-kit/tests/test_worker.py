"""A real process, and real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

SAMPLE = Path(__file__).parent / "sample_worker.py"
PATIENCE_SECONDS = 30.0


class Start(Protocol):
    def __call__(self, behaviour: str, **environment: str) -> subprocess.Popen[str]: ...


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(behaviour: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(SAMPLE), behaviour],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert any(found.strip() == line for found in process.stdout), f"it ended without {line!r}"


def rest(process: subprocess.Popen[str]) -> list[str]:
    """Return its last words: lines of its own, and the events that it logged."""
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return [json.loads(line)["event"] if line[0] == "{" else line for line in output.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_time_and_what_it_used_is_closed(start: Start, number: signal.Signals) -> None:
    process = start("stops", SHUTDOWN_TIMEOUT_SECONDS="5")
    wait_for(process, "at work")
    process.send_signal(number)
    assert rest(process) == ["told to stop within 5.0 s", "closed", "stopped"]
    assert process.returncode == 0


def test_a_second_signal_changes_nothing(start: Start) -> None:
    process = start("ignores", SHUTDOWN_TIMEOUT_SECONDS="1")
    wait_for(process, "at work")
    process.terminate()
    wait_for(process, "told to stop within 1.0 s")
    process.terminate()
    assert rest(process) == ["worker died"]


def test_one_that_does_not_stop_is_cut_off(start: Start) -> None:
    process = start("ignores", SHUTDOWN_TIMEOUT_SECONDS="1")
    wait_for(process, "at work")
    process.terminate()
    assert rest(process) == ["told to stop within 1.0 s", "worker died"]
    assert process.returncode == 1


@pytest.mark.parametrize("behaviour", ["fails", "ends"])
def test_one_that_ends_by_itself_is_a_failure(start: Start, behaviour: str) -> None:
    process = start(behaviour)
    assert rest(process)[-1] == "worker died"
    assert process.returncode == 1


def test_a_bad_setting_stops_it_with_a_line_that_names_it(start: Start) -> None:
    process = start("stops", SHUTDOWN_TIMEOUT_SECONDS="soon")
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert output.startswith("settings: SHUTDOWN_TIMEOUT_SECONDS must be")
    assert process.returncode == 78
