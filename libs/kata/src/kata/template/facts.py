"""What the template's files are told of a project."""

import re
from dataclasses import dataclass
from pathlib import Path

from kata.catalog.members import libs_below, load_member
from kata.catalog.projects import CAPSTONE, load_project
from kata.solution.procfile import read_procfile

_ASSIGNMENTS = re.compile(r"(?:\w+=\S*\s+)*")


@dataclass(frozen=True)
class Facts:
    """A new project, as the command line has it."""

    number: str
    name: str  # in kebab case
    web: str
    needs: tuple[str, ...]
    has_worker: bool

    @property
    def folder(self) -> str:
        return f"{self.number}-{self.name}"

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def layers(self) -> list[str]:
        """The folders of the template that it is made of."""
        store = "postgres" if "postgres" in self.needs else "redis" if "redis" in self.needs else "memory"
        more = ["latest"] * self._has_both + ["worker"] * self.has_worker
        return ["any", self.web, store, *more]

    def context(self) -> dict[str, object]:
        is_async = self.web != "flask"
        return {
            "number": self.number,
            "name": self.name,
            "folder": self.folder,
            "package": self.package,
            "variable": self.package.upper(),
            "title": "".join(map(str.capitalize, self.name.split("-"))),
            "words": self.name.replace("-", " "),
            "web": self.web,
            "interface": "asgi" if is_async else "wsgi",
            "needs": self.needs,
            "postgres": "postgres" in self.needs,
            "redis": "redis" in self.needs,
            "latest": self._has_both,
            "worker": self.has_worker,
            "async": "async " if is_async else "",
            "await": "await " if is_async else "",
            "autocommit": "database.autocommit" if is_async else "autocommit",
        }

    @property
    def _has_both(self) -> bool:
        return {"postgres", "redis"} <= set(self.needs)


def image_context(project: Path, root: Path) -> dict[str, object]:
    """Read what the Dockerfile is told from the other files of a project."""
    member, about = load_member(project), load_project(project)
    return {
        "folder": "/".join(project.parts[-1 if project.name == CAPSTONE else -2 :]),
        "sources": about.sources,
        "name": member.name,
        "description": member.description,
        "libs": [lib.path.name for lib in libs_below(member, root)],
        "command": _ASSIGNMENTS.sub("", read_procfile(project)["web"], count=1).split(),
        "migrations": (project / "migrations").is_dir(),
        "files": "files" in about.needs,
        "programs": [
            {"tag": tag, "name": tag.rpartition("/")[2].partition(":")[0], "programs": programs}
            for tag, programs in about.programs.items()
        ],
    }
