import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kata.catalog.projects import Project
from kata.judge.verdicts import CheckResult, RunResult, Verdict
from kata.options import Options
from kata.report.text import render_check, render_summary, replay

FAILED = CheckResult(
    id="C4",
    sentence="exactly one slot frees when the oldest request expires",
    step=4,
    verdict=Verdict.FAIL,
    seconds=1.25,
    expected="429 on request 12 (+1.020 s; 9 of 9 slots used)",
    got="200",
    rule="at most 9 accepted in any window of 1.0 s",
    timeline="+0.000 1x200 | +0.610 8x200 1x429 | +1.012 200 | +1.020 200 <-",
    settings={"WINDOW_SECONDS": "1", "LIMIT": "9"},
)
PASSED = CheckResult("C1", "A request is answered", 1, Verdict.PASS, 0.26)


def test_a_check_that_passes_is_one_line() -> None:
    assert render_check(PASSED) == " ok C1   A request is answered (0.3 s)"


def test_a_check_that_fails_says_all_that_a_person_needs() -> None:
    report = render_check(
        FAILED,
        looks_like="a window that resets on the clock  (mutant window-resets-early)",
        replay="kata verify 03 --dir /mine --seed 91c2 --only C4",
    )
    assert report == (
        " x  C4   exactly one slot frees when the oldest request expires\n"
        "       expected    429 on request 12 (+1.020 s; 9 of 9 slots used)\n"
        "       got         200\n"
        "       timeline    +0.000 1x200 | +0.610 8x200 1x429 | +1.012 200 | +1.020 200 <-\n"
        "       rule        at most 9 accepted in any window of 1.0 s  (README: The contract; made in step 4)"
        "\n"
        "       settings    LIMIT=9 WINDOW_SECONDS=1\n"
        "       looks like  a window that resets on the clock  (mutant window-resets-early)\n"
        "       replay      kata verify 03 --dir /mine --seed 91c2 --only C4"
    )


def test_a_process_that_died_shows_its_last_twelve_lines() -> None:
    died = replace(
        FAILED,
        timeline=None,
        reason="web.1 exited with code 1",
        output=[f"line {number}" for number in range(1, 15)],
    )
    lines = render_check(died).splitlines()
    assert lines[5] == "       because     web.1 exited with code 1"
    assert lines[6:] == [f"       | line {number}" for number in range(3, 15)]


def test_the_first_error_is_shown_though_a_stack_trace_has_pushed_it_out() -> None:
    stack = [f"    at step {number}" for number in range(20)]
    output = ["starting", "TypeError: x is not a function", *stack, "Node.js v22.0.0"]
    shown = ["TypeError: x is not a function", "...", *stack[-11:], "Node.js v22.0.0"]
    died = replace(FAILED, timeline=None, reason="web.1 exited with code 1", output=output)
    assert render_check(died).splitlines()[6:] == [f"       | {line}" for line in shown]
    run = RunResult("03-reminders", "/mine", "91c2", no_target="web.1 exited", output=output)
    assert render_summary(run).splitlines()[1:] == [f"  | {line}" for line in shown]


def test_a_long_text_is_wrapped_under_itself_and_a_replay_never() -> None:
    long = replace(FAILED, expected="x" * 60 + " " + "y" * 60)
    lines = render_check(long, replay="kata verify 03 --dir " + "d" * 200).splitlines()
    assert lines[1:3] == ["       expected    " + "x" * 60, " " * 19 + "y" * 60]
    assert lines[-1] == "       replay      kata verify 03 --dir " + "d" * 200


def test_settings_are_wrapped_between_two_and_quoted_as_for_a_shell() -> None:
    many = {f"NAME_{number}": "x" * 30 for number in range(3)} | {"ZONE": "a b"}
    lines = render_check(replace(FAILED, settings=many)).splitlines()
    assert lines[5:] == [
        f"       settings    NAME_0={'x' * 30} NAME_1={'x' * 30}",
        f"{' ' * 19}NAME_2={'x' * 30} ZONE='a b'",
    ]


def test_a_check_without_a_service_has_no_line_for_settings() -> None:
    assert "settings" not in render_check(replace(FAILED, settings={}))


def test_a_rule_outside_the_steps_names_none() -> None:
    report = render_check(replace(FAILED, step=None), replay="kata verify")
    assert "any window of 1.0 s  (README: The contract)\n" in report
    report = render_check(replace(FAILED, step=None, extension="page"))
    assert "any window of 1.0 s  (README: Go further)\n" in report


def test_an_inconclusive_check_says_why_and_how_often_it_was_tried() -> None:
    doubtful = replace(PASSED, verdict=Verdict.INCONCLUSIVE, tries=3, reason="the machine stood still")
    assert render_check(doubtful, replay="kata verify") == (
        " ?  C1   A request is answered\n       because     the machine stood still (tried 3 times)"
    )


def test_a_check_that_was_not_run_says_why() -> None:
    absent = replace(PASSED, verdict=Verdict.NOT_RUN, reason="it needs the process")
    assert render_check(absent) == " -  C1   A request is answered\n       because     it needs the process"


def test_the_verifier_s_own_fault_is_marked_as_such() -> None:
    broken = replace(PASSED, verdict=Verdict.ERROR, reason="KeyError: 'limit'")
    assert render_check(broken) == " !  C1   A request is answered\n       because     KeyError: 'limit'"


def test_a_summary_counts_the_verdicts_and_names_the_seed() -> None:
    run = RunResult("03-reminders", "/mine", "91c2", [PASSED, PASSED, FAILED], 1.8)
    assert render_summary(run) == "03-reminders: 2 pass, 1 fail in 1.8 s, seed 91c2"


def test_a_summary_says_that_what_was_not_run_was_not_verified() -> None:
    run = RunResult("03-reminders", "/mine", "91c2", [PASSED, replace(PASSED, verdict=Verdict.NOT_RUN)], 0.5)
    assert render_summary(run) == (
        "03-reminders: 1 pass, 1 not run in 0.5 s, seed 91c2\nwhat was not run was not verified"
    )


def test_a_summary_of_nothing_says_so() -> None:
    run = RunResult("03-reminders", "/mine", "91c2", [])
    assert render_summary(run) == "03-reminders: no check executed in 0.0 s, seed 91c2"


def test_a_solution_that_did_not_start_shows_its_own_words() -> None:
    run = RunResult("03-reminders", "/mine", "91c2", no_target="web.1 exited", output=["a", "b"])
    assert render_summary(run) == "could not start /mine: web.1 exited\n  | a\n  | b"


def test_an_address_that_does_not_answer_could_not_be_reached() -> None:
    run = RunResult("03-reminders", "http://localhost:1", "91c2", no_target="connection refused")
    assert render_summary(run) == "could not reach http://localhost:1: connection refused"


def test_a_replay_can_be_pasted_into_the_same_shell(
    doubler: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = Options(directory=Path("/my folder"), seed="91c2", extensions=True, fail_fast=True)
    meant = f"verify {doubler.path} --dir '/my folder' --seed 91c2 --only C4"
    folder = Path(sys.executable).parent
    for directory, path, program in (
        (folder.parent.parent, "/bin", ".venv/bin/kata"),
        (tmp_path, "/bin", str(folder / "kata")),
        (tmp_path, str(folder), "kata"),
    ):
        monkeypatch.chdir(directory)
        monkeypatch.setenv("PATH", path)
        assert replay(doubler, options, "C4") == f"{program} {meant}"
