"""Output that comes late, and in pieces, is waited for."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kata.solution.process import ManagedProcess
from kata.world.logs import entries, output_once

WRITES_IN_PIECES = """
import time
for piece in ('no JSON\\n', '[1]\\n', '{"id":', ' "a"}\\n', '{"id": "b"}\\n'):
    print(piece, end="", flush=True)
    time.sleep(0.05)
time.sleep(60)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ManagedProcess]:
    (tmp_path / "writes.py").write_text(WRITES_IN_PIECES)
    started = ManagedProcess("web", f"{sys.executable} writes.py", tmp_path, os.environ)
    started.start()
    yield started
    started.kill()


def test_output_is_returned_once_it_is_complete(process: ManagedProcess) -> None:
    lines = output_once(process, lambda lines: len(entries(lines)) == 2)
    assert entries(lines) == [{"id": "a"}, {"id": "b"}]
    assert process.alive


def test_output_that_does_not_come_is_not_waited_for_for_ever(process: ManagedProcess) -> None:
    assert "no JSON" in output_once(process, lambda lines: "never" in lines)
