"""Each project's document and its running service agree: schemathesis reads the one and asks the other."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from kata.catalog.projects import Project, all_projects
from kata.servers.postgres_programs import programs_of
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
"""What schemathesis takes for no refusal of valid input; that there is no 5xx is another of its checks."""


@pytest.mark.parametrize("project", all_projects(), ids=lambda project: project.number)
def test_a_service_does_what_its_document_says(project: Project, tmp_path: Path) -> None:
    """`[tool.kata.agreement]` of a project: what schemathesis has to be told.

    Settings, headers, refusals that no document explains, checks that it contradicts, and paths whose answers
    do not end.
    """
    kata = tomllib.loads((project.path / "pyproject.toml").read_text())["tool"]["kata"]
    own = kata.get("agreement", {})
    statuses = [*ACCEPTED, *map(str, own.get("refusals", ()))]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f"[checks.positive_data_acceptance]\nexpected-statuses = {statuses}\n")
    world = OwnedWorld(
        ProcfileTarget(project.path, programs=programs_of(project.needs)), project.needs, Draw()
    )
    headers = [f"--header={name}: {value}" for name, value in own.get("headers", {}).items()]
    excluded = [f"--exclude-checks={check}" for check in own.get("contradicts", ())]
    excluded += [f"--exclude-path={path}" for path in own.get("endless", ())]
    try:
        url = world.start({**project.defaults, **own.get("env", {})}).urls[0]
        document = httpx.get(f"{url}/openapi.json", trust_env=False).json()
        command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"]
        options = ["--checks", "all", "--max-examples", "25", "--seed", "1", "--generation-deterministic"]
        run = subprocess.run(
            [*command, f"{url}/openapi.json", "--no-color", *options, *headers, *excluded],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        world.close()
    assert run.returncode == 0, run.stdout + run.stderr
    assert [one for one in references(document) if not leads_somewhere(one, document)] == []


def references(node: object) -> Iterator[str]:
    """Yield where each `$ref` leads, and each value of a discriminator; schemathesis passes over them."""
    if isinstance(node, dict):
        told = node.get("discriminator")
        mapping = told.get("mapping", {}) if isinstance(told, dict) else {}
        yield from [one for one in (node.get("$ref"), *mapping.values()) if isinstance(one, str)]
        for member in node.values():
            yield from references(member)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def leads_somewhere(reference: str, document: object) -> bool:
    node = document
    start, *steps = unquote(reference).split("/")
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            node = (
                node[int(name)] if isinstance(node, list) else node[name] if isinstance(node, dict) else None
            )
        except (LookupError, ValueError):
            return False
    return start == "#" and node is not None


def test_a_reference_that_leads_nowhere_is_found() -> None:
    document = {"a/b": [{"$ref": "#/a~1b/0"}, {"$ref": "#/$defs/Price"}, {"$ref": "#/a~1b/7"}]}
    wrong = [one for one in references(document) if not leads_somewhere(one, document)]
    assert wrong == ["#/$defs/Price", "#/a~1b/7"]
