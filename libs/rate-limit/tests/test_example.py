"""The lesson's contract, as far as it speaks of limits, is kept by a service on the library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example"
OTHERWISE = {
    "C37": "a window's end is kept in the value, and a key's time to live follows it",
    "C39": "the same",
    "C41": "the example's /ready asks for an answer, and not whether Redis can count",
    "C43": "whom a line of the log names is no matter of the library",
}


@pytest.mark.parametrize("step", range(2, 8))
def test_the_example_keeps_the_contract_of_lesson_01(step: int) -> None:
    """Step 1 is about services, whatever they do; OTHERWISE says what the library does not promise."""
    scripts = Path(sys.executable).parent
    verification = subprocess.run(
        [scripts / "kata", "verify", "01", "--dir", EXAMPLE, "--step", str(step)],
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},  # the Procfile says `python`
        cwd=EXAMPLE.parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failed = set(re.findall(r"^ x  (\w+)", verification.stdout, re.MULTILINE))
    assert failed <= OTHERWISE.keys(), verification.stdout
    assert verification.returncode == (1 if failed else 0), verification.stdout + verification.stderr
