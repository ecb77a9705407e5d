from dataclasses import replace
from pathlib import Path

import pytest

from kata.catalog.mutants import KINDS, Mutant, Without, load_without
from kata.errors import KataError
from kata.report.kinds import render_kinds, unexplained

BUG = Mutant("squares", "", "app.py", "", "", ("C1", "C10"), kind="rule")
EXCUSE = """
[[without]]
kind = "mirror"
checks = ["C1", "C2"]
reason = "nothing is stored"
"""


def test_a_cell_has_a_bug_or_a_reason_or_is_unexplained() -> None:
    without = [Without(kind, ("C1", "C2"), "it cannot be") for kind in KINDS if kind != "rule"]
    assert unexplained(["C1", "C2"], [BUG], without) == [("C2", "rule")]


def test_the_table_counts_bugs_for_each_check_and_each_kind() -> None:
    mutants = [BUG, replace(BUG, id="cubes", caught_by=("C1",)), replace(BUG, id="waits", kind="time")]
    without = [Without("mirror", ("C1", "C10"), "nothing is stored")]
    assert render_kinds(["C1", "C10"], mutants, without).splitlines() == [
        "     rule  range  bound  every  caller  mirror  verifier  time  lifecycle  all",
        "C1      2                                    .               1               3",
        "C10     1                                    .               1               2",
        "all     2      0      0      0       0       0         0     1          0    3",
        "12 cells are empty without a reason",
    ]


def test_reasons_are_read_from_the_file_of_mutants(tmp_path: Path) -> None:
    (tmp_path / "mutants.toml").write_text(EXCUSE)
    assert load_without(tmp_path) == [Without("mirror", ("C1", "C2"), "nothing is stored")]


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ('"mirror"', '"typo"', "there is no kind typo"),
        ('["C1", "C2"]', "[]", "what is without mirror names its checks and the reason"),
        ('"nothing is stored"', '""', "what is without mirror names its checks and the reason"),
        ("reason", "because", "because"),
    ],
)
def test_a_reason_that_says_nothing_is_refused(tmp_path: Path, right: str, wrong: str, problem: str) -> None:
    (tmp_path / "mutants.toml").write_text(EXCUSE.replace(right, wrong))
    with pytest.raises(KataError, match=f"/mutants.toml: .*{problem}"):
        load_without(tmp_path)
