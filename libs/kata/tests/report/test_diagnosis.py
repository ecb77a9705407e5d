from pathlib import Path

import pytest

from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.report.diagnosis import ALIKE, alike, looks_like, nearest
from kata.report.kill_matrix import write_matrix

BUG = """
[[mutant]]
id = "{}"
says = "{}"
file = ""
find = ""
put = ""
caught_by = ["C1"]
kind = "rule"
"""
SAYS = {
    "resets-early": "the window resets on the clock",
    "no-limit": "there is no limit",
    "leaks": "it leaks",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mutants.toml").write_text("".join(BUG.format(*mutant) for mutant in SAYS.items()))
    matrix = {
        "resets-early": {"C4": ["429 for request # | 200"]},
        "no-limit": {check: ["429 for request # | 200"] for check in ("C1", "C2", "C4")},
        "leaks": {"C4": ["429 for request # | no answer (connection reset)"]},
    }
    write_matrix(tmp_path, matrix)
    return tmp_path


def run_of(got: str, **verdicts: str) -> RunResult:
    checks = [
        CheckResult(check, "A check", 1, Verdict(verdict), 0.1, expected="429 for request 12", got=got)
        for check, verdict in verdicts.items()
    ]
    return RunResult("00-doubler", "here", "5eed", checks)


def test_a_failure_looks_like_the_mutant_that_fails_the_same_checks_in_the_same_way(project: Path) -> None:
    assert looks_like(project, run_of("200", C1="pass", C2="pass", C4="fail")) == {
        "C4": "the window resets on the clock  (mutant resets-early)"
    }
    assert looks_like(project, run_of("no answer (connection reset)", C1="pass", C2="pass", C4="fail")) == {
        "C4": "it leaks  (mutant leaks)"
    }


def test_the_same_checks_in_another_way_look_like_nothing(project: Path) -> None:
    assert looks_like(project, run_of("503", C1="fail", C2="pass", C4="fail")) == {}


def test_each_failed_check_that_the_mutant_fails_gets_the_diagnosis(project: Path) -> None:
    there_is_no_limit = "there is no limit  (mutant no-limit)"
    found = looks_like(project, run_of("200", C1="fail", C2="fail", C3="fail", C4="fail"))
    assert found == {"C1": there_is_no_limit, "C2": there_is_no_limit, "C4": there_is_no_limit}


def test_of_two_that_are_equally_alike_neither_is_named(project: Path) -> None:
    assert looks_like(project, run_of("200", C1="not run", C2="not run", C4="fail")) == {}


def test_a_check_that_was_not_run_does_not_count_against_a_resemblance(project: Path) -> None:
    found = looks_like(project, run_of("200", C1="fail", C2="not run", C4="not run"))
    assert found == {"C1": "there is no limit  (mutant no-limit)"}


def test_a_run_without_a_failure_looks_like_nothing(project: Path) -> None:
    assert looks_like(project, run_of("200", C1="pass", C4="inconclusive")) == {}


def test_a_project_without_a_matrix_has_no_diagnosis(project: Path) -> None:
    (project / "kill-matrix.json").unlink()
    assert looks_like(project, run_of("200", C4="fail")) == {}


def test_resemblance_is_how_alike_the_checks_of_the_row_are_and_failures_elsewhere_count_half() -> None:
    row = {"C1": ["a"], "C2": ["b c", "d e"]}
    assert alike({"C1": "a", "C2": "d e"}, row) == 1.0
    assert alike({"C1": "a"}, row) == pytest.approx(1 / 2)
    assert alike({"C1": "a", "C3": "a"}, row) == pytest.approx(1 / 2.5)
    assert alike({"C1": "z", "C2": "z"}, row) == 0.0
    assert alike({"C1": "a"}, {"C1": []}) == 0.0


def test_the_nearest_has_to_be_near_and_ahead_of_its_rivals() -> None:
    rows = {"one": {"C1": ["a"]}, "both": {"C1": ["a"], "C2": ["b"]}}
    assert nearest({"C1": "a"}, rows) == "one"
    assert nearest({"C1": "a", "C2": "b"}, rows) == "both"
    assert nearest({"C1": "a"}, rows | {"twin": {"C1": ["a"]}}) is None
    assert nearest({"C1": "a", "C7": "a"}, rows) == "one"
    assert alike({"C1": "a", "C7": "a", "C8": "a"}, rows["one"]) < ALIKE
    assert nearest({"C1": "a", "C7": "a", "C8": "a"}, rows) is None
    assert nearest({"C1": "a"}, {}) is None
