"""The service in one process, over HTTP, and what it costs."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from kata.system.ports import HOST, free_port

START_SECONDS = 20.0
ANSWER_SECONDS = 90.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """A log viewer on a folder, whose queries may read all of it."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        environment = {**os.environ, **settings, "LOG_DIR": str(folder), "PORT": str(self.port)}
        command = [sys.executable, "-m", "log_viewer"]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((HOST, self.port)).close()
                break
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the service did not start") from None
                time.sleep(0.05)
        self._connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)

    def ask(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, object]:
        """Ask for a JSON object. Raises SystemExit: it is not given."""
        target = f"{path}?{urlencode(query)}" if query else path
        self._connection.request("GET", target)
        try:
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # the service closes what is idle for long
            self._connection.close()
            self._connection.request("GET", target)
            answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"{path}: {answer.status} {body[:200].decode(errors='replace')}")
        document: dict[str, object] = json.loads(body)
        return document

    def path_of(self, name: str) -> str:
        listed = self.ask("/api/v1/streams")["streams"]
        streams = {one["name"]: one["id"] for one in listed} if isinstance(listed, list) else {}
        return f"/api/v1/streams/{streams[name]}"

    def processor_seconds(self) -> float:
        """Return what its processes have taken so far."""
        pids = [self._process.pid]
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
        ticks = 0
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS_PER_SECOND

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(15)
