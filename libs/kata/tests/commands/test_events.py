"""What a program is told that watches a verification."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kata.catalog.checks import Check
from kata.catalog.projects import Project, load_project
from kata.check.run import Collected, Run
from kata.check.scheduling import Job
from kata.commands.listing import contract_version

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]
type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]
type Told = tuple[object, list[dict[str, object]]]

SEED = "5eed"
TWICE = "number * 2}"
SERVES = "    server.serve_forever()"


def told(kata: Kata, doubler: Project, folder: Path, *arguments: object) -> Told:
    """Verify a folder; each line of stdout has to be an event."""
    code, out, _ = kata("verify", doubler.path, "--dir", folder, "--seed", SEED, "--events", *arguments)
    return code, [json.loads(line) for line in out.splitlines()]


def test_a_pass_is_told_from_the_checks_to_the_verdict(
    kata: Kata, doubler: Project, solution: Solution
) -> None:
    code, events = told(kata, doubler, solution(), "--only", "C1,C2")
    assert code == 0
    assert [event["event"] for event in events] == ["started", "check", "check", "end"]
    started, *checks, end = events
    assert (started["project"], started["seed"]) == ("00-doubler", SEED)
    assert started["contract"] == contract_version(doubler)
    named = started["checks"]
    assert isinstance(named, list)
    assert {"id": "C1", "sentence": "A number is doubled", "step": 1} in named
    assert {check["id"]: check["verdict"] for check in checks} == {"C1": "pass", "C2": "pass"}
    assert str(checks[0]["report"]).startswith(" ok C1   A number is doubled (")
    assert (end["verdict"], end["reason"]) == ("pass", None)


def test_a_failure_comes_with_its_report_and_what_follows_was_not_run(
    kata: Kata, doubler: Project, solution: Solution
) -> None:
    code, events = told(kata, doubler, solution((TWICE, "number * 3}")), "--only", "C1,C2")
    assert code == 1
    _, failed, left, end = events
    assert (failed["verdict"], left["verdict"], end["verdict"]) == ("fail", "not_run", "fail")
    assert "expected    200 and twice" in str(failed["report"])


def test_a_solution_that_does_not_start_is_no_target_with_its_words(
    kata: Kata, doubler: Project, solution: Solution
) -> None:
    crashes = (SERVES, '    print("the numbers are missing")\n    sys.exit(1)')
    code, events = told(kata, doubler, solution(crashes), "--only", "C1")
    assert code == 3
    assert [event["event"] for event in events] == ["started", "end"]
    assert events[-1]["verdict"] == "no_target"
    assert "the numbers are missing" in str(events[-1]["output"])


def test_a_seed_that_is_none_is_an_end_in_error(kata: Kata, doubler: Project, solution: Solution) -> None:
    code, out, err = kata("verify", doubler.path, "--dir", solution(), "--seed", "soon", "--events")
    assert code == 4
    assert json.loads(out)["verdict"] == "error"
    assert "4 to 8 hex digits" in err


def test_events_tell_of_one_run(kata: Kata, doubler: Project) -> None:
    assert kata("verify", doubler.path, "--events", "--runs", 2) == (
        4,
        "",
        "kata: --events tells of one verification: it goes without --runs\n",
    )


def test_checks_are_told_once_however_many_workers_have_read_them() -> None:
    collected: list[list[str]] = []
    run = Run(2, lambda _: None, lambda checks: collected.append([check.id for check in checks]))
    for worker in range(2):
        run.take(worker, Collected([Job(0, Check("C1", "It is so", 1, None, None), "it is")]))
    assert collected == [["C1"]]


def test_the_list_for_programs_has_each_step_that_has_checks(kata: Kata) -> None:
    _, out, _ = kata("list", "--json")
    first, second, *_ = json.loads(out)["tracks"]
    assert first["project"] == "12"  # which says that it is `first`; the others follow by their numbers
    assert (second["id"], second["project"]) == ("01-throttler", "01")
    assert second["levels"][0]["id"] == "01.1"
    assert second["levels"][0]["title"] == "Bootstrap a service"
    assert "S1" in second["levels"][0]["checks"]


@pytest.mark.parametrize("edited", ["doubling.feature", "test_doubling.py"])
def test_a_feature_that_changes_makes_another_contract(doubler: Project, tmp_path: Path, edited: str) -> None:
    copy = load_project(Path(shutil.copytree(doubler.path, tmp_path / "00-doubler")))
    assert contract_version(copy) == contract_version(doubler)
    feature = copy.features / edited
    feature.write_text(feature.read_text() + "\n")
    assert contract_version(copy) != contract_version(doubler)
