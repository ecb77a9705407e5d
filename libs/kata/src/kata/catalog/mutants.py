"""The deliberate bugs of a project's mutants.toml, and a copy of the reference with one of them."""

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from kata.errors import KataError

_LIB_FILE = re.compile(r"(?P<sources>libs/[^/]+/src/)(?P<package>[^/]+)/.+")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".data", "bench", "tests", "*.egg-info")


# What a bug gets wrong; CONTRIBUTING.md says what each means.
KINDS = ("rule", "range", "bound", "every", "caller", "mirror", "verifier", "time", "lifecycle")


@dataclass(frozen=True)
class Mutant:
    """One bug: where it is put, of which kind it is, and which checks are to catch it."""

    id: str
    says: str
    file: str
    find: str
    put: str
    caught_by: tuple[str, ...]
    also: tuple[
        dict[str, str], ...
    ] = ()  # further edits of the same bug: find, put, and file where it is another
    kind: str | None = None  # of one that is written down; one that is generated has none
    seeds: int = 1  # within so many it dies: more than one where its check draws one combination of several

    def __post_init__(self) -> None:
        if self.kind is not None:
            _refuse_unknown(self.kind)
        if self.seeds < 1:
            raise ValueError(f"{self.id} is to die within {self.seeds} seeds")

    def edits(self) -> list[tuple[str, str, str]]:
        """Return file, text to find and text to put of each edit."""
        first = (self.file, self.find, self.put)
        return [first, *((edit.get("file", self.file), edit["find"], edit["put"]) for edit in self.also)]


@dataclass(frozen=True)
class Without:
    """Why some checks have no mutant of a kind."""

    kind: str
    checks: tuple[str, ...]
    reason: str

    def __post_init__(self) -> None:
        _refuse_unknown(self.kind)
        if not (self.checks and self.reason):
            raise ValueError(f"what is without {self.kind} names its checks and the reason")


def load_mutants(project: Path) -> list[Mutant]:
    """Read the bugs of mutants.toml.

    Raises:
        KataError: a field is missing or has no such value, or an id stands twice.

    """
    mutants = _read(project, "mutant", Mutant)
    ids = [mutant.id for mutant in mutants]
    if len(set(ids)) != len(ids):
        raise KataError(f"{project.name}/mutants.toml: an id stands twice")
    if kindless := [mutant.id for mutant in mutants if mutant.kind is None]:
        raise KataError(f"{project.name}/mutants.toml: without a kind: {', '.join(kindless)}")
    return mutants


def load_without(project: Path) -> list[Without]:
    """Read the reasons of mutants.toml for kinds that it has no bugs of.

    Raises:
        KataError: a field is missing or has no such value.

    """
    return _read(project, "without", Without)


def _read[T: (Mutant, Without)](project: Path, table: str, make: type[T]) -> list[T]:
    found = []
    for entry in tomllib.loads((project / "mutants.toml").read_text()).get(table, ()):
        entry.update({key: tuple(value) for key, value in entry.items() if isinstance(value, list)})
        try:
            found.append(make(**entry))
        except (TypeError, ValueError) as error:
            raise KataError(f"{project.name}/mutants.toml: {error}") from error
    return found


def _refuse_unknown(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind} (there is: {', '.join(KINDS)})")


def plant(mutant: Mutant, project: Path, into: Path) -> None:
    """Copy the reference into an empty folder with the mutant's edit.

    Of a lib that an edit is in, the package is copied to where the project's own are imported from.

    Raises:
        KataError: the text to find is not there exactly once: the edit no longer applies.

    """
    shutil.copytree(project, into, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for file, find, put in mutant.edits():
        path = _copied(file, project, into)
        source = path.read_text() if path.exists() else ""
        found = source.count(find)
        if found != 1:
            raise KataError(f"mutant {mutant.id} no longer applies: its text stands {found} times in {file}")
        path.write_text(source.replace(find, put))


def _copied(file: str, project: Path, into: Path) -> Path:
    """Return where a file is in the copy, a lib's relative to the root of the repository."""
    match = _LIB_FILE.fullmatch(file)
    if match is None:
        return into / file
    imported_from = into / "src" if (project / "src").is_dir() else into
    package = imported_from / match["package"]
    if not package.exists():
        root = next(parent for parent in project.parents if (parent / "libs").is_dir())
        shutil.copytree(root / match["sources"] / match["package"], package, ignore=_LEFT_OUT)
    return imported_from / file.removeprefix(match["sources"])
