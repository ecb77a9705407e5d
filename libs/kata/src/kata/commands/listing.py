"""`kata list`: the projects; and for programs their steps, their checks and which contract each has."""

import hashlib
import json
from collections import defaultdict
from typing import Annotated

import typer

from kata.catalog.checks import check_order
from kata.catalog.lesson import step_titles
from kata.catalog.projects import Project, all_projects
from kata.check.service_steps import SERVICE_FEATURE
from kata.commands.lesson import checks_of

_SHOWN_DIGITS = 16


def list_projects(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="With steps, checks and contracts, for programs.")
    ] = False,
) -> None:
    """List the projects in the learner's order."""
    projects = all_projects()
    if as_json:
        ordered = sorted(projects, key=lambda project: not project.comes_first)
        print(json.dumps({"tracks": [track for track in map(_track, ordered) if track["levels"]]}))
        return
    for project in projects:
        print(f"{project.name:<16} {project.description}")


def contract_version(project: Project) -> str:
    """Return a digest of what a solution of the project is judged by: another one may judge otherwise."""
    digest = hashlib.sha256()
    features = (path for path in project.features.rglob("*") if path.suffix in {".feature", ".py"})
    for path in [SERVICE_FEATURE, *sorted(features)]:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:_SHOWN_DIGITS]


def _track(project: Project) -> dict[str, object]:
    """Return a project as a sequence of levels: the steps of its lesson that have checks."""
    of_step: defaultdict[int, list[str]] = defaultdict(list)
    for check in checks_of(project.path):
        if check.step is not None and check.extension is None:
            of_step[check.step].append(check.id)
    titles = step_titles((project.path / "README.md").read_text())
    levels = [
        {
            "id": f"{project.number}.{step}",
            "step": step,
            "title": titles.get(step, f"Step {step}"),
            "checks": sorted(checks, key=check_order),
        }
        for step, checks in sorted(of_step.items())
    ]
    return {
        "id": project.name,
        "project": project.number,
        "title": project.description,
        "contract": contract_version(project),
        "levels": levels,
    }
