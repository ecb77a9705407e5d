"""The lesson's contract, as far as it speaks of values and mistakes, is kept by a service on the library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example"


@pytest.mark.parametrize("step", [3, 4])
def test_the_example_keeps_the_contract_of_lesson_09(step: int) -> None:
    """Steps 3 and 4 are values, orders, and how their mistakes are told."""
    scripts = Path(sys.executable).parent
    verification = subprocess.run(
        [scripts / "kata", "verify", "09", "--dir", EXAMPLE, "--step", str(step)],
        env={**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"},  # the Procfile says `python`
        cwd=EXAMPLE.parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert verification.returncode == 0, verification.stdout + verification.stderr
