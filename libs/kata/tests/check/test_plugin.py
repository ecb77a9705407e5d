"""What the plugin makes of features: their order, their tries, their faults."""

import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from kata.catalog.projects import ROOT, Project, load_project
from kata.check.verification import verify
from kata.errors import KataError
from kata.judge.stalls import StallMonitor
from kata.judge.verdicts import CheckResult, Exit, RunResult
from kata.options import Options

type Written = Callable[[str, str], Project]

SEED = "5eed"
OWN = frozenset(f"C{number}" for number in range(1, 10))  # and not what every service is asked
STEPS = """
import os
import signal
import time
from pathlib import Path

from pytest_bdd import given, parsers, scenarios, then, when

from kata.judge.intervals import Inconclusive
from kata.errors import TargetError
from kata.judge.expectations import expect
from kata.judge.verdicts import NotRunError

scenarios("own.feature")


@then(parsers.parse("{number:d} is {other:d}"))
def _(number, other):
    expect(number == other, expected=str(number), got=str(other), rule="numbers are what they are")


@given("a service", target_fixture="service")
def _(world):
    return world.start({"LARGEST": "9", "KEEP_MILLISECONDS": "9"})


@given("a service of its own", target_fixture="service")
def _(world):
    return world.start_alone({"LARGEST": "9", "KEEP_MILLISECONDS": "9"})
"""


@pytest.fixture
def written(doubler: Project, tmp_path: Path) -> Written:
    """Write a project with a feature and steps of its own; a scenario is a line such as `C1 1 is 1`."""

    def write(scenarios: str, steps: str = "") -> Project:
        folder = tmp_path / "00-own"
        shutil.copytree(doubler.path, folder, ignore=shutil.ignore_patterns("features", "__pycache__"))
        (folder / "features").mkdir()
        (folder / "features" / "own.feature").write_text("Feature: Own\n" + scenarios)
        (folder / "features" / "test_own.py").write_text(STEPS + steps)
        return load_project(folder)

    return write


def scenario(tags: str, *steps: str) -> str:
    lines = [
        f"  {tags}",
        f"  Scenario: It is {tags.split(maxsplit=1)[0]}",
        *(f"    {step}" for step in steps),
    ]
    return "\n".join(lines) + "\n"


def judge(project: Project, **chosen: str) -> tuple[RunResult, list[CheckResult]]:
    seen: list[CheckResult] = []
    result = verify(project, Options(seed=chosen.get("seed", SEED), only=OWN), seen.append)
    return result, seen


def only_check(project: Project) -> CheckResult:
    result, _ = judge(project)
    (check,) = result.checks
    return check


def test_verdicts_are_seen_as_they_fall(written: Written) -> None:
    result, seen = judge(written(scenario("@C1", "Then 1 is 1") + scenario("@C2", "Then 1 is 2"), ""))
    assert seen == result.checks
    assert {check.id: check.verdict.value for check in seen} == {"C1": "pass", "C2": "fail"}


@pytest.mark.parametrize("seed", ["0001", "0002", "0003"])
def test_a_prerequisite_comes_before_what_needs_it_however_long_the_chain(
    written: Written, seed: str
) -> None:
    chain = [scenario("@C1", "Then 1 is 2")]
    chain += [scenario(f"@C{number} @after-C{number - 1}", "Then 1 is 1") for number in range(2, 6)]
    result, _ = judge(written("".join(reversed(chain)), ""), seed=seed)
    assert [(check.id, check.verdict.value) for check in result.checks] == [
        ("C1", "fail"),
        *((f"C{number}", "not run") for number in range(2, 6)),
    ]
    assert result.checks[-1].reason == "C4 did not pass"


def test_prerequisites_in_a_circle_do_not_hang(written: Written) -> None:
    circle = scenario("@C1 @after-C2", "Then 1 is 1") + scenario("@C2 @after-C1", "Then 1 is 1")
    assert judge(written(circle, ""))[0].exit_code == Exit.PASS


def test_an_inconclusive_check_is_tried_again_with_other_numbers(written: Written, tmp_path: Path) -> None:
    steps = f"""
@then("it is clear at the second look")
def _(world):
    log = Path({str(tmp_path / "log")!r})
    earlier = log.read_text().split() if log.exists() else []
    log.write_text(" ".join([*earlier, world.draw.word()]))
    if not earlier:
        raise Inconclusive("too slow")
"""
    check = only_check(written(scenario("@C1", "Then it is clear at the second look"), steps))
    first, second = (tmp_path / "log").read_text().split()
    assert (check.verdict.value, check.tries) == ("pass", 2)
    assert first != second


def test_a_step_that_breaks_is_the_verifier_s_fault(written: Written) -> None:
    steps = '@then("it breaks")\ndef _():\n    {}["limit"]\n'
    check = only_check(written(scenario("@C1", "Then it breaks"), steps))
    assert (check.verdict.value, check.reason) == ("error", "KeyError: 'limit'")


def test_a_warning_in_the_verifier_is_no_verdict(written: Written) -> None:
    steps = '@then("it warns")\ndef _():\n    import warnings\n    warnings.warn("old", DeprecationWarning)\n'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as outside of these tests
        check = only_check(written(scenario("@C1", "Then it warns"), steps))
    assert check.verdict.value == "pass"


def test_a_step_that_nobody_wrote_is_the_verifier_s_fault(written: Written) -> None:
    check = only_check(written(scenario("@C1", "Then nobody knows"), ""))
    assert check.verdict.value == "error"
    assert (check.reason or "").startswith("StepDefinitionNotFoundError: Step definition is not found")


def test_a_coroutine_step_is_refused_because_nobody_would_await_it(written: Written) -> None:
    steps = '@then("it waits")\nasync def _():\n    assert False\n'
    check = only_check(written(scenario("@C1", "Then it waits"), steps))
    assert (check.verdict.value, check.reason) == (
        "error",
        "KataError: the step 'it waits' is a coroutine; steps are ordinary functions",
    )


def test_what_the_way_of_reaching_the_solution_can_t_give_is_not_run(written: Written) -> None:
    steps = '@then("it asks too much")\ndef _():\n    raise NotRunError("it needs a moon")\n'
    check = only_check(written(scenario("@C1", "Then it asks too much"), steps))
    assert (check.verdict.value, check.reason) == ("not run", "it needs a moon")


def test_a_target_that_fails_within_a_check_fails_it_with_its_words(written: Written) -> None:
    steps = '@then("it is gone")\ndef _():\n    raise TargetError("web.2 exited", ["its last words"])\n'
    check = only_check(written(scenario("@C1", "Then it is gone"), steps))
    assert (check.verdict.value, check.expected, check.got, check.output) == (
        "fail",
        "a running service",
        "web.2 exited",
        ["its last words"],
    )


DIES = """
@when("it dies")
def _(service):
    # Somebody else's kill, not one of the verifier's own.
    os.kill(service.web._inner.pid, signal.SIGKILL)
    while service.web.alive:
        time.sleep(0.01)
"""
IT_DIES = ("When it dies", "Then 1 is 1")
ANOTHER_DIES = """
@when("another dies")
def _(service):
    os.kill(service.add("web")._inner.pid, signal.SIGKILL)
"""


def test_a_service_that_dies_in_a_check_that_would_pass_fails_it(written: Written) -> None:
    scenarios = scenario("@C1", "Given a service", *IT_DIES)
    check = only_check(written(scenarios, DIES))
    assert (check.verdict.value, check.got, check.output) == (
        "fail",
        "web.1 was killed by SIGKILL",
        ['{"event": "started"}', *check.output[1:]],
    )
    assert check.settings == {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}


def test_the_next_check_gets_a_service_in_its_place(written: Written) -> None:
    scenarios = scenario("@C1", "Given a service", *IT_DIES)
    scenarios += scenario("@C2 @after-C3", "Given a service", "Then 1 is 1")
    result, _ = judge(written(scenarios, DIES))
    assert {check.id: check.verdict.value for check in result.checks} == {"C1": "fail", "C2": "pass"}


def test_a_service_that_the_check_had_for_itself_may_die(written: Written) -> None:
    scenarios = scenario("@C1", "Given a service of its own", *IT_DIES)
    assert only_check(written(scenarios, DIES)).verdict.value == "pass"


def test_a_failed_check_names_every_process_that_died(written: Written) -> None:
    scenarios = scenario("@C1", "Given a service", "When another dies", "When it dies", "Then 1 is 2")
    check = only_check(written(scenarios, DIES + ANOTHER_DIES))
    assert (check.verdict.value, check.reason) == (
        "fail",
        "web.1 was killed by SIGKILL, web.2 was killed by SIGKILL",
    )
    assert 'web.2: {"event": "started"}' in check.output


SHOWS = """
@given("a service with a secret, and another one", target_fixture="service")
def _(world):
    world.start({"LARGEST": "7", "KEEP_MILLISECONDS": "9"})
    hidden = {"SIGNING_SECRET": "s", "REDIS_URL": "nowhere"}
    return world.start({"LARGEST": "9", "KEEP_MILLISECONDS": "9", **hidden})
"""


def test_a_failed_check_has_the_settings_that_it_asked_for_last_and_no_secret(written: Written) -> None:
    check = only_check(
        written(scenario("@C1", "Given a service with a secret, and another one", "Then 1 is 2"), SHOWS)
    )
    assert check.settings == {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}


def test_a_check_without_a_service_has_not_the_settings_of_another(written: Written) -> None:
    scenarios = scenario("@C1", "Given a service", "Then 1 is 1") + scenario("@C2 @after-C1", "Then 1 is 2")
    result, _ = judge(written(scenarios, ""))
    assert [(check.id, check.verdict.value, check.settings) for check in result.checks] == [
        ("C1", "pass", {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}),
        ("C2", "fail", {}),
    ]


TIMING = """
@then("it was in time")
def _():
    expect(False, expected="in time", got="late", rule="it is in time", timing=True)
"""


def test_a_machine_that_stood_still_excuses_what_depends_on_time(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StallMonitor, "worst_between", lambda *_: 0.25)
    check = only_check(written(scenario("@C1", "Then it was in time"), TIMING))
    assert (check.verdict.value, check.tries, check.reason) == (
        *("inconclusive", 3),
        "the machine stood still for 0.25 s while it was judged",
    )


@pytest.mark.parametrize(("load", "verdict"), [(8.0, "fail"), (8.1, "inconclusive")])
def test_a_machine_with_far_too_much_to_do_excuses_what_depends_on_time(
    written: Written, monkeypatch: pytest.MonkeyPatch, load: float, verdict: str
) -> None:
    monkeypatch.setattr(StallMonitor, "worst_between", lambda *_: 0.0)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    check = only_check(written(scenario("@C1", "Then it was in time"), TIMING))
    reason = "the machine had 8.1 processes to run at a time, on 2 processors"
    assert (check.verdict.value, check.reason) == (verdict, reason if verdict == "inconclusive" else None)


STARTS_LATE = """
@then("it starts in time")
def _():
    from kata.errors import TooSlowError
    raise TooSlowError("release did not finish within 60 s")
"""


@pytest.mark.parametrize(("load", "verdict"), [(8.0, "fail"), (8.1, "inconclusive")])
def test_a_machine_with_far_too_much_to_do_excuses_a_start_that_takes_too_long(
    written: Written, monkeypatch: pytest.MonkeyPatch, load: float, verdict: str
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    check = only_check(written(scenario("@C1", "Then it starts in time"), STARTS_LATE))
    assert check.verdict.value == verdict


def test_a_process_that_died_is_not_excused_by_the_machine(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StallMonitor, "worst_between", lambda *_: 0.25)
    scenarios = scenario("@C1", "Given a service", "When it dies", "Then it was in time")
    check = only_check(written(scenarios, DIES + TIMING))
    assert (check.verdict.value, check.tries, check.reason) == ("fail", 1, "web.1 was killed by SIGKILL")


@pytest.mark.parametrize(
    ("scenarios", "steps", "reason"),
    [
        (scenario("@C1", "Then 1 is 1"), "\nimport nowhere\n", "No module named 'nowhere'"),
        (scenario("@C1", "Then 1 is 1"), "\ndef broken(:\n", "invalid syntax"),
        (scenario("@step-1", "Then 1 is 1"), "", "has no @C, @E or @S tag"),
        ("  Scenario without a colon\n", "", ""),
    ],
    ids=["missing module", "syntax", "no id", "no feature"],
)
def test_features_that_can_t_be_run_are_the_verifier_s_fault_in_one_line(
    written: Written, scenarios: str, steps: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    project = written(scenarios, steps)
    with pytest.raises(KataError) as caught:
        judge(project)
    message = str(caught.value)
    assert message.startswith(f"the features in {project.features} can't be run: ")
    assert reason in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


RULES = """
@then("it keeps the contract")
def _():
    expect(False, expected="1", got="2")
"""


def test_the_rule_of_a_failed_check_is_the_contracts_sentence_unless_the_step_gives_one(
    written: Written,
) -> None:
    scenarios = scenario("@C1", "Then it keeps the contract") + scenario("@C2", "Then 1 is 2")
    project = written(scenarios + scenario("@C9", "Then it keeps the contract"), RULES)
    assert {check.id: check.rule for check in judge(project)[0].checks} == {
        "C1": "GET /api/v1/double/{number} answers 200 with the number and its double",
        "C2": "numbers are what they are",
        "C9": None,
    }


SETTINGS = """
import pytest


@pytest.fixture
def service_settings():
    return {"LARGEST": "7", "KEEP_MILLISECONDS": "9"}


@pytest.fixture
def contract_paths():
    return ["/api/v1/nowhere"]
"""


def test_every_project_is_asked_what_all_services_are_with_its_own_fixtures(written: Written) -> None:
    project = written(scenario("@C1", "Then 1 is 1"), "")
    (project.features / "conftest.py").write_text(SETTINGS)
    (check,) = verify(project, Options(seed=SEED, only=frozenset({"S9"})), lambda _: None).checks
    assert (check.verdict.value, check.expected) == ("fail", "/api/v1/nowhere among its paths")
    assert check.settings == {"LARGEST": "7", "KEEP_MILLISECONDS": "9"}


def test_plain_pytest_prints_the_report_with_the_seed_and_hides_nothing(written: Written) -> None:
    project = written(scenario("@C1 @step-2", "Then 1 is 2") + scenario("@C2 @after-C1", "Then 1 is 1"), "")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(project.features / "test_own.py"),
    ]
    done = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), f"--rootdir={project.path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    start = lines.index(" x  C1   It is @C1")
    assert lines[start + 1 : start + 4] == [
        "       expected    1",
        "       got         2",
        "       rule        numbers are what they are  (README: The contract; made in step 2)",
    ]
    assert f"kata verify {project.path} --seed " in lines[start + 4]
    assert lines[start + 4].endswith(" --only C1")
    assert "       because     C1 did not pass" in lines
    assert lines[-1].startswith("1 failed, 1 error in ")
    assert "Traceback" not in done.stdout
