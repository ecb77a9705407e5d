import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kata.catalog.mutants import Mutant, plant
from kata.catalog.projects import ROOT, Project, load_project
from kata.commands import generated as module
from kata.commands.generated import verify_generated
from kata.judge.verdicts import Exit
from kata.mutation import drawing
from kata.mutation.drawing import draw_mutants
from kata.report.kill_matrix import Trial

DRAWN = [Mutant(name, f"app.py: {name}", "app.py", "", "", ()) for name in ("quick", "slow", "tough", "dead")]


@pytest.fixture
def project(doubler: Project, tmp_path: Path) -> Project:
    """A copy of the doubler whose source lies where a project's does."""
    left_out = shutil.ignore_patterns("__pycache__")
    copy = Path(shutil.copytree(doubler.path, tmp_path / "00-doubler", ignore=left_out))
    (copy / "src").mkdir()
    (copy / "app.py").rename(copy / "src" / "app.py")
    (copy / "src" / "page.py").write_text("x = 1\n")
    mutants = copy / "mutants.toml"
    mutants.write_text(mutants.read_text().replace('"app.py"', '"src/app.py"'))
    return load_project(copy)


def judge(project: Project, mutant: str, verdict: str) -> None:
    with (project.path / "survivors.toml").open("a") as file:
        file.write(f'[[survivor]]\nid = "{mutant}"\nedit = ""\nverdict = "{verdict}"\nreason = "so it is"\n')


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr(module, "draw_mutants", lambda *_: DRAWN)
    return []


def verifier(asked: list[tuple[str, str]]) -> Callable[[Sequence[tuple[Mutant, str]]], list[Trial]]:
    """Kill one on the first seed and one on the second, and start one never."""
    exits = {("quick", "1"): Exit.FAIL, ("slow", "2"): Exit.FAIL, ("dead", "1"): Exit.NO_TARGET}

    def verify(planned: Sequence[tuple[Mutant, str]]) -> list[Trial]:
        asked.extend((mutant.id, seed) for mutant, seed in planned)
        return [
            Trial(mutant.id, seed, {}, exits.get((mutant.id, seed), Exit.PASS)) for mutant, seed in planned
        ]

    return verify


def test_each_is_verified_with_one_seed_after_another_until_it_dies(
    project: Project, asked: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not verify_generated(project, "5eed", 4, ["1", "2", "3"], verifier(asked))
    assert asked == [
        *[(name, "1") for name in ("quick", "slow", "tough", "dead")],
        *[(name, "2") for name in ("slow", "tough")],
        ("tough", "3"),
    ]
    assert "4 drawn: 3 killed (2 on seed 1, 1 on seed 2)" in capsys.readouterr().out


def test_one_that_was_judged_is_not_verified_again(project: Project, asked: list[tuple[str, str]]) -> None:
    judge(project, "tough", "equivalent")
    assert verify_generated(project, "5eed", 4, ["1", "2"], verifier(asked))
    assert "tough" not in {mutant for mutant, _ in asked}


def test_a_check_that_is_missing_fails_each_run(project: Project, asked: list[tuple[str, str]]) -> None:
    judge(project, "tough", "equivalent")
    judge(project, "drawn-before", "missing")
    assert not verify_generated(project, "5eed", 4, ["1", "2"], verifier(asked))


def test_edits_are_drawn_from_the_sources_and_each_is_a_mutant(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (ROOT / ".uv/bin/uv").exists():  # where make has put it, unless the machine has one
        monkeypatch.setenv("UV", str(ROOT / ".uv/bin/uv"))
    first, other = (draw_mutants(project, seed, 12) for seed in ("1", "2"))
    assert first != other
    assert {mutant.file for mutant in first} == {"src/app.py"}
    mutant = first[0]
    plant(mutant, project.path, tmp_path / "planted")
    assert (tmp_path / "planted" / "src/app.py").read_text() == mutant.put != mutant.find

    source = project.path / "src" / "app.py"
    source.write_text("# a line more\n" + source.read_text())
    assert [it.id for it in draw_mutants(project, "1", 12)] == [it.id for it in first]


def test_the_checks_of_the_nearest_bugs_are_the_likeliest_to_catch_an_edit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "_NEIGHBOURS", 1)
    likely = {mutant.put: mutant.caught_by for mutant in draw_mutants(project, "1", 1000)}
    (largest,) = (checks for put, checks in likely.items() if "number >= self.largest" in put)
    assert largest == ("C2",)
    assert set(likely.values()) == {("C1",), ("C2",), ("C3",)}
