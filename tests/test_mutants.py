from pathlib import Path

import pytest

from kata.catalog.mutants import Mutant, load_mutants, plant
from kata.catalog.projects import all_projects

MUTANTS = [
    pytest.param(project.path, mutant, id=f"{project.number}-{mutant.id}")
    for project in all_projects()
    for mutant in load_mutants(project.path)
]


@pytest.mark.parametrize(("project", "mutant"), MUTANTS)
def test_every_mutant_can_still_be_planted(project: Path, mutant: Mutant, tmp_path: Path) -> None:
    plant(mutant, project, tmp_path / "planted")
