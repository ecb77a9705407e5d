"""A real browser, Chromium or Chrome, which is driven over a pipe by the DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_SECONDS: Final = 30.0
CLOSING_SECONDS: Final = 10.0

type Json = dict[str, object]


def browser_here() -> str | None:
    """Return the command of a browser that is on this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Browser:
    """One page of a browser without a window."""

    def __init__(self, command: str, profile: Path) -> None:
        ours_to_read, theirs_to_write = os.pipe()
        theirs_to_read, ours_to_write = os.pipe()
        flags = ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "remote-debugging-pipe")
        options = [*(f"--{flag}" for flag in flags), f"--user-data-dir={profile}"]
        # The protocol's pipes are 3 and 4, whatever the numbers are here.
        wired = f'exec "$0" "$@" 3<&{theirs_to_read} 4>&{theirs_to_write}'
        self._process = subprocess.Popen(  # noqa: S603 - the command is one of BROWSERS
            ["/bin/bash", "-c", wired, command, *options, "about:blank"],
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
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
