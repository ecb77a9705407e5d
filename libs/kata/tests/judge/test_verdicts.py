import json

import pytest

from kata.judge.verdicts import CheckFailedError, CheckResult, Exit, RunResult, Verdict

PASS, FAIL, INCONCLUSIVE, NOT_RUN, ERROR = Verdict


def run_of(*verdicts: Verdict) -> RunResult:
    checks = [
        CheckResult(f"C{number}", "A check", 1, verdict, 0.1) for number, verdict in enumerate(verdicts, 1)
    ]
    return RunResult("00-doubler", "here", "5eed", checks)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([PASS], 0),
        ([PASS, PASS], 0),
        ([PASS, NOT_RUN], 0),
        ([FAIL], 1),
        ([PASS, FAIL], 1),
        ([FAIL, NOT_RUN], 1),
        ([FAIL, INCONCLUSIVE], 1),
        ([FAIL, ERROR], 1),
        ([INCONCLUSIVE], 2),
        ([PASS, INCONCLUSIVE], 2),
        ([INCONCLUSIVE, NOT_RUN], 2),
        ([], 4),
        ([NOT_RUN], 4),
        ([ERROR], 4),
        ([PASS, ERROR], 4),
        ([ERROR, INCONCLUSIVE], 4),
    ],
)
def test_the_exit_code_of_a_run_follows_from_its_verdicts(verdicts: list[Verdict], code: int) -> None:
    assert code == run_of(*verdicts).exit_code


def test_a_run_without_a_target_exits_with_3() -> None:
    assert RunResult("00-doubler", "here", "5eed", no_target="no Procfile").exit_code == Exit.NO_TARGET


def test_the_failed_checks_of_a_run_are_those_that_failed() -> None:
    assert run_of(PASS, FAIL, NOT_RUN, FAIL, ERROR).failed == {"C2", "C4"}


def test_a_run_comes_back_from_json_as_it_was() -> None:
    failed = CheckResult(
        id="C1",
        sentence="A number is doubled",
        step=1,
        verdict=FAIL,
        seconds=0.5,
        extension="negative",
        tries=2,
        expected="42",
        got="63",
        rule="twice",
        timeline="+0.000 200 <-",
        reason="web.1 exited with code 1",
        output=["its last", "words"],
        settings={"LARGEST": "9"},
    )
    run = RunResult(
        "00-doubler", "/mine", "5eed", [failed], output=["a line"], looks_like={"C1": "it is squared"}
    )
    assert RunResult.from_json(json.dumps(run.as_dict())) == run


def test_a_run_without_a_target_comes_back_from_json_as_it_was() -> None:
    run = RunResult("00-doubler", "/mine", "5eed", [], no_target="no Procfile", output=["a line"])
    assert RunResult.from_json(json.dumps(run.as_dict())) == run


def test_the_json_has_verdicts_in_words_and_the_exit_code() -> None:
    document = json.loads(json.dumps(run_of(NOT_RUN, FAIL).as_dict()))
    assert ([check["verdict"] for check in document["checks"]], document["exit_code"]) == (
        ["not run", "fail"],
        1,
    )


def test_a_failed_check_says_in_one_line_what_was_expected_what_came_and_the_rule() -> None:
    error = CheckFailedError(expected="42", got="63", rule="a number is doubled")
    assert str(error) == "expected 42; got 63 (rule: a number is doubled)"
