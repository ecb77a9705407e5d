import json
from pathlib import Path

import pytest

from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.report.diagnosis import looks_like, nearest

MUTANTS = """
[[mutant]]
id = "resets-early"
says = "the window resets on the clock"
[[mutant]]
id = "no-limit"
says = "there is no limit"
[[mutant]]
id = "a-slow-leak"
says = "what is refused is counted too"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mutants.toml").write_text(MUTANTS)
    matrix = {
        "resets-early": ["C4"],
        "no-limit": ["C1", "C2", "C4"],
        "a-slow-leak": ["C7"],
        "removed-since": ["C9"],
    }
    (tmp_path / "kill-matrix.json").write_text(json.dumps(matrix))
    return tmp_path


def run_of(**verdicts: str) -> RunResult:
    checks = [CheckResult(check, "A check", 1, Verdict(verdict), 0.1) for check, verdict in verdicts.items()]
    return RunResult("00-doubler", "here", "5eed", checks)


def test_a_failure_looks_like_the_mutant_that_fails_the_same_checks(project: Path) -> None:
    assert looks_like(project, run_of(C1="pass", C2="pass", C4="fail")) == {
        "C4": "the window resets on the clock  (mutant resets-early)"
    }


def test_each_failed_check_that_the_mutant_fails_gets_the_diagnosis(project: Path) -> None:
    there_is_no_limit = "there is no limit  (mutant no-limit)"
    found = looks_like(project, run_of(C1="fail", C2="fail", C3="fail", C4="fail"))
    assert found == {"C1": there_is_no_limit, "C2": there_is_no_limit, "C4": there_is_no_limit}


def test_of_two_that_are_equally_alike_both_are_named(project: Path) -> None:
    matrix = {"resets-early": ["C4"], "no-limit": ["C4"], "a-slow-leak": ["C4", "C7"]}
    (project / "kill-matrix.json").write_text(json.dumps(matrix))
    assert looks_like(project, run_of(C4="fail", C7="pass")) == {
        "C4": "there is no limit  (mutant no-limit) or the window resets on the clock  (mutant resets-early)"
    }


def test_of_more_than_two_that_are_equally_alike_none_is_named(project: Path) -> None:
    matrix = {"resets-early": ["C4"], "no-limit": ["C4"], "a-slow-leak": ["C4"]}
    (project / "kill-matrix.json").write_text(json.dumps(matrix))
    assert looks_like(project, run_of(C4="fail")) == {}


def test_a_check_that_was_not_run_does_not_count_against_a_resemblance(project: Path) -> None:
    found = looks_like(project, run_of(C1="fail", C2="not run", C4="not run"))
    assert found == {"C1": "there is no limit  (mutant no-limit)"}


def test_a_run_without_a_failure_looks_like_nothing(project: Path) -> None:
    assert looks_like(project, run_of(C1="pass", C4="inconclusive")) == {}


def test_a_mutant_that_is_no_more_is_not_named(project: Path) -> None:
    assert looks_like(project, run_of(C9="fail")) == {}


def test_a_project_without_a_matrix_has_no_diagnosis(project: Path) -> None:
    (project / "kill-matrix.json").unlink()
    assert looks_like(project, run_of(C4="fail")) == {}


@pytest.mark.parametrize(
    ("failed", "best"),
    [
        ({"C1", "C2"}, ["both"]),
        ({"C1"}, ["one"]),
        ({"C1", "C2", "C3"}, ["both"]),
        ({"C7"}, []),
        ({"C1", "C2", "C3", "C4", "C5"}, []),  # two of five: chance
        ({"C8", "C9"}, ["half"]),  # one of two is just enough
    ],
)
def test_the_nearest_mutant_shares_the_most_and_at_least_half(failed: set[str], best: list[str]) -> None:
    candidates = {
        "one": frozenset({"C1"}),
        "both": frozenset({"C1", "C2"}),
        "half": frozenset({"C8"}),
    }
    assert nearest(frozenset(failed), candidates) == best


def test_without_candidates_there_is_no_nearest() -> None:
    assert nearest(frozenset({"C1"}), {}) == []


@pytest.mark.parametrize(("equals", "named"), [("ba", ["a", "b"]), ("cab", [])])
def test_two_equals_are_named_by_the_alphabet_and_three_not(equals: str, named: list[str]) -> None:
    candidates = {name: frozenset({"C1"}) for name in equals}
    assert nearest(frozenset({"C1"}), candidates | {"d": frozenset({"C1", "C2"})}) == named
