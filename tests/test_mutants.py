from pathlib import Path

import pytest

from kata.catalog.mutants import Mutant, load_mutants, load_without, plant
from kata.catalog.projects import Project, all_projects
from kata.commands.lesson import checks_of
from kata.report.kinds import unexplained

MUTANTS = [
    pytest.param(project.path, mutant, id=f"{project.number}-{mutant.id}")
    for project in all_projects()
    for mutant in load_mutants(project.path)
]


@pytest.mark.parametrize(("project", "mutant"), MUTANTS)
def test_every_mutant_can_still_be_planted(project: Path, mutant: Mutant, tmp_path: Path) -> None:
    plant(mutant, project, tmp_path / "planted")


@pytest.mark.parametrize("project", all_projects(), ids=lambda project: project.number)
def test_every_check_has_a_mutant_of_each_kind_or_a_reason(project: Project) -> None:
    mutants = load_mutants(project.path)
    without = load_without(project.path)
    checks = [check.id for check in checks_of(project.path)]
    named = {check for mutant in mutants for check in mutant.caught_by}
    named |= {check for entry in without for check in entry.checks}
    assert named - set(checks) == set()
    assert unexplained([check for check in checks if check[0] != "S"], mutants, without) == []
