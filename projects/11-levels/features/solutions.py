"""Folders that are judged, and what the verifier plays on them."""

import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kata.steps import expect

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.03
RUN_POLL_SECONDS = 0.1  # to ask for a run costs its service, and so all others, some milliseconds

type Json = Mapping[str, object]
type Actions = list[list[object]]
type Script = Mapping[str, Sequence[Actions]]


@dataclass
class Solution:
    """A folder that is to be judged."""

    path: Path

    def plays(self, script: Script) -> "Solution":
        (self.path / "script.json").write_text(json.dumps(script))
        return self

    def open(self, gate: str) -> None:
        """Let a verifier go on that waits for this."""
        (self.path / gate).touch()

    def calls(self) -> list[Json]:
        noted = self.path / "calls.jsonl"
        return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []

    def steps(self) -> list[str]:
        return [str(call["key"]) for call in self.calls()]

    def pids(self) -> list[int]:
        noted = self.path / "pids"
        return [int(line) for line in noted.read_text().split()] if noted.exists() else []

    def wait_for_calls(self, count: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + patience_seconds
        while len(self.calls()) < count and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        got = len(self.calls())
        expect(got >= count, expected=f"{count} calls of the verifier", got=got, timing=True)

    def wait_for_file(self, name: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (self.path / name).exists() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        expect(
            (self.path / name).exists(), expected=f"a verifier that writes {name}", got="none", timing=True
        )

    def demand_nothing_left(self, rule: str, ports: Sequence[int] = ()) -> None:
        """Demand that no process that the verifier has started runs, and no port is taken."""
        alive = [pid for pid in self.pids() if is_alive(pid)]
        expect(not alive, expected="no process of the verifier", got=f"{len(alive)} still run", rule=rule)
        for port in ports:
            with socket.socket() as probe:
                taken = probe.connect_ex(("127.0.0.1", port)) == 0
            expect(not taken, expected="no port in use", got=f"{port} is", rule=rule)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not asked for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (ProcessLookupError, OSError):
        return False
    return state != b"Z"


def passing(checks: Sequence[str]) -> Actions:
    """Return what a verifier does that passes these checks, without its end."""
    verdicts: Actions = [["check", check, "pass"] for check in checks]
    return [["start"], *verdicts]


def good(checks: Sequence[str]) -> Actions:
    return [*passing(checks), ["end", "pass"], ["exit", 0]]


def failing(checks: Sequence[str], failed: str) -> Actions:
    verdicts: Actions = [["check", check, "fail" if check == failed else "pass"] for check in checks]
    return [["start"], *verdicts, ["end", "fail"], ["exit", 1]]


def argument_of(call: Json, name: str) -> object:
    arguments = call.get("arguments")
    assert isinstance(arguments, list)
    return arguments[arguments.index(name) + 1]
