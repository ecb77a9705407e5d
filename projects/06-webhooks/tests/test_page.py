"""The page in a real browser."""

import hashlib
import hmac
import json

import httpx
import pytest

from kata.network.browser import Browser
from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from kata.world.owned import OwnedWorld

TOKEN = "the-operator-of-these-tests"
SECRET, FORGOTTEN = "It's a Secret to Everybody", "a secret of somebody else"
MARKUP = "<s>key</s><img src=x onerror=alert(1)>"
PATIENCE_SECONDS = 30.0


@pytest.fixture
def url(world: OwnedWorld) -> str:
    """A service with an event that is dead, one that was forwarded, and a delivery in quarantine."""
    settings = {"OPERATOR_TOKEN": TOKEN, "ALLOW_PRIVATE_DESTINATIONS": "true", "MAX_ATTEMPTS": "1"}
    sink = world.callback_server()
    url = world.start(settings, workers=1).urls[0]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=10) as client:
        fill(client, sink)
    return url


def fill(client: httpx.Client, sink: CallbackServer) -> None:
    sink.program("/shop", Reply(500), Reply())
    for name, secret in (("shop", SECRET), ("other", FORGOTTEN)):
        body = {"name": name, "scheme": "github", "secret": secret, "destination": sink.url(f"/{name}")}
        assert client.post("/api/v1/sources", json=body).status_code == 201
    assert send(client, SECRET, MARKUP) == 202
    sink.wait_for("/shop", 1, PATIENCE_SECONDS)
    assert send(client, SECRET, "second") == 202
    assert send(client, FORGOTTEN, "third") == 401


def send(client: httpx.Client, secret: str, delivery: str) -> int:
    digest = hmac.new(secret.encode(), b"{}", hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": delivery}
    return client.post("/in/shop", content=b"{}", headers=headers).status_code


def enter(browser: Browser, token: str) -> None:
    """Type a token, by keyboard alone."""
    while browser.evaluate("document.activeElement.id") != "token":
        browser.press("Tab")
    browser.send("Input.insertText", text=token)
    browser.press("Enter")


def text_of(name: str) -> str:
    return f"document.getElementById('{name}').innerText"


def test_the_page_shows_failures_with_their_causes_to_the_operator_alone(browser: Browser, url: str) -> None:
    browser.send("Page.navigate", url=f"{url}/")
    browser.wait_for("document.readyState === 'complete' && document.querySelector('main').hidden")
    enter(browser, "somebody-else-than-the-operator")
    browser.wait_for(f"{text_of('said')}.includes('operator')")
    assert browser.evaluate("document.querySelector('main').hidden") is True

    enter(browser, TOKEN)
    browser.wait_for("!document.querySelector('main').hidden")
    browser.wait_for(f"{text_of('failing')}.includes('the destination answered 500')")
    browser.wait_for(f"{text_of('rejected')}.includes('secret of the source other')")
    browser.wait_for(f"{text_of('inbox')}.includes('forwarded')")
    assert browser.evaluate(f"{text_of('failing')}.includes({json.dumps(MARKUP)})") is True
    assert browser.evaluate("document.querySelectorAll('main s, main img').length") == 0
    for width in (400, 800, 1400):
        for scheme in ("light", "dark"):
            assert browser.look(width, scheme).startswith(b"\x89PNG")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth") is True, width

    while browser.evaluate("(document.activeElement.dataset.key ?? '').startsWith('replay')") is not True:
        browser.press("Tab")
    browser.press("Enter")
    browser.wait_for(f"{text_of('said')} === 'It is forwarded again.'")
    browser.wait_for(f"{text_of('failing')} === 'Nothing has failed.'")
    # That the first token was refused is said by the browser itself, and maybe late.
    assert [one for one in browser.complaints if "a status of 401" not in json.dumps(one)] == []
