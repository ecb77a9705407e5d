"""The pinned requirements satisfy every pyproject.toml, and name no host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kata.catalog.projects import all_projects

ROOT = Path(__file__).parents[1]
MEMBERS = sorted(ROOT.glob("libs/*/pyproject.toml")) + [
    project.path / "pyproject.toml" for project in all_projects(ROOT)
]
IMAGES = [project.path for project in all_projects(ROOT)]


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", path.read_text(), flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def wanted(pyproject: Path, *, groups: bool) -> list[Requirement]:
    document = tomllib.loads(pyproject.read_text())
    project = document["project"]
    lines = list(project.get("dependencies", []))
    for extra in project.get("optional-dependencies", {}).values():
        lines += extra
    for group in document.get("dependency-groups", {}).values() if groups else ():
        lines += group
    own = {canonicalize_name(tomllib.loads(path.read_text())["project"]["name"]) for path in MEMBERS}
    requirements = [Requirement(line) for line in lines]
    return [requirement for requirement in requirements if canonicalize_name(requirement.name) not in own]


@pytest.mark.parametrize("pyproject", [ROOT / "pyproject.toml", *MEMBERS], ids=lambda path: path.parent.name)
def test_every_dependency_is_pinned_for_the_workspace(pyproject: Path) -> None:
    pinned = pins(ROOT / "requirements/workspace.txt")
    for requirement in wanted(pyproject, groups=True):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not pinned: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: make lock"


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.name)
def test_every_dependency_is_pinned_for_its_image(image: Path) -> None:
    pinned = pins(image / "requirements.txt")
    for requirement in wanted(image / "pyproject.toml", groups=False):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not pinned for the image: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: make lock"


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("requirements/*.txt")), *(image / "requirements.txt" for image in IMAGES)],
    ids=lambda path: str(path.relative_to(ROOT)),
)  # fmt: skip
def test_every_pin_has_hashes_and_no_host(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert "--hash=sha256:" in block, block
