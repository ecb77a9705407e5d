"""The page in a real browser, Chromium or Chrome, which is driven over a pipe by the DevTools protocol."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kata.network.callback_server import CallbackServer
from kata.network.callbacks import Reply
from kata.world.owned import OwnedWorld

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
TOKEN = "the-operator-of-these-tests"
SECRET, FORGOTTEN = "It's a Secret to Everybody", "a secret of somebody else"
MARKUP = "<s>key</s><img src=x onerror=alert(1)>"
PATIENCE_SECONDS = 30.0

type Json = dict[str, object]


class Browser:
    """One page of a browser without a window."""

    def __init__(self, command: str, profile: Path) -> None:
        ours_to_read, theirs_to_write = os.pipe()
        theirs_to_read, ours_to_write = os.pipe()
        flags = ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "remote-debugging-pipe")
        options = [*(f"--{flag}" for flag in flags), f"--user-data-dir={profile}"]
        # The protocol's pipes are 3 and 4, whatever the numbers are here.
        wired = f'exec "$0" "$@" 3<&{theirs_to_read} 4>&{theirs_to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", wired, command, *options, "about:blank"],
            pass_fds=(theirs_to_read, theirs_to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_to_read)
        os.close(theirs_to_write)
        self._input = os.fdopen(ours_to_write, "wb")
        self._output = os.fdopen(ours_to_read, "rb")
        self._count = 0
        self._rest = b""
        self._session: str | None = None
        self.complaints: list[Json] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        assert isinstance(targets, list)
        page = next(one for one in targets if one["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: object) -> Json:
        """Ask for something and return the result; what the console says meanwhile is kept."""
        self._count += 1
        message: Json = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._input.write(json.dumps(message).encode() + b"\0")
        self._input.flush()
        while (answer := self._receive()).get("id") != self._count:
            if answer.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.complaints.append(answer)
        assert "error" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def _receive(self) -> Json:
        while b"\0" not in self._rest:
            part = self._output.read1()
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: Json = json.loads(text)
        return message

    def evaluate(self, expression: str) -> object:
        done = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        result = done["result"]
        assert isinstance(result, dict)
        return result.get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.evaluate(expression):
            shown = self.evaluate("document.body.innerText")
            assert time.monotonic() < deadline, f"{expression}\n{shown}\n{self.complaints}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9}[key]
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def look(self, width: int, scheme: str) -> bytes:
        """Return a picture of the page at this width, in light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)
        return base64.b64decode(str(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def close(self) -> None:
        self._input.close()
        self._output.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on this machine")
    browser = Browser(found, tmp_path / "profile")
    yield browser
    browser.close()


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
