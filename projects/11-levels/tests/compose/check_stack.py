"""What compose.yaml promises: a run passes, also if the worker that judges it is killed."""

import subprocess
import time
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest

PATIENCE_SECONDS = 30.0


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    done = subprocess.run(
        ["docker", "compose", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    address = compose("port", "levels", "8000")
    with httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False, timeout=10) as client:
        yield client


def start(client: httpx.Client) -> str:
    answer = client.post("/runs", json={"level_id": "tea.1", "dir": "/solutions/tea"})
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    return str(answer.json()["id"])


def wait_for(client: httpx.Client, run: str, *states: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := client.get(f"/runs/{run}").json()["state"]) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    return str(state)


def test_a_run_passes_and_completes_its_level(client: httpx.Client) -> None:
    run = start(client)
    assert wait_for(client, run, "passed", "failed", "errored") == "passed"
    assert client.get("/progress/tea.1").json()["status"] == "COMPLETED"
    assert client.get(f"/receipts/{run}").json()["receipt"]["run_id"] == run


def test_a_run_whose_workers_are_killed_is_judged_when_they_are_back(client: httpx.Client) -> None:
    run = start(client)
    wait_for(client, run, "running")
    compose("kill", "--signal", "KILL", "worker")
    compose("up", "--detach", "--wait", "--no-build", "worker")
    assert wait_for(client, run, "passed", "failed", "errored") == "passed"


def test_the_stream_of_a_run_ends_with_its_end(client: httpx.Client) -> None:
    answer = client.get(f"/runs/{start(client)}/events")
    assert answer.status_code == HTTPStatus.OK
    assert answer.text.rstrip().splitlines()[-2] == "event: end"
