import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kata.catalog.mutants import Mutant, load_mutants, plant
from kata.catalog.projects import Project, load_project
from kata.commands import mutants as module
from kata.commands.mutants import changed_files, draw_sample, run_mutants
from kata.errors import KataError
from kata.judge.verdicts import CheckResult, Exit, RunResult, Verdict
from kata.options import Options
from kata.report.kill_matrix import (
    Trial,
    caught,
    problems,
    read_matrix,
    render_matrix,
    traces,
    write_matrix,
)

type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]
type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]

SQUARES = Mutant(
    "squares", "the number is squared", "app.py", "number * 2}", "number * number}", ("C1",), kind="rule"
)
EQUIVALENT = """
[[mutant]]
id = "equivalent"
says = "the same in other words"
file = "app.py"
find = "number * 2}"
put = "2 * number}"
caught_by = ["C1"]
kind = "rule"
"""


@pytest.fixture
def project(doubler: Project, tmp_path: Path) -> Project:
    """A copy of the doubler, to be changed."""
    left_out = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(doubler.path, tmp_path / "00-doubler", ignore=left_out)
    return load_project(Path(copy))


def trial(mutant: str, *failed: str, seed: str = "5eed", exit_code: Exit = Exit.FAIL) -> Trial:
    return Trial(mutant, seed, dict.fromkeys(failed, "it is | it was"), exit_code)


def test_mutants_are_read_from_their_file(doubler: Project) -> None:
    mutants = load_mutants(doubler.path)
    assert [mutant.id for mutant in mutants] == ["squares", "ignores-largest", "keeps-for-ever"]
    assert mutants[0] == SQUARES


def test_a_bug_of_several_edits_is_one_mutant(project: Project) -> None:
    text = EQUIVALENT + 'also = [{ find = "a", put = "b" }, { file = "Procfile", find = "c", put = "d" }]\n'
    (project.path / "mutants.toml").write_text(text)
    (mutant,) = load_mutants(project.path)
    assert mutant.edits() == [
        ("app.py", "number * 2}", "2 * number}"),
        ("app.py", "a", "b"),
        ("Procfile", "c", "d"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (EQUIVALENT.replace('find = "number * 2}"\n', ""), "find"),
        (EQUIVALENT.replace('caught_by = ["C1"]\n', ""), "caught_by"),
        (EQUIVALENT + 'why = "because"\n', "why"),
        (EQUIVALENT + EQUIVALENT, "an id stands twice"),
        (EQUIVALENT.replace('kind = "rule"\n', ""), "without a kind: equivalent"),
        (EQUIVALENT.replace('"rule"', '"typo"'), "there is no kind typo"),
        (EQUIVALENT + "seeds = 0\n", "equivalent is to die within 0 seeds"),
    ],
)
def test_a_malformed_file_of_mutants_is_refused(project: Project, text: str, problem: str) -> None:
    (project.path / "mutants.toml").write_text(text)
    with pytest.raises(KataError, match=f"^00-doubler/mutants.toml: .*{problem}"):
        load_mutants(project.path)


def test_a_mutant_is_the_reference_with_one_edit(doubler: Project, tmp_path: Path) -> None:
    plant(SQUARES, doubler.path, tmp_path / "mutant")
    planted = (tmp_path / "mutant" / "app.py").read_text()
    assert planted == (doubler.path / "app.py").read_text().replace("number * 2}", "number * number}")
    assert (tmp_path / "mutant" / "Procfile").exists()


def test_the_reference_is_left_as_it_was(doubler: Project, tmp_path: Path) -> None:
    before = (doubler.path / "app.py").read_text()
    plant(SQUARES, doubler.path, tmp_path / "mutant")
    assert (doubler.path / "app.py").read_text() == before


def test_every_edit_of_a_bug_is_made(doubler: Project, tmp_path: Path) -> None:
    both = replace(SQUARES, also=({"file": "Procfile", "find": "app.py", "put": "other.py"},))
    plant(both, doubler.path, tmp_path / "mutant")
    assert (tmp_path / "mutant" / "Procfile").read_text() == "web: exec python other.py\n"


@pytest.mark.parametrize("sources", ["src", "."])
def test_a_bug_in_a_lib_is_in_a_copy_of_it_that_is_imported_first(tmp_path: Path, sources: str) -> None:
    lib = tmp_path / "libs" / "loud" / "src" / "loud"
    lib.mkdir(parents=True)
    (lib / "__init__.py").write_text("WORD = 'hello'\nEND = '!'\n")
    project = tmp_path / "projects" / "00-greeter"
    (project / sources / "greeter").mkdir(parents=True)
    (project / sources / "greeter" / "__main__.py").write_text("import loud; print(loud.WORD + loud.END)\n")
    file = "libs/loud/src/loud/__init__.py"
    bug = Mutant("rude", "it says go", file, "hello", "go", ("C1",), also=({"find": "!", "put": "."},))
    plant(bug, project, tmp_path / "mutant")
    done = subprocess.run(
        [sys.executable, "-m", "greeter"],
        cwd=tmp_path / "mutant",
        env={"PYTHONPATH": f"{sources}:{lib.parent}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "go.\n"
    assert "hello" in (lib / "__init__.py").read_text()


@pytest.mark.parametrize(
    ("file", "find", "times"),
    [("app.py", "number / 2", 0), ("app.py", "class ", 4), ("gone.py", "x", 0)],
)
def test_an_edit_that_no_longer_applies_is_an_error(
    doubler: Project, tmp_path: Path, file: str, find: str, times: int
) -> None:
    stale = replace(SQUARES, file=file, find=find)
    with pytest.raises(KataError) as refused:
        plant(stale, doubler.path, tmp_path / "mutant")
    assert str(refused.value) == f"mutant squares no longer applies: its text stands {times} times in {file}"


@pytest.mark.parametrize(
    ("exit_code", "is_caught"),
    [(Exit.FAIL, True), (Exit.NO_TARGET, False), (Exit.PASS, False), (Exit.INCONCLUSIVE, False)],
)
def test_a_mutant_is_caught_by_a_failed_check_alone(exit_code: Exit, is_caught: bool) -> None:
    assert caught(trial("squares", exit_code=exit_code)) == is_caught


def test_a_mutant_that_its_checks_caught_is_no_problem() -> None:
    assert problems([SQUARES], [trial("squares", "C1", "C4"), trial("squares", "C1", seed="0001")]) == []


def test_a_survivor_is_named_with_its_seeds() -> None:
    trials = [
        trial("squares", "C1"),
        trial("squares", seed="0001", exit_code=Exit.PASS),
        trial("squares", seed="0002", exit_code=Exit.INCONCLUSIVE),
    ]
    assert problems([SQUARES], trials) == ["squares survived seed 0001, 0002"]


def test_a_check_behind_one_that_failed_has_missed_nothing() -> None:
    both = replace(SQUARES, caught_by=("C1", "C2"))
    not_run = replace(trial("squares", "C1"), not_run=frozenset({"C2"}))
    assert problems([both], [not_run]) == []


def test_a_mutant_may_survive_fewer_seeds_in_a_row_than_it_is_given() -> None:
    rare = replace(SQUARES, seeds=3)
    lived = [trial("squares", "C4", seed=seed) for seed in ("0001", "0002", "0004", "0005")]
    died = trial("squares", "C1", seed="0003")
    assert problems([rare], [*lived[:2], died, *lived[2:]]) == []
    assert problems([rare], [*lived[1:], died]) == ["squares was missed by C1 on seed 0002, 0004, 0005"]
    passed = [replace(it, failed={}, exit_code=Exit.PASS) for it in lived]
    assert problems([rare], passed) == ["squares survived seed 0001, 0002, 0004, 0005"]


def test_a_mutant_that_did_not_start_is_a_problem_of_its_own() -> None:
    trials = [trial("squares", exit_code=Exit.NO_TARGET), trial("squares", "C1", seed="0001")]
    assert problems([SQUARES], trials) == ["squares did not start on seed 5eed"]


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_others() -> None:
    mutants = [replace(SQUARES, id=f"m{number}") for number in range(20)]
    samples = [draw_sample(mutants, 5, seed, frozenset()) for seed in ("a", "a", "b", "c")]
    assert samples[0] == samples[1]
    assert {len(set(sample)) for sample in samples} == {5}
    assert len({tuple(mutant.id for mutant in sample) for sample in samples}) > 1
    assert draw_sample(mutants, 99, "a", frozenset()) == mutants


def test_a_sample_prefers_what_has_changed() -> None:
    changed = replace(SQUARES, id="changed", file="changed.py")
    mutants = [changed, *(replace(SQUARES, id=f"m{number}") for number in range(9))]
    hits = {
        files: sum(changed in draw_sample(mutants, 1, str(seed), files) for seed in range(200))
        for files in (frozenset[str](), frozenset({"changed.py"}))
    }
    assert hits[frozenset({"changed.py"})] > 2 * hits[frozenset()] > 0


def test_a_file_is_changed_if_the_last_commit_or_nobody_s_has_changed_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    project = tmp_path / "projects" / "00-x"
    project.mkdir(parents=True)
    assert changed_files(project) == frozenset()
    git("init")
    for name in ("old", "committed", "edited"):
        (project / name).write_text("1")
        git("add", ".")
        git("commit", "-m", name)
    (project / "old").write_text("2")
    assert changed_files(project) == {"edited", "old"}


def test_a_mutant_that_another_check_caught_was_missed_by_its_own() -> None:
    squares = replace(SQUARES, caught_by=("C1", "C2"))
    assert problems([squares], [trial("squares", "C1"), trial("squares", "C1", "C2", seed="0001")]) == [
        "squares was missed by C2 on seed 5eed"
    ]


def test_a_row_has_what_the_checks_said_that_failed_on_most_seeds() -> None:
    trials = [
        Trial("squares", "1", {"C10": "a", "C2": "b", "S4": "c", "E1": "d"}, Exit.FAIL),
        Trial("squares", "2", {"C10": "b", "C2": "b", "S4": "c", "C3": "e"}, Exit.FAIL),
        Trial("squares", "3", {"C10": "a", "E1": "d"}, Exit.FAIL),
        trial("slow", "C1"),
        trial("slow", "C2", seed="0001"),
    ]
    rows = traces(trials)
    assert rows == {"squares": {"S4": ["c"], "C2": ["b"], "C10": ["a", "b"], "E1": ["d"]}, "slow": {}}
    assert list(rows["squares"]) == ["S4", "C2", "C10", "E1"]


def test_the_matrix_has_a_row_for_each_mutant_and_a_column_for_each_check() -> None:
    mutants = [SQUARES, replace(SQUARES, id="keeps-for-ever")]
    trials = [
        trial("squares", "C1", "C10"),
        trial("squares", "C1", seed="0001"),
        trial("keeps-for-ever", "E1"),
        trial("keeps-for-ever", seed="0001", exit_code=Exit.PASS),
    ]
    assert render_matrix(mutants, trials).splitlines() == [
        "                        C1 C10  E1",
        "squares           2/2    2   1   .",
        "keeps-for-ever    1/2    .   .   1",
    ]


def test_the_matrix_keeps_an_order_and_the_rows_that_were_not_run(tmp_path: Path) -> None:
    bug = '[[mutant]]\nid = "{}"\nsays = ""\nfile = ""\nfind = ""\nput = ""\ncaught_by = []\nkind = "rule"\n'
    (tmp_path / "mutants.toml").write_text(bug.format("squares") + bug.format("keeps"))
    write_matrix(tmp_path, {"squares": {"C1": ["a"]}, "keeps": {}, "gone": {"C9": ["a"]}})
    write_matrix(tmp_path, {"squares": {"C1": ["a"], "C4": ["b", "c"]}})
    assert read_matrix(tmp_path) == {"keeps": {}, "squares": {"C1": ["a"], "C4": ["b", "c"]}}


def test_a_quick_trial_asks_only_the_checks_that_are_to_catch_the_mutant(
    doubler: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def note(_project: Project, options: Options, _report: Path) -> RunResult:
        asked.append((options.only, options.seed))
        return RunResult("00-doubler", "", "5eed", [CheckResult("C1", "", 1, Verdict.FAIL, 0.1)])

    monkeypatch.setattr(module, "verify_in_child", note)
    seen: list[Trial] = []
    for quick in (True, False):
        run_mutants(doubler, [(SQUARES, "5eed")], jobs=1, quick=quick, on_trial=seen.append)
    assert asked == [(frozenset({"C1"}), "5eed"), (frozenset(), "5eed")]
    assert seen == [Trial("squares", "5eed", {"C1": " | "}, Exit.FAIL)] * 2


def test_to_fail_fast_is_to_ask_the_likeliest_checks_first_and_then_all(
    doubler: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    verdicts = iter([Verdict.PASS, Verdict.FAIL, Verdict.FAIL])

    def note(_project: Project, options: Options, _report: Path) -> RunResult:
        asked.append((options.only, options.fail_fast))
        return RunResult("00-doubler", "", "5eed", [CheckResult("C1", "", 1, next(verdicts), 0.1)])

    monkeypatch.setattr(module, "verify_in_child", note)
    for _ in range(2):
        run_mutants(doubler, [(SQUARES, "5eed")], jobs=1, fail_fast=True, on_trial=lambda _: None)
    assert asked == [(frozenset({"C1"}), True), (frozenset(), True), (frozenset({"C1"}), True)]


def test_a_mutant_that_one_of_its_checks_fails_and_another_doubts_is_tried_again(
    doubler: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = iter([Verdict.INCONCLUSIVE, Verdict.FAIL])

    def note(_project: Project, _options: Options, _report: Path) -> RunResult:
        checks = [
            CheckResult("C1", "", 1, Verdict.FAIL, 0.1),
            CheckResult("C2", "", 1, next(verdicts), 0.1),
        ]
        return RunResult("00-doubler", "", "5eed", checks)

    monkeypatch.setattr(module, "verify_in_child", note)
    mutant = replace(SQUARES, caught_by=("C1", "C2"))
    (seen,) = run_mutants(doubler, [(mutant, "5eed")], jobs=1, quick=True, on_trial=lambda _: None)
    assert set(seen.failed) == {"C1", "C2"}


def test_a_verifier_that_breaks_ends_the_run_without_the_trials_that_have_not_begun(
    doubler: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    ended = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait=wait)

    def breaks(_project: Project, options: Options, _report: Path) -> RunResult:
        begun.append(options.seed)
        if len(begun) > 1:
            ended.wait(30)
        raise KataError("it broke")

    monkeypatch.setattr(module, "verify_in_child", breaks)
    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    planned = [(SQUARES, seed) for seed in ("0001", "0002", "0003")]
    with pytest.raises(KataError, match="it broke"):
        run_mutants(doubler, planned, jobs=1, quick=True, on_trial=lambda _: None)
    assert len(begun) < 3


def test_the_doubler_s_mutants_are_caught_and_a_failure_then_looks_like_one(
    kata: Kata, project: Project, solution: Solution
) -> None:
    code, out, _ = kata("mutants", project.path, "--seed", "5eed", "--seeds", "1", "--write")
    assert code == 0
    _, kinds, _ = kata("mutants", project.path, "--kinds")
    matrix, _, last = out.removesuffix("\n").rpartition("\n" + kinds)
    first, *trials, head, squares, largest, ever = matrix.splitlines()
    assert first.startswith("3 mutants, 1 seeds drawn from 5eed: ")
    assert {line.partition(",")[0] for line in trials} == {
        " ok squares",
        " ok ignores-largest",
        " ok keeps-for-ever",
    }
    assert [head, squares, largest, ever, last] == [
        "                         C1  C2  C3  E1",
        "squares            1/1    1   .   .   1",
        "ignores-largest    1/1    .   1   .   .",
        "keeps-for-ever     1/1    .   .   1   .",
        "3 passed, 0 failed",
    ]
    rows = {mutant: list(row) for mutant, row in read_matrix(project.path).items()}
    assert rows == {"ignores-largest": ["C2"], "keeps-for-ever": ["C3"], "squares": ["C1", "E1"]}

    mine = solution(("number * 2}", "number ** 2}"))
    _, out, _ = kata("verify", project.path, "--dir", mine, "--seed", "5eed", "--only", "C1")
    assert "       looks like  the number is squared  (mutant squares)" in out.splitlines()


def test_a_survivor_fails_the_run_and_leaves_the_matrix_alone(kata: Kata, project: Project) -> None:
    (project.path / "mutants.toml").write_text(EQUIVALENT)
    code, out, _ = kata("mutants", project.path, "--seed", "5eed", "--seeds", "1", "--write", "--quick")
    seed = out.splitlines()[0].rpartition(" ")[2]
    assert code == 1
    assert out.splitlines()[1:4] + out.splitlines()[-2:] == [
        f" x  equivalent, seed {seed}: exit code 0",
        "                   ",
        "equivalent    0/1  ",
        f"x equivalent survived seed {seed}",
        "0 passed, 1 failed",
    ]
    assert not (project.path / "kill-matrix.json").exists()


def test_an_unknown_mutant_is_one_clear_line(kata: Kata, doubler: Project) -> None:
    assert kata("mutants", doubler.path, "--only", "gone") == (
        4,
        "",
        "kata: 00-doubler has no such mutant: gone\n",
    )
