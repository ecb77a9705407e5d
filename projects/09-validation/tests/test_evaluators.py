"""The processes that evaluate, as an operator and an attacker meet them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from kata.world.owned import OwnedWorld
from kata.world.owned_service import OwnedService


def evaluators_of(group: int) -> list[int]:
    """Return the evaluators in this process group."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                is_one = b"validation.evaluator" in (folder / "cmdline").read_bytes()
                if is_one and os.getpgid(int(folder.name)) == group:
                    found.append(int(folder.name))
            except OSError:  # it has ended meanwhile
                continue
    return found


def group_of(service: OwnedService) -> int:
    """Return the group of the service, the last made: whoever started it has the environment, too."""
    environment = f"DATA_DIR={service.environment['DATA_DIR']}".encode()
    groups = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if environment in (folder / "environ").read_bytes().split(b"\0"):
                    groups.add(os.getpgid(int(folder.name)))
            except OSError:
                continue
    return max(groups)


def eventually(holds: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def test_an_evaluator_that_dies_is_replaced(world: OwnedWorld) -> None:
    service = world.start_alone({"EVALUATORS": "2"})
    group = group_of(service)
    assert eventually(lambda: len(evaluators_of(group)) == 2)
    for pid in evaluators_of(group):
        os.kill(pid, signal.SIGKILL)
    with httpx.Client(base_url=service.urls[0], trust_env=False, timeout=20) as client:
        statuses = [client.post("/api/v1/schemas", json={"schema": True}).status_code for _ in range(4)]
    # Who asked one of those that are gone is told so; then there are others.
    assert set(statuses) <= {201, 200, 422}
    assert statuses[-1] == 200
    assert eventually(lambda: len(evaluators_of(group)) == 2)


def test_evaluators_end_with_a_service_that_is_killed(world: OwnedWorld) -> None:
    service = world.start_alone({"EVALUATORS": "2"})
    group = group_of(service)
    assert eventually(lambda: len(evaluators_of(group)) == 2)
    os.kill(next(pid for pid in parents(group) if pid not in evaluators_of(group)), signal.SIGKILL)
    service.web.kill()
    assert eventually(lambda: evaluators_of(group) == [])


def parents(group: int) -> list[int]:
    members = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getpgid(int(folder.name)) == group:
                    members.append(int(folder.name))
            except OSError:
                continue
    return sorted(members)


def test_a_registry_that_cannot_be_used_is_503_and_not_ready(world: OwnedWorld) -> None:
    service = world.start_alone({})
    folder = Path(service.environment["DATA_DIR"])
    with httpx.Client(base_url=service.urls[0], trust_env=False, timeout=20) as client:
        version_id = client.post("/api/v1/schemas", json={"schema": {"type": "null"}}).json()["id"]
        kept = folder / "schemas"
        kept.rename(folder / "elsewhere")
        kept.touch()
        refused = client.post("/api/v1/schemas", json={"schema": {"type": "string"}})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.get(f"/api/v1/schemas/{version_id}").status_code == 503
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        kept.unlink()
        (folder / "elsewhere").rename(kept)
        assert client.get("/ready").status_code == 200
        assert client.get(f"/api/v1/schemas/{version_id}").status_code == 200
