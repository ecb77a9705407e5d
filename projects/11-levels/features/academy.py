"""A service for a class as its learners know it, and the folders that they have judged."""

import json
import os
import shlex
import shutil
import socket
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kata.steps import Client, Draw, Exchange, Service, World, as_object, describe_answer, expect

API = "/api/v1"
LEVELS, PROGRESS, RUNS, LEARNERS = f"{API}/levels", f"{API}/progress", f"{API}/runs", f"{API}/learners"
RECEIPTS = f"{API}/receipts"
OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
NOT_FOUND, CONFLICT, INVALID = 404, 409, 422
FINAL = ("passed", "failed", "inconclusive", "errored", "cancelled")
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.03
VERIFIER = Path(__file__).with_name("scripted_verifier.py")

type Json = Mapping[str, object]
type Actions = list[list[object]]
type Script = Mapping[str, Sequence[Actions]]


@dataclass(frozen=True)
class Level:
    """A level as the verifier lists it."""

    id: str
    step: int
    checks: list[str]


@dataclass(frozen=True)
class Track:
    """A track as the verifier lists it."""

    document: Json
    project: str
    levels: list[Level]


def drawn_catalogue(world: World) -> Json:
    """Draw what the verifier can judge: the same for all checks of a run, so that they share services."""

    def number(name: str, low: int, high: int) -> int:
        return world.setting(f"catalogue/{name}", low, high)

    tracks: list[Json] = []
    for nth in range(2):
        project = f"{number(f'project-{nth}', 20, 49) + 40 * nth}"
        first = number(f"first-{nth}", 0, 7)
        levels: list[Json] = [
            {
                "id": f"{project}.{'abcdefgh'[number(f'letter-{nth}', 0, 7)]}{index}",
                "step": first + index * number(f"stride-{nth}", 1, 3),
                "title": f"<b>Level</b> {index} & größer",
                "checks": [
                    f"C{10 * index + check}" for check in range(number(f"checks-{nth}-{index}", 2, 4))
                ],
            }
            for index in range(number(f"levels-{nth}", 4, 6))
        ]
        tracks.append(
            {
                "id": f"{project}-{'tuvwxyz'[number(f'name-{nth}', 0, 6)]}",
                "project": project,
                "title": f"Track {nth}",
                "contract": f"{number(f'contract-{nth}', 10**6, 10**9):x}",
                "levels": levels,
            }
        )
    return {"tracks": tracks}


def tracks_of(catalogue: Json) -> list[Track]:
    tracks = catalogue["tracks"]
    assert isinstance(tracks, list)
    return [
        Track(
            track,
            track["project"],
            [Level(level["id"], level["step"], level["checks"]) for level in track["levels"]],
        )
        for track in tracks
    ]


def verifier_settings(world: World) -> dict[str, str]:
    """Return the settings that name the scripted verifier, and the folder of all solutions."""
    folder = world.folder("verifier")
    catalogue = folder / "catalogue.json"
    catalogue.write_text(json.dumps(drawn_catalogue(world)))
    solutions = world.folder("solutions")
    solutions.chmod(0o777)
    command = shlex.join([sys.executable, "-S", str(VERIFIER), str(catalogue)])
    return {"VERIFIER": command, "SOLUTIONS_DIR": str(solutions)}


def drawn_key(world: World, name: str) -> Ed25519PrivateKey:
    """Draw a key: the same for all checks of a run."""
    drawn = [world.setting(f"{name}/{nth}", 10**9, 10**10) for nth in range(4)]
    return Ed25519PrivateKey.from_private_bytes(sha256(f"{drawn}".encode()).digest())


def signing_settings(world: World) -> dict[str, str]:
    """Return the settings that name the service's key, and that of another machine."""
    key = drawn_key(world, "signing-key")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    other = drawn_key(world, "another-machine").public_key().public_bytes_raw()
    return {
        "SIGNING_KEY_FILE": world.file("signing-key.pem", pem),
        "TRUSTED_KEYS": urlsafe_b64encode(other).rstrip(b"=").decode(),
    }


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


@dataclass
class Academy:
    """The service, and what its checks know of it."""

    service: Service
    world: World
    settings: Mapping[str, str]
    tracks: list[Track]
    made: list["Learner"] = field(default_factory=list)

    @property
    def draw(self) -> Draw:
        return self.world.draw

    @cached_property
    def operator(self) -> Client:
        return self.service.client({"Authorization": f"Bearer {self.settings['OPERATOR_TOKEN']}"})

    @property
    def lease_seconds(self) -> float:
        return float(self.settings["LEASE_SECONDS"])

    def learner(self) -> "Learner":
        """Add a learner, of whom nothing is known yet."""
        name = f"{self.draw.word()}-{self.draw.integer(10, 10**6)}"
        answer = self.operator.request("POST", LEARNERS, json={"name": name})
        expect(answer.status == CREATED, expected="201 for a new learner", got=describe_answer(answer))
        learner = Learner(self, name, str(as_object(answer)["token"]))
        learner.folder.mkdir()
        self.made.append(learner)
        return learner

    def make_whole(self) -> None:
        """Have all workers run again, and no run of the check be left."""
        for worker in self.service.workers:
            worker.resume()
            if not worker.alive:
                worker.restart()
        for learner in self.made:
            shutil.rmtree(learner.folder, ignore_errors=True)
            for state in ("queued", "running"):
                for run in learner.runs():
                    if run.get("state") == state:
                        learner.client().request("DELETE", f"{RUNS}/{run['id']}")


@dataclass
class Learner:
    """One of the class."""

    academy: Academy
    name: str
    token: str

    @property
    def folder(self) -> Path:
        return Path(self.academy.settings["SOLUTIONS_DIR"]) / self.name

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @cached_property
    def _clients(self) -> dict[int, Client]:
        return {}

    def client(self, process: int = 0) -> Client:
        if process not in self._clients:
            self._clients[process] = self.academy.service.client(self.headers, process=process)
        return self._clients[process]

    def solution(self, script: Script | None = None) -> Solution:
        path = self.folder / self.academy.draw.word()
        path.mkdir()
        (path / "Procfile").write_text("web: true\n")
        return Solution(path).plays(script or {})

    def progress(self) -> dict[str, Json]:
        answer = self.client().get(PROGRESS)
        expect(answer.status == OK, expected="200 from the progress", got=describe_answer(answer))
        items = as_object(answer).get("items")
        found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        return {str(item.get("level_id")): item for item in found}

    @cached_property
    def user_id(self) -> object:
        return as_object(self.client().get(PROGRESS)).get("user_id")

    def statuses(self, track: Track) -> list[object]:
        progress = self.progress()
        return [progress.get(level.id, {}).get("status") for level in track.levels]

    def ask(self, level: Level, path: Path | str) -> Exchange:
        return self.client().request("POST", RUNS, json={"level_id": level.id, "dir": str(path)})

    def start(self, level: Level, solution: Solution) -> str:
        """Ask for a run, and return its id."""
        answer = self.ask(level, solution.path)
        expect(
            answer.status == ACCEPTED,
            expected="202 for a run",
            got=f"{describe_answer(answer)} {answer.text[:200]}",
        )
        return str(as_object(answer)["id"])

    def show(self, run_id: str, process: int = 0) -> Json:
        answer = self.client(process).get(f"{RUNS}/{run_id}")
        expect(answer.status == OK, expected="200 for a run", got=describe_answer(answer))
        return as_object(answer)

    def runs(self) -> list[Json]:
        items = as_object(self.client().get(RUNS)).get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []

    def wait_for(
        self, run_id: str, states: Sequence[str] = FINAL, patience_seconds: float = PATIENCE_SECONDS
    ) -> Json:
        deadline = time.monotonic() + patience_seconds
        while (shown := self.show(run_id)).get("state") not in states and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        expect(
            shown.get("state") in states,
            expected=f"{' or '.join(states)} within {patience_seconds:g} s",
            got=f"{shown.get('state')}: {shown.get('reason')}",
            timing=shown.get("state") not in FINAL,
        )
        return shown

    def ends(self, run_id: str, state: str, rule: str | None = None) -> Json:
        """Demand that a run ends in this state."""
        shown = self.wait_for(run_id)
        got = shown.get("state")
        expect(got == state, expected=state, got=f"{got}: {shown.get('reason')}", rule=rule)
        return shown

    def completes(self, level: Level) -> None:
        """Have a level completed, and all below it."""
        track = next(track for track in self.academy.tracks if level in track.levels)
        solution = self.solution()
        for one in track.levels[: track.levels.index(level) + 1]:
            self.ends(self.start(one, solution), "passed")


def level_reports(shown: Json) -> list[Json]:
    levels = shown.get("levels")
    return [level for level in levels if isinstance(level, dict)] if isinstance(levels, list) else []


def checks_in(report: Json) -> dict[str, Json]:
    checks = report.get("checks")
    found = [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    return {str(check.get("id")): check for check in found}


def tries_of(check: Json) -> list[Json]:
    tries = check.get("tries")
    return [one for one in tries if isinstance(one, dict)] if isinstance(tries, list) else []


def passing(checks: Sequence[str]) -> Actions:
    """Return what a verifier does that passes these checks, without its end."""
    verdicts: Actions = [["check", check, "pass"] for check in checks]
    return [["start"], *verdicts]


def good(checks: Sequence[str]) -> Actions:
    return [*passing(checks), ["end", "pass"], ["exit", 0]]


def failing(checks: Sequence[str], failed: str) -> Actions:
    verdicts: Actions = [["check", check, "fail" if check == failed else "pass"] for check in checks]
    return [["start"], *verdicts, ["end", "fail"], ["exit", 1]]
