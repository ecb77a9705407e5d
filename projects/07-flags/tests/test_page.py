"""The page in a real browser."""

import json

import httpx
import pytest

from kata.network.browser import Browser
from kata.world.owned import OwnedWorld

TOKEN = "the-administrator-of-these-tests"
MARKUP = "<s>tenth</s><img src=x onerror=alert(1)>"
WIDTHS = (400, 800, 1400)


@pytest.fixture
def url(world: OwnedWorld) -> str:
    """A service with a flag that a tenth of all people have, and with markup in what somebody has typed."""
    url = world.start({"ADMIN_TOKENS": f"ann:{TOKEN}"}).urls[0]
    document = {
        "key": "tea",
        "type": "boolean",
        "description": MARKUP,
        "variants": {"on": True, "off": False},
        "off_variant": "off",
        "rules": [{"name": "tenth", "percentage": 10, "variant": "on"}],
        "default": {"variant": "off"},
    }
    with client_of(url) as client:
        assert client.post("/api/v1/flags", json=document).status_code == 201
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


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def pull(browser: Browser, percentage: int) -> None:
    """Move the slider of the first rule."""
    browser.evaluate(
        f"(() => {{ const slider = document.getElementById('rule-0'); slider.value = {percentage};"
        " slider.dispatchEvent(new Event('input')); })()"
    )


def open_flag(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete' && document.querySelector('main').hidden")
    enter(browser, TOKEN)
    browser.wait_for(f"{text_of('flags')}.includes('tenth 10 %')")
    reach(browser, "document.activeElement.dataset.key === 'tea'")
    browser.press("Enter")
    browser.wait_for("!document.getElementById('flag').hidden")


def test_the_page_shows_who_would_change_and_saves_what_was_shown(browser: Browser, url: str) -> None:
    open_flag(browser, url)
    pull(browser, 25)
    browser.wait_for(f"{text_of('change-count')}.includes('of 1000 would change')")
    assert browser.evaluate(f"{text_of('changes')}.includes('off → on')") is True
    assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
    assert browser.evaluate(f"{text_of('flag-facts')}.includes({json.dumps(MARKUP)})") is True
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            assert browser.look(width, scheme).startswith(b"\x89PNG")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width

    with client_of(url) as client:
        assert client.get("/api/v1/flags/tea").json()["rules"][0]["percentage"] == 10
        reach(browser, "document.activeElement.id === 'save'")
        browser.press("Enter")
        browser.wait_for(f"{text_of('said')} === 'tea is changed.'")
        assert client.get("/api/v1/flags/tea").json()["rules"][0]["percentage"] == 25
    browser.wait_for(f"{text_of('audit')}.includes('change')")
    assert browser.complaints == []


def test_the_page_overwrites_nobodys_change(browser: Browser, url: str) -> None:
    open_flag(browser, url)
    pull(browser, 50)
    with client_of(url) as client:
        change = {"description": "another one's"}
        changed = client.patch("/api/v1/flags/tea", json=change, headers={"If-Match": "*"})
        assert changed.status_code == 200
        browser.wait_for(f"{text_of('said')}.includes('changed this flag meanwhile')")
        browser.evaluate("document.getElementById('save').click()")
        browser.wait_for("document.getElementById('said').className === 'bad'")
        shown = client.get("/api/v1/flags/tea").json()
    assert shown["rules"][0]["percentage"] == 10
    browser.evaluate("document.getElementById('reset').click()")
    browser.wait_for("document.getElementById('rule-0').value === '10'")


def test_the_page_kills_a_flag_while_postgresql_is_away(
    browser: Browser, url: str, world: OwnedWorld
) -> None:
    service = world.start({"ADMIN_TOKENS": f"ann:{TOKEN}"})
    service.postgres.proxy.cut()
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete'")
    enter(browser, TOKEN)
    browser.wait_for("!document.querySelector('main').hidden && document.body.classList.contains('stale')")
    reach(browser, "document.activeElement.id === 'kill-key'")
    browser.send("Input.insertText", text="tea")
    browser.press("Enter")
    browser.wait_for(f"{text_of('said')}.includes('written down when PostgreSQL is back')")
    service.postgres.proxy.pass_through()
    browser.wait_for(f"{text_of('flags')}.includes('killed') && {text_of('audit')}.includes('kill')")


def test_the_page_tells_nothing_to_others(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete' && document.querySelector('main').hidden")
    enter(browser, "somebody-else-than-an-administrator")
    browser.wait_for(f"{text_of('said')}.includes('administrator')")
    assert browser.evaluate("document.querySelector('main').hidden") is True
