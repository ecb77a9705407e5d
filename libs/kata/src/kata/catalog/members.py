"""The members of the workspace, libs and projects, and which libs a member depends on."""

import tomllib
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


def load_member(path: Path) -> Member:
    """Read a member's folder."""
    about = tomllib.loads((path / "pyproject.toml").read_text())["project"]
    return Member(
        path,
        canonicalize_name(about["name"]),
        about.get("description", ""),
        tuple(Requirement(line) for line in about.get("dependencies", ())),
    )


def all_libs(root: Path) -> list[Member]:
    return [load_member(file.parent) for file in sorted(root.glob("libs/*/pyproject.toml"))]


def libs_below(member: Member, root: Path) -> list[Member]:
    """Return the libs that a member depends on, and those that they depend on, each once and by name."""
    libs = {lib.name: lib for lib in all_libs(root)}
    found: dict[str, Member] = {}
    todo = [member]
    while todo:
        for requirement in todo.pop().dependencies:
            lib = libs.get(canonicalize_name(requirement.name))
            if lib is not None and lib.name not in found:
                found[lib.name] = lib
                todo.append(lib)
    return [found[name] for name in sorted(found)]
