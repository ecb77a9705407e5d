"""The page in a real browser: a right solution, a wrong one, a reload amid a run, and a class."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.network.browser import Browser
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

PROJECT = Path(__file__).parents[1]
VERIFIER = [sys.executable, "-S", PROJECT / "features/scripted_verifier.py", PROJECT / "tests/catalogue.json"]
MARKUP = "<s>report</s><img src=x onerror=alert(1)>"
TOKEN = "the-operator-of-these-tests"


@pytest.fixture
def world() -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(PROJECT), ("postgres",), Draw())
    yield world
    world.close()


def settings(folder: Path) -> dict[str, str]:
    return {
        "VERIFIER": shlex.join(map(str, VERIFIER)),
        "SOLUTIONS_DIR": str(folder),
        "SIGNING_KEY_FILE": str(folder / "signing-key.pem"),
    }


def solution(folder: Path, *first_level: list[object]) -> Path:
    folder.mkdir()
    (folder / "Procfile").write_text("web: true\n")
    if first_level:
        (folder / "script.json").write_text(json.dumps({"1": [first_level]}))
    return folder


def press_until(browser: Browser, focused: str) -> None:
    """Reach something by keyboard alone, and press it."""
    for _ in range(60):
        if browser.evaluate(
            f"(document.activeElement.dataset.key ?? document.activeElement.id) === '{focused}'"
        ):
            browser.press("Enter")
            return
        browser.press("Tab")
    raise AssertionError(f"{focused} cannot be reached")


def verify(browser: Browser, folder: Path, level: str) -> None:
    browser.evaluate(f"document.getElementById('folder').value = {json.dumps(str(folder))}")
    browser.evaluate("document.getElementById('folder').focus()")
    press_until(browser, f"verify-{level}")


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def test_a_learner_sees_their_run_as_it_happens(browser: Browser, world: OwnedWorld, tmp_path: Path) -> None:
    bad = solution(
        tmp_path / "bad",
        ["start"],
        ["check", "C1", "fail", MARKUP],
        ["check", "C2", "pass"],
        ["say", "words of the solution"],
        ["end", "fail"],
        ["exit", 1],
    )
    slow = solution(
        tmp_path / "slow",
        ["contract", "of-yesterday"],
        ["start"],
        ["check", "C1", "pass"],
        ["wait", "gate"],
        ["check", "C2", "pass"],
        ["end", "pass"],
        ["exit", 0],
    )
    url = world.start_alone(settings(tmp_path), workers=1).urls[0]
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.querySelectorAll('.level').length === 2")
    assert browser.evaluate("document.querySelectorAll('[data-key^=verify]').length") == 1

    verify(browser, bad, "tea.1")
    browser.wait_for(f"{text_of('run-state')} === 'failed'")
    assert browser.evaluate(f"{text_of('timeline')}.includes({json.dumps(MARKUP)})") is True
    assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
    assert browser.evaluate("document.getElementById('output').textContent") == "words of the solution\n"
    for width in (400, 800, 1400):
        for scheme in ("light", "dark"):
            assert browser.look(width, scheme).startswith(b"\x89PNG")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width

    verify(browser, slow, "tea.1")
    browser.wait_for(f"{text_of('timeline')}.includes('pass')")
    browser.evaluate("window.isOld = true")
    browser.send("Page.reload")
    seen = "document.querySelector('[data-check=C1] .state')?.innerText === 'pass'"
    browser.wait_for(f"!window.isOld && {seen}")
    (slow / "gate").touch()
    browser.wait_for(f"{text_of('run-state')} === 'passed'")
    browser.wait_for("document.querySelectorAll('.state.COMPLETED').length === 1")
    browser.wait_for(f"{text_of('chain')}.startsWith('1 receipt, each as it was signed')")
    assert browser.evaluate("document.querySelectorAll('a[href^=\"/api/v1/receipts/\"]').length") == 1
    # It says so itself that what judges here is another contract by now, and one press verifies it again.
    assert browser.evaluate("document.querySelector('.state.stale')?.innerText") == "stale"
    assert (
        browser.evaluate("document.querySelector('[data-key=\"verify-tea.1\"]').innerText") == "Verify again"
    )

    verify(browser, solution(tmp_path / "good"), "tea.2")
    browser.wait_for("document.querySelector('[data-key=race-tea]') !== null")
    press_until(browser, "race-tea")
    browser.wait_for(f"{text_of('said')}.includes('passed after')")
    browser.wait_for(f"{text_of('bests')}.includes(' s')")
    assert browser.complaints == []


def test_in_a_class_a_learner_enters_with_a_token(
    browser: Browser, world: OwnedWorld, tmp_path: Path
) -> None:
    url = world.start_alone(
        settings(tmp_path) | {"OPERATOR_TOKEN": TOKEN, "SIGNING_KEY_FILE": ""}, workers=1
    ).urls[0]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    made = httpx.post(f"{url}/api/v1/learners", json={"name": "ann"}, headers=headers, trust_env=False)
    (tmp_path / "ann").mkdir()
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete' && !document.getElementById('enter').hidden")
    browser.evaluate("document.getElementById('token').focus()")
    browser.send("Input.insertText", text=made.json()["token"])
    browser.press("Enter")
    browser.wait_for("document.querySelectorAll('.level').length === 2")
    verify(browser, solution(tmp_path / "ann" / "tea"), "tea.1")
    browser.wait_for(f"{text_of('run-state')} === 'passed'")
    browser.evaluate("sessionStorage.removeItem('token'), location.reload()")
    browser.wait_for("document.readyState === 'complete' && !document.getElementById('enter').hidden")
    browser.evaluate("document.getElementById('token').focus()")
    browser.send("Input.insertText", text=TOKEN)
    browser.press("Enter")
    browser.wait_for(f"{text_of('learners')}.includes('ann') && {text_of('learners')}.includes('1 level')")
    assert [one for one in browser.complaints if not re.search("a status of 40[13]", json.dumps(one))] == []
