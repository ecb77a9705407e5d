"""What `kata new` refuses, and that it leaves nothing half made. What it makes is tested as projects are."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kata.commands import new
from kata.commands.new import checked, write_project
from kata.errors import UsageError
from kata.template.facts import Facts

type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]

TALLY = Facts("71", "tally", "flask", ("redis",), has_worker=False)


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """A folder with one project."""
    (tmp_path / "projects" / "31-tea-cup").mkdir(parents=True)
    return tmp_path / "projects"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["7", "tally", "--web", "flask"], "a project's number is two digits, such as 12, and not '7'"),
        (["71", "Tally", "--web", "flask"], "a project's name is lower-case words .* not 'Tally'"),
        (["71", "tally-", "--web", "flask"], "a project's name is lower-case words .* not 'tally-'"),
        (["71", "tally", "--web", "django"], "Invalid value for '--web': .*"),
        (["71", "tally"], r"Missing option '--web'\.(.|\n)*"),
        (["71", "tally", "--web", "flask", "--needs", "mysql"], "--needs takes .* not 'mysql'"),
        (["71", "tally", "--web", "flask", "--needs", "redis,redis"], "--needs takes .* not 'redis,redis'"),
        (["71", "tally", "--web", "flask", "--worker"], "a worker meets .*: --worker goes with --needs"),
        (["71", "json", "--web", "flask"], "the name json is taken: Python has a json already"),
        (["71", "class", "--web", "flask"], "the name class is taken: Python has a class already"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_clear_line(kata: Kata, arguments: list[str], message: str) -> None:
    code, _, err = kata("new", *arguments)
    assert code == 4
    assert re.fullmatch(f"kata: {message}\n", err)


@pytest.mark.parametrize(
    ("number", "name", "message"),
    [
        ("31", "tally", "the number 31 is taken: 31-tea-cup"),
        ("71", "tea-cup", "the name tea-cup is taken: 31-tea-cup"),
    ],
)
def test_a_number_or_a_name_that_is_taken_is_refused(
    projects: Path, number: str, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        write_project(checked(number, name, "flask", "", worker=False), projects)
    assert [path.name for path in projects.iterdir()] == ["31-tea-cup"]


def test_a_name_that_ends_as_another_does_is_not_taken(projects: Path) -> None:
    assert write_project(checked("71", "cup", "flask", "", worker=False), projects).is_dir()


def test_what_fails_leaves_nothing_behind(projects: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_project: Path, _root: Path) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(new, "image_requirements", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_project(TALLY, projects)
    assert [path.name for path in projects.iterdir()] == ["31-tea-cup"]


def test_nothing_is_written_beside_the_folder(projects: Path) -> None:
    project = write_project(TALLY, projects)
    assert sorted(projects.parent.rglob("*")) == sorted(
        [projects, projects / "31-tea-cup", project, *project.rglob("*")]
    )
