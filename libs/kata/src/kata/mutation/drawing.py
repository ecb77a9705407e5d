"""Mutants that a machine thinks up: edits of a reference by the operators of mutmut."""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kata.bench.peers import PeerEnvironment
from kata.catalog.mutants import Mutant, load_mutants
from kata.catalog.projects import ROOT, Project
from kata.errors import KataError

_HERE = Path(__file__).parent
# People read these; no contract says how they look.
_NOT_DRAWN = {"__init__.py", "page.py", "documentation.py"}
# Of so many bugs that are written down nearby, the checks are likely to catch an edit, too.
_NEIGHBOURS = 5


def draw_mutants(project: Project, seed: str, count: int) -> list[Mutant]:
    """Draw so many edits of the project's Python sources, or all if there are no more.

    The same for the same seed and sources. An id depends on the edit alone, and not on the lines around it.
    Each names the checks that are likeliest to catch it: those of the bugs written down nearby.

    Raises:
        KataError: mutmut could not be installed, or could not read the sources.

    """
    files = sorted(
        file
        for source in project.sources
        for file in (project.path / source).rglob("*.py")
        if file.name not in _NOT_DRAWN
    )
    environment = PeerEnvironment(ROOT / ".data" / "mutation", _HERE / "requirements.txt")
    try:
        environment.make()
        command = [str(environment.python), str(_HERE / "edits.py"), seed, str(count), *map(str, files)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own command
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise KataError(f"no mutants can be generated: {reason}") from error
    written = load_mutants(project.path)
    return [_mutant(project.path, json.loads(line), written) for line in said.splitlines()]


def _mutant(project: Path, edit: dict[str, str], written: Sequence[Mutant]) -> Mutant:
    file = str(Path(edit["file"]).relative_to(project))
    says = f"{file}: {edit['removed']} -> {edit['added']}"
    digest = hashlib.sha256(f"{says} {edit['above']}".encode()).hexdigest()[:8]
    likely = _likely_checks(file, edit["find"], edit["put"], written)
    return Mutant(f"{Path(file).stem}-{digest}", says, file, edit["find"], edit["put"], likely)


def _likely_checks(file: str, source: str, edited: str, written: Sequence[Mutant]) -> tuple[str, ...]:
    letters = zip(source, edited, strict=False)
    place = next((at for at, (before, after) in enumerate(letters) if before != after), len(source))
    nearby = sorted(
        (abs(source.find(text) - place), mutant.caught_by)
        for mutant in written
        for where, text, _ in mutant.edits()
        if where == file
    )
    return tuple(sorted({check for _, caught_by in nearby[:_NEIGHBOURS] for check in caught_by}))
