"""`kata new`: a project's folder that passes the checks of every service at once."""

import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from kata.catalog.projects import ROOT
from kata.commands.lesson import generated_in_project, write
from kata.errors import KataError, UsageError
from kata.template.facts import Facts
from kata.template.pins import image_requirements
from kata.template.rendering import render_lesson, render_project

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 40
_NEEDS = ("postgres", "redis")


def new(
    number: Annotated[str, typer.Argument(help="Two digits, such as 12.", show_default=False)],
    name: Annotated[str, typer.Argument(help="Lower case, such as file-cache.", show_default=False)],
    *,
    web: Annotated[Literal["flask", "fastapi", "litestar"], typer.Option(help="The web framework.")],
    needs: Annotated[str, typer.Option(help="Of postgres and redis, with a comma between them.")] = "",
    worker: Annotated[bool, typer.Option("--worker", help="With a worker beside the web process.")] = False,
) -> None:
    """Write projects/NN-name: a small service, its lesson, features, containers. Touches nothing else."""
    facts = checked(number, name, web, needs, worker=worker)
    project = write_project(facts, ROOT / "projects")
    shown = project.relative_to(ROOT)
    print(f"{shown} is there. `make run-{facts.number}` runs it, `make verify-{facts.number}` verifies it.")
    print("`make lessons` enters it into the README and the glossary; CONTRIBUTING.md says what comes next.")


def checked(number: str, name: str, web: str, needs: str, *, worker: bool) -> Facts:
    """Return what the command line asks for.

    Raises: UsageError, which says what is wrong with it.
    """
    if not re.fullmatch(r"\d\d", number):
        raise UsageError(f"a project's number is two digits, such as 12, and not {number!r}")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise UsageError(f"a project's name is lower-case words with - between them, and not {name!r}")
    chosen = tuple(sorted(filter(None, needs.split(","))))
    if not set(chosen) <= set(_NEEDS) or len(set(chosen)) < len(chosen):
        raise UsageError(
            f"--needs takes {' and '.join(_NEEDS)}, with a comma between them, and not {needs!r}"
        )
    if worker and not chosen:
        raise UsageError("a worker meets the web process in a store: --worker goes with --needs")
    return Facts(number, name, web, chosen, worker)


def write_project(facts: Facts, projects: Path) -> Path:
    """Write the folder, or nothing.

    Raises: UsageError, if its number or its name is taken.
    """
    _refuse_what_is_taken(facts, projects)
    project = projects / facts.folder
    try:
        for path, text in render_project(facts).items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        _tidy(project)
        (project / "requirements.txt").write_text(image_requirements(project, ROOT))
        (project / "README.md").write_text(render_lesson(facts, project))
        (project / "Dockerfile").touch()  # generated, as parts of the lesson are
        write(generated_in_project(project))
    except BaseException:
        shutil.rmtree(project, ignore_errors=True)
        raise
    return project


def _refuse_what_is_taken(facts: Facts, projects: Path) -> None:
    for folder in sorted(projects.glob("*")):
        number, _, name = folder.name.partition("-")
        if number == facts.number:
            raise UsageError(f"the number {facts.number} is taken: {folder.name}")
        if name == facts.name:
            raise UsageError(f"the name {facts.name} is taken: {folder.name}")
    if keyword.iskeyword(facts.package) or find_spec(facts.package) is not None:
        raise UsageError(f"the name {facts.name} is taken: Python has a {facts.package} already")


def _tidy(project: Path) -> None:
    """Sort the imports and wrap the lines: both depend on how long the name is, and where in the alphabet."""
    for arguments in (["check", "--fix", "--select", "I"], ["format"]):
        _ruff([*arguments, "--quiet", "."], project)


def _ruff(arguments: Sequence[str], folder: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(  # noqa: S603 - the workspace's own
        [ruff, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise KataError(f"ruff {' '.join(arguments)}: {done.stdout}{done.stderr}")
