"""The pins of an image: what a project needs, at the versions that the workspace has."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kata.catalog.members import all_libs, load_member
from kata.errors import UsageError

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==.*\n(?: .*\n)*", re.MULTILINE)
# Pins hold on every platform, so what only one of them needs is pinned too.
_PLATFORMS: tuple[Mapping[str, str], ...] = (
    {},
    {"sys_platform": "darwin", "platform_system": "Darwin"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)


def image_requirements(project: Path, root: Path) -> str:
    """Return a project's requirements.txt: the workspace's pins of all that its dependencies lead to.

    Raises: UsageError, if one of them is not in the workspace.
    """
    pins = {
        canonicalize_name(match["name"]): match[0]
        for match in _PIN.finditer((root / "requirements" / "workspace.txt").read_text())
    }
    libs = {lib.name for lib in all_libs(root)}
    needed = _closure(load_member(project).dependencies) - libs
    missing = sorted(needed - pins.keys())
    if missing:
        raise UsageError(f"the workspace has no {', '.join(missing)}: see `make lock`")
    return "".join(pin for name, pin in pins.items() if name in needed)


def _closure(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of all that these requirements lead to, as what is installed says of itself."""
    todo = list(requirements)
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras | {""}
        for extra in {it for it in extras if (name, it) not in seen}:
            seen.add((name, extra))
            todo += [it for it in _requirements_of(name) if _holds(it, extra)]
    return {name for name, _ in seen}


def _requirements_of(name: str) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:  # another platform's
        return []


def _holds(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**platform, "extra": extra}) for platform in _PLATFORMS)
