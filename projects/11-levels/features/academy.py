"""A service for a class as its learners know it, and the folders that they have judged."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kata.steps import (
    Client,
    Draw,
    Exchange,
    Service,
    World,
    as_object,
    describe_answer,
    expect,
    wait_until_ready,
)

from .catalogue import Level, Track
from .solutions import PATIENCE_SECONDS, RUN_POLL_SECONDS, Json, Script, Solution

API = "/api/v1"
LEVELS, PROGRESS, RUNS, LEARNERS = f"{API}/levels", f"{API}/progress", f"{API}/runs", f"{API}/learners"
RECEIPTS = f"{API}/receipts"
OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, INVALID, UNAVAILABLE = 401, 403, 404, 409, 422, 503
GRACE_SECONDS = 2.0
SIGNS_OFF_SECONDS = 5.0
FINAL = ("passed", "failed", "inconclusive", "errored", "cancelled")


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
        """Have all processes run again, and no run of the check be left."""
        if not self.service.web.alive:
            self.service.web.restart()
            wait_until_ready(self.service.web)
        for worker in self.service.workers:
            worker.resume()
            if not worker.alive:
                worker.restart()
        for learner in self.made:
            shutil.rmtree(learner.folder, ignore_errors=True)
            learner.leaves()


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

    def leaves(self) -> None:
        """Cancel what has not ended, and let the workers be free for the next check."""
        for run in self.runs():
            if run.get("state") not in FINAL:
                self.client().request("DELETE", f"{RUNS}/{run['id']}")
        deadline = time.monotonic() + SIGNS_OFF_SECONDS
        while any(run.get("state") not in FINAL for run in self.runs()) and time.monotonic() < deadline:
            time.sleep(RUN_POLL_SECONDS)

    def wait_for(
        self, run_id: str, states: Sequence[str] = FINAL, patience_seconds: float = PATIENCE_SECONDS
    ) -> Json:
        deadline = time.monotonic() + patience_seconds
        while (shown := self.show(run_id)).get("state") not in states and time.monotonic() < deadline:
            time.sleep(RUN_POLL_SECONDS)
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


@dataclass(frozen=True)
class Local:
    """A service without OPERATOR_TOKEN, for whoever owns the machine."""

    service: Service
    tracks: list[Track]
    solutions: Path
    key_file: Path


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


@dataclass(frozen=True)
class Ran:
    """A solution, and its run as it is shown at the end."""

    solution: Solution
    shown: Json
    level: Level
