"""Checks that run side by side: what waits for what, which verdicts count, and what is left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from kata.catalog.projects import Project, load_project
from kata.check.verification import verify
from kata.errors import KataError
from kata.judge.verdicts import CheckResult
from kata.options import Options

SEED = "5eed"
OWN = frozenset(f"C{number}" for number in range(1, 10))  # and not what every service is asked
PATIENCE_SECONDS = 60.0
STEPS = """
import os
import time
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from kata.errors import TooSlowError
from kata.judge.expectations import expect
from kata.judge.intervals import Inconclusive

LOG = Path(__file__).parents[1] / "log"

scenarios("own.feature")


@pytest.fixture(autouse=True)
def span(world, request):
    begin = time.monotonic()
    word = world.draw.word()
    yield
    with LOG.open("a") as log:
        log.write(f"{request.node.name} {begin} {time.monotonic()} {word}\\n")


@pytest.fixture
def first_time(span, request):
    return not (LOG.exists() and f"{request.node.name} " in LOG.read_text())


@then(parsers.parse("it takes {seconds:g} s"))
def it_takes(seconds):
    time.sleep(seconds)


@then("it was in time the second time")
def it_was_in_time(first_time):
    time.sleep(0.3)
    expect(not first_time, expected="in time", got="late", rule="it is in time", timing=True)


@then("it is clear the second time")
def it_is_clear(first_time):
    time.sleep(0.3)
    if first_time:
        raise Inconclusive("too slow")


@then("it is right the second time")
def it_is_right(first_time):
    expect(not first_time, expected="right", got="wrong", rule="it is right")


@then("its worker crashes")
def its_worker_crashes():
    os.abort()


@then("it starts in time the second time")
def it_starts_in_time(first_time):
    time.sleep(0.3)
    if first_time:
        raise TooSlowError("web.1 did not answer in time")


@given("a service of its own", target_fixture="service")
def a_service_of_its_own(world):
    return world.start_alone({"LARGEST": "9", "KEEP_MILLISECONDS": "9"})


@then("it goes on for ever")
def it_goes_on_for_ever(service):
    with LOG.with_name("pids").open("a") as pids:
        pids.write(f"{os.getpid()} {service.web._inner.pid}\\n")
    time.sleep(600)
"""

type Written = Callable[[str], Project]


@dataclass(frozen=True)
class Span:
    """When a check ran, and what was drawn for it."""

    check: str
    begin: float
    end: float
    word: str


@pytest.fixture
def written(doubler: Project, tmp_path: Path) -> Written:
    """Write a project with a feature of its own."""

    def write(scenarios: str) -> Project:
        folder = tmp_path / "00-own"
        shutil.copytree(doubler.path, folder, ignore=shutil.ignore_patterns("features", "__pycache__"))
        (folder / "features").mkdir()
        (folder / "features" / "own.feature").write_text("Feature: Own\n" + scenarios)
        (folder / "features" / "test_own.py").write_text(STEPS)
        return load_project(folder)

    return write


def scenario(tags: str, step: str) -> str:
    return f"  {tags}\n  Scenario: {tags.split(maxsplit=1)[0][1:]}\n    Then {step}\n"


def judge(project: Project, workers: int = 3) -> dict[str, CheckResult]:
    result = verify(project, Options(seed=SEED, only=OWN), lambda _: None, workers)
    return {check.id: check for check in result.checks}


def spans(project: Project) -> list[Span]:
    found = []
    for line in (project.path / "log").read_text().splitlines():
        name, begin, end, word = line.split()
        found.append(Span(name.removeprefix("test_").upper(), float(begin), float(end), word))
    return found


def overlap(first: Span, second: Span) -> bool:
    return first.begin < second.end and second.begin < first.end


def test_checks_run_at_the_same_time_and_one_that_is_to_be_alone_does_not(written: Written) -> None:
    usual = [scenario(f"@C{number}", "it takes 0.7 s") for number in range(1, 7)]
    alone = [scenario(f"@C{number} @alone", "it takes 0.1 s") for number in (7, 8)]
    project = written("".join([*alone, *usual]))
    assert {check.verdict.value for check in judge(project).values()} == {"pass"}
    ran = spans(project)
    assert len(ran) == 8
    together = {span.check for pair in combinations(ran, 2) if overlap(*pair) for span in pair}
    assert together
    assert not together & {"C7", "C8"}


def test_a_check_begins_when_the_one_that_it_needs_has_passed(written: Written) -> None:
    project = written(scenario("@C1", "it takes 3 s") + scenario("@C2 @after-C1", "it takes 0 s"))
    assert {check.verdict.value for check in judge(project).values()} == {"pass"}
    of = {span.check: span for span in spans(project)}
    assert of["C2"].begin >= of["C1"].end


def test_what_needs_a_check_that_did_not_pass_is_not_run(written: Written) -> None:
    project = written(
        scenario("@C1", "it is right the second time")
        + scenario("@C2 @after-C1", "it takes 0 s")
        + scenario("@C3 @after-C2", "it takes 0 s")
        + scenario("@C4", "it takes 0 s")
    )
    checks = judge(project)
    assert {id_: check.verdict.value for id_, check in checks.items()} == {
        "C1": "fail",
        "C2": "not run",
        "C3": "not run",
        "C4": "pass",
    }
    assert (checks["C2"].reason, checks["C3"].reason) == ("C1 did not pass", "C2 did not pass")
    assert sorted(span.check for span in spans(project)) == ["C1", "C4"]


@pytest.mark.parametrize(
    "step",
    ["it was in time the second time", "it is clear the second time", "it starts in time the second time"],
)
def test_a_verdict_that_load_may_have_spoilt_falls_again_alone_with_other_draws(
    written: Written, step: str
) -> None:
    others = [scenario(f"@C{number}", "it takes 0.4 s") for number in range(2, 6)]
    project = written(scenario("@C1", step) + "".join(others) + scenario("@C6 @after-C1", "it takes 0 s"))
    checks = judge(project)
    assert {check.verdict.value for check in checks.values()} == {"pass"}
    assert checks["C1"].tries == 2
    ran = spans(project)
    first, second = (span for span in ran if span.check == "C1")
    assert first.word != second.word
    assert [span for span in ran if overlap(span, second)] == [second]


def test_a_seed_draws_the_same_for_a_check_however_many_run_at_a_time(written: Written) -> None:
    project = written("".join(scenario(f"@C{number}", "it takes 0 s") for number in range(1, 7)))
    judge(project, 3)
    side_by_side = {(span.check, span.word) for span in spans(project)}
    (project.path / "log").unlink()
    judge(project, 1)
    assert {(span.check, span.word) for span in spans(project)} == side_by_side


def test_a_worker_that_dies_is_the_verifier_s_fault_with_what_it_said(written: Written) -> None:
    project = written(scenario("@C1", "its worker crashes") + scenario("@C2", "it takes 600 s"))
    with pytest.raises(KataError) as caught:
        judge(project)
    message = str(caught.value)
    assert re.match(r"worker [12] of the verifier was killed by SIGABRT\n", message)
    assert "its_worker_crashes" in message


def test_features_that_can_t_be_read_are_one_line(written: Written) -> None:
    project = written(scenario("@step-1", "it takes 0 s") + scenario("@C2", "it takes 0 s"))
    with pytest.raises(KataError, match=r"^the features in \S+ can't be run: .* has no @C, @E or @S tag$"):
        judge(project)


def test_ctrl_c_ends_the_workers_and_all_that_they_have_started(written: Written, tmp_path: Path) -> None:
    project = written("".join(scenario(f"@C{number}", "it goes on for ever") for number in (1, 2)))
    feature = project.features / "own.feature"
    feature.write_text(feature.read_text().replace("    Then", "    Given a service of its own\n    Then"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    verifier = subprocess.Popen(
        [sys.executable, "-m", "kata", "verify", str(project.path), "--only", "C1", "--only", "C2"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        log = project.path / "pids"
        while not log.exists() or len(log.read_text().splitlines()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        verifier.send_signal(signal.SIGINT)
        assert verifier.wait(PATIENCE_SECONDS) == 130
    finally:
        verifier.kill()
        verifier.wait()
    pids = [int(pid) for pid in log.read_text().split()]
    assert len(set(pids)) == 4
    assert not [pid for pid in pids if alive(pid)]
    left = [path.name for path in temporary.iterdir() if not path.name.startswith("kata-ports-")]
    assert left == []


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
