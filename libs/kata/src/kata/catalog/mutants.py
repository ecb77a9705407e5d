"""The deliberate bugs of a project's mutants.toml, and a copy of the reference with one of them."""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from kata.errors import KataError

_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".data", "bench", "tests", "*.egg-info")


@dataclass(frozen=True)
class Mutant:
    """One bug: where it is put, and which checks are to catch it."""

    id: str
    says: str
    file: str
    find: str
    put: str
    caught_by: tuple[str, ...]
    also: tuple[
        dict[str, str], ...
    ] = ()  # further edits of the same bug: find, put, and file where it is another

    def edits(self) -> list[tuple[str, str, str]]:
        """Return file, text to find and text to put of each edit."""
        first = (self.file, self.find, self.put)
        return [first, *((edit.get("file", self.file), edit["find"], edit["put"]) for edit in self.also)]


def load_mutants(project: Path) -> list[Mutant]:
    """Read mutants.toml.

    Raises:
        KataError: a field is missing, or an id stands twice.

    """
    document = tomllib.loads((project / "mutants.toml").read_text())
    try:
        mutants = [
            Mutant(**{**entry, "caught_by": tuple(entry["caught_by"]), "also": tuple(entry.get("also", ()))})
            for entry in document["mutant"]
        ]
    except (KeyError, TypeError) as error:
        raise KataError(f"{project.name}/mutants.toml: {error}") from error
    ids = [mutant.id for mutant in mutants]
    if len(set(ids)) != len(ids):
        raise KataError(f"{project.name}/mutants.toml: an id stands twice")
    return mutants


def plant(mutant: Mutant, project: Path, into: Path) -> None:
    """Copy the reference into an empty folder with the mutant's edit.

    Raises:
        KataError: the text to find is not there exactly once: the edit no longer applies.

    """
    shutil.copytree(project, into, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for file, find, put in mutant.edits():
        path = into / file
        source = path.read_text() if path.exists() else ""
        found = source.count(find)
        if found != 1:
            raise KataError(f"mutant {mutant.id} no longer applies: its text stands {found} times in {file}")
        path.write_text(source.replace(find, put))
