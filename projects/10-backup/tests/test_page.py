"""The page in a real browser."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.network.browser import Browser
from kata.servers.postgres_programs import postgres_folder
from kata.solution.procfile_target import ProcfileTarget
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld

TOKEN = "the-operator-of-these-tests"
MARKUP = "<s>note</s><img src=x onerror=alert(1)>"
WIDTHS = (400, 800, 1400)


@pytest.fixture
def world() -> Iterator[OwnedWorld]:
    """The service's real process, started by its Procfile."""
    target = ProcfileTarget(Path(__file__).parents[1], programs=postgres_folder())
    world = OwnedWorld(target, ("postgres", "files"), Draw())
    yield world
    world.close()


@pytest.fixture
def url(world: OwnedWorld) -> str:
    """A service with a version that has markup in its label."""
    url = world.start({"OPERATOR_TOKEN": TOKEN}).urls[0]
    with client_of(url) as client:
        begun = client.post("/api/v1/versions", json={"labels": {"note": MARKUP}})
        assert begun.status_code == 202
        while (run := client.get(begun.headers["Location"]).json())["state"] == "running":
            time.sleep(0.05)
        assert run["state"] == "succeeded", run
    return url


def client_of(url: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=10
    )


def enter(browser: Browser, token: str) -> None:
    """Type a token, by keyboard alone."""
    reach(browser, "document.activeElement.id === 'token'")
    browser.send("Input.insertText", text=token)
    browser.press("Enter")


def reach(browser: Browser, condition: str) -> None:
    """Press Tab until the right control has the focus."""
    for _ in range(40):
        if browser.evaluate(condition) is True:
            return
        browser.press("Tab")
    raise AssertionError(f"no Tab leads to {condition}")


def press(browser: Browser, key: str) -> None:
    """Reach a button by what it does, as soon as it is there, and press it."""
    browser.wait_for(f"document.querySelector('[data-key^=\"{key}-\"]') !== null")
    reach(browser, f"(document.activeElement.dataset.key ?? '').startsWith('{key}-')")
    browser.press("Enter")


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def open_page(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete' && document.querySelector('main').hidden")


def test_the_page_proves_a_version_and_shows_the_drill(browser: Browser, url: str) -> None:
    open_page(browser, url)
    enter(browser, TOKEN)
    browser.wait_for(f"{text_of('versions')}.includes('unproven')")
    assert browser.evaluate(f"{text_of('versions')}.includes({json.dumps(MARKUP)})") is True
    assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
    press(browser, "drill")
    browser.wait_for(f"{text_of('versions')}.includes('proven 0 s ago')")
    browser.wait_for(f"{text_of('drills')}.includes('recovered in')")
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            assert browser.look(width, scheme).startswith(b"\x89PNG")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width
    assert browser.complaints == []


def test_the_page_restores_at_the_second_press_and_undoes(browser: Browser, url: str) -> None:
    open_page(browser, url)
    enter(browser, TOKEN)
    press(browser, "restore")
    browser.wait_for(f"{text_of('versions')}.includes('Replace the live database?')")
    with client_of(url) as client:
        assert [run["kind"] for run in client.get("/api/v1/runs").json()["items"]] == ["create"]
    press(browser, "restore")
    press(browser, "undo")
    browser.wait_for(f"{text_of('said')} === 'The database from before the restore is back.'")
    browser.wait_for(f"{text_of('runs')}.includes('undone')")


def test_the_page_tells_nothing_to_others(browser: Browser, url: str) -> None:
    open_page(browser, url)
    enter(browser, "somebody-else-than-the-operator")
    browser.wait_for(f"{text_of('said')}.includes('operator')")
    assert browser.evaluate("document.querySelector('main').hidden") is True
