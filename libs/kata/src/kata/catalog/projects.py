"""The projects of this repository: where they are and what running them needs."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kata.errors import UsageError

ROOT = Path(__file__).resolve().parents[5]
_FOLDER = re.compile(r"\d\d-[a-z0-9-]+")


@dataclass(frozen=True)
class Project:
    """One folder under projects/, described by `[tool.kata]` in its pyproject.toml."""

    number: str
    path: Path
    description: str
    needs: tuple[str, ...]  # of "redis", "postgres", "files", "smtp"
    defaults: Mapping[str, str]  # the contract's settings and their defaults: what --url assumes
    run_env: Mapping[str, str]
    try_lines: tuple[str, ...]
    settings: tuple[str, ...] = ()  # `module:Class` of what its processes read from the environment

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def argument(self) -> str:
        """What the command line calls it: its number, or its folder if it lies elsewhere."""
        return self.number if self.path.parent == ROOT / "projects" else str(self.path)

    @property
    def features(self) -> Path:
        return self.path / "features"


def load_project(path: Path) -> Project:
    """Read a project's folder."""
    document = tomllib.loads((path / "pyproject.toml").read_text())
    kata = document.get("tool", {}).get("kata", {})
    run = kata.get("run", {})
    return Project(
        number=path.name[:2],
        path=path,
        description=document["project"]["description"],
        needs=tuple(kata.get("needs", ())),
        defaults=kata.get("defaults", {}),
        run_env=run.get("env", {}),
        try_lines=tuple(run.get("try", ())),
        settings=tuple(kata.get("settings", ())),
    )


def all_projects(root: Path = ROOT) -> list[Project]:
    """Return the projects in the learner's order."""
    folders = sorted(path for path in (root / "projects").iterdir() if _FOLDER.fullmatch(path.name))
    return [load_project(path) for path in folders if (path / "pyproject.toml").exists()]


def find_project(number: str, root: Path = ROOT) -> Project:
    """Return the project with this number, written `1`, `01` or `01-name`, or in the folder given."""
    projects = all_projects(root)
    for project in projects:
        if number in {project.name, project.number, project.number.lstrip("0")}:
            return project
    if (Path(number) / "features").is_dir():
        return load_project(Path(number).resolve())
    known = ", ".join(project.number for project in projects)
    raise UsageError(f"there is no project {number} (there is: {known})")
