"""The service in one process, over HTTP, and how much memory it and its programs take."""

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from kata.system.ports import HOST, free_port

START_SECONDS = 20.0
LOOK_SECONDS = 0.05


class Server:
    """A backup service on a database."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._port, self._token = free_port(), secrets.token_hex(16)
        environment = {**os.environ, **settings, "OPERATOR_TOKEN": self._token, "PORT": str(self._port)}
        command = [sys.executable, "-m", "backup", "web"]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((HOST, self._port)).close()
                break
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the service did not start") from None
                time.sleep(LOOK_SECONDS)

    def run(
        self, path: str, body: Mapping[str, object] | None = None, phases: dict[str, float] | None = None
    ) -> tuple[float, dict[str, object]]:
        """Begin a run, wait for its end, and return how many seconds both took; and each phase, if one asks.

        Raises SystemExit: it has failed.
        """
        begun = looked = time.perf_counter()
        run = self._ask("POST", path, body or {})
        while run["state"] == "running":
            time.sleep(LOOK_SECONDS)
            run = self._ask("GET", f"/runs/{run['id']}")
            progress, now = run["progress"], time.perf_counter()
            if phases is not None and isinstance(progress, dict):
                phases[progress["phase"]] = phases.get(progress["phase"], 0.0) + now - looked
            looked = now
        if run["state"] != "succeeded":
            raise SystemExit(f"{path}: {run['code']}: {run['detail']}")
        return time.perf_counter() - begun, run

    def size_bytes(self, version_id: str) -> int:
        return int(str(self._ask("GET", f"/versions/{version_id}")["size_bytes"]))

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(HOST, self._port, timeout=60)
        with_body = None if body is None else json.dumps(body)
        connection.request(method, f"/api/v1{path}", with_body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise SystemExit(f"{path}: {answer.status} {text[:200].decode(errors='replace')}")
        document: dict[str, object] = json.loads(text)
        return document

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Have the most memory that the service and its programs took meanwhile, in MB."""
        most, is_over = [0.0], threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_SECONDS):
                most[0] = max(most[0], self._resident_bytes() / 1e6)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield most
        is_over.set()
        thread.join()

    def _resident_bytes(self) -> int:
        """Return what the service and all processes below it hold, what they share counted once each."""
        pids, total = [self._process.pid], 0
        for pid in pids:
            with suppress(FileNotFoundError, ProcessLookupError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pids += [int(child) for child in (task / "children").read_text().split()]
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0]) * 1024
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(15)
