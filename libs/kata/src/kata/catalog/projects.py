"""The projects of this repository: where they are and what running them needs."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kata.errors import UsageError

ROOT = Path(__file__).resolve().parents[5]
_FOLDER = re.compile(r"\d\d-[a-z0-9-]+")
CAPSTONE = "capstone"


@dataclass(frozen=True)
class Project:
    """A folder under projects/, or the capstone, described by `[tool.kata]` in its pyproject.toml."""

    number: str
    path: Path
    description: str
    needs: tuple[str, ...]  # of "redis", "postgres", "files", "smtp"
    defaults: Mapping[str, str]  # the contract's settings and their defaults: what --url assumes
    run_env: Mapping[str, str]
    try_lines: tuple[str, ...]
    settings: tuple[str, ...] = ()  # `module:Class` of what its processes read from the environment
    sources: tuple[str, ...] = ("src",)  # the folders of its code
    programs: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the image they are taken from
    comes_first: bool = False  # where levels are listed
    steps: Mapping[str, int] = field(default_factory=dict)  # of checks that all services are asked

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def argument(self) -> str:
        """What the command line calls it: its number, or its folder if it lies elsewhere."""
        return self.number if self.path in _folders(ROOT) else str(self.path)

    @property
    def import_root(self) -> Path:
        """The folder that its packages are imported from."""
        return self.path / "src" if self.sources == ("src",) else self.path

    @property
    def features(self) -> Path:
        return self.path / "features"


def load_project(path: Path) -> Project:
    """Read a project's folder."""
    document = tomllib.loads((path / "pyproject.toml").read_text())
    tool = document.get("tool", {})
    kata = tool.get("kata", {})
    run = kata.get("run", {})
    backend = tool.get("uv", {}).get("build-backend", {})
    return Project(
        number=path.name if path.name == CAPSTONE else path.name[:2],
        path=path,
        description=document["project"]["description"],
        needs=tuple(kata.get("needs", ())),
        defaults=kata.get("defaults", {}),
        run_env=run.get("env", {}),
        try_lines=tuple(run.get("try", ())),
        settings=tuple(kata.get("settings", ())),
        sources=tuple(backend["module-name"]) if backend.get("module-root") == "" else ("src",),
        programs=kata.get("programs", {}),
        comes_first=kata.get("first", False),
        steps=kata.get("steps", {}),
    )


@cache
def steps_of(path: Path) -> Mapping[str, int]:
    """Return the steps that a project gives to checks of every service: `[tool.kata.steps]`."""
    return load_project(path).steps


def all_projects(root: Path = ROOT) -> list[Project]:
    """Return the projects in the learner's order."""
    return [load_project(path) for path in _folders(root)]


def find_project(number: str, root: Path = ROOT) -> Project:
    """Return the project with this number, written `1`, `01` or `01-name`, or the one in the folder given."""
    projects = all_projects(root)
    for project in projects:
        if number in {project.name, project.number, project.number.lstrip("0")}:
            return project
    if (Path(number) / "features").is_dir():
        return load_project(Path(number).resolve())
    known = ", ".join(project.number for project in projects)
    raise UsageError(f"there is no project {number} (there is: {known})")


def _folders(root: Path) -> list[Path]:
    numbered = sorted(path for path in (root / "projects").iterdir() if _FOLDER.fullmatch(path.name))
    return [path for path in (*numbered, root / CAPSTONE) if (path / "pyproject.toml").exists()]
