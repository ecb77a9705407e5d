from pathlib import Path

import pytest

from kata.catalog.projects import ROOT, Project, all_projects, find_project, load_project
from kata.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of two projects, a folder that is none, and a project that is only begun."""
    for name in ("02-sessions", "01-throttler", "notes"):
        folder = tmp_path / "projects" / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(f'[project]\ndescription = "About {name}."\n')
    (tmp_path / "projects" / "03-reminders").mkdir()
    return tmp_path


def test_projects_come_in_the_learner_s_order(root: Path) -> None:
    assert [project.name for project in all_projects(root)] == ["01-throttler", "02-sessions"]


@pytest.mark.parametrize("number", ["1", "01", "01-throttler"])
def test_a_project_is_found_by_its_number_or_its_name(root: Path, number: str) -> None:
    assert find_project(number, root).name == "01-throttler"


def test_an_unknown_project_is_answered_with_those_that_there_are(root: Path) -> None:
    with pytest.raises(UsageError, match=r"^there is no project 7 \(there is: 01, 02\)$"):
        find_project("7", root)


def test_a_folder_with_features_is_a_project_too(
    root: Path, doubler: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(doubler.path.parent)
    assert find_project("00-doubler", root) == doubler


def test_a_project_says_how_the_command_line_names_it(doubler: Project) -> None:
    other = find_project("01")
    assert (doubler.argument, other.argument) == (str(doubler.path), "01")
    assert find_project(doubler.argument) == doubler


def test_a_project_s_folder_says_what_running_it_needs(tmp_path: Path) -> None:
    folder = tmp_path / "04-file-cache"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\ndescription = "A cache."\n[tool.kata]\nneeds = ["redis"]\ndefaults = { LIMIT = "10" }\n'
        '[tool.kata.run]\nenv = { LIMIT = "5" }\ntry = ["curl {url}"]\n'
    )
    assert load_project(folder) == Project(
        "04", folder, "A cache.", ("redis",), {"LIMIT": "10"}, {"LIMIT": "5"}, ("curl {url}",)
    )


def test_every_project_of_this_repository_can_be_read() -> None:
    assert "01-throttler" in [project.name for project in all_projects(ROOT)]
