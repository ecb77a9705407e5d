"""The members of the workspace, libs and projects, and which libs a member depends on."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Member:
    """What a member's pyproject.toml says of it."""

    path: Path
    name: str
    description: str
    dependencies: tuple[Requirement, ...]
    extras: Mapping[str, tuple[Requirement, ...]]

    def needed_with(self, extras: Collection[str]) -> list[Requirement]:
        """Return what it depends on when it is asked for with these extras."""
        return [*self.dependencies, *(one for extra in extras for one in self.extras.get(extra, ()))]


def load_member(path: Path) -> Member:
    """Read a member's folder."""
    about = tomllib.loads((path / "pyproject.toml").read_text())["project"]
    return Member(
        path,
        canonicalize_name(about["name"]),
        about.get("description", ""),
        tuple(map(Requirement, about.get("dependencies", ()))),
        {
            name: tuple(map(Requirement, lines))
            for name, lines in about.get("optional-dependencies", {}).items()
        },
    )


def all_libs(root: Path) -> list[Member]:
    return [load_member(file.parent) for file in sorted(root.glob("libs/*/pyproject.toml"))]


def libs_below(member: Member, root: Path) -> list[Member]:
    """Return the libs that a member depends on, and those that they depend on, each once and by name."""
    libs = {lib.name: lib for lib in all_libs(root)}
    found: dict[str, Member] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = list(member.dependencies)
    while todo:
        requirement = todo.pop()
        lib = libs.get(canonicalize_name(requirement.name))
        asked = requirement.name, frozenset(requirement.extras)
        if lib is not None and asked not in seen:
            seen.add(asked)
            found[lib.name] = lib
            todo += lib.needed_with(requirement.extras)
    return [found[name] for name in sorted(found)]
