"""Each project's document and its running service agree: schemathesis reads the one and asks the other."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kata.catalog.projects import Project, all_projects
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
"""What schemathesis takes for no refusal of valid input; that there is no 5xx is another of its checks."""


@pytest.mark.parametrize("project", all_projects(), ids=lambda project: project.number)
def test_a_service_does_what_its_document_says(project: Project, tmp_path: Path) -> None:
    """`[tool.kata.agreement]`: with which settings, and what it refuses for reasons no document states."""
    kata = tomllib.loads((project.path / "pyproject.toml").read_text())["tool"]["kata"]
    own = kata.get("agreement", {})
    statuses = [*ACCEPTED, *map(str, own.get("refusals", ()))]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f"[checks.positive_data_acceptance]\nexpected-statuses = {statuses}\n")
    world = OwnedWorld(ProcfileTarget(project.path), project.needs, Draw())
    try:
        url = world.start({**project.defaults, **own.get("env", {})}).urls[0]
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"]
        options = ["--checks", "all", "--max-examples", "25", "--seed", "1", "--generation-deterministic"]
        run = subprocess.run(
            [*command, f"{url}/openapi.json", "--no-color", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        world.close()
    assert run.returncode == 0, run.stdout + run.stderr
