"""What compose.yaml promises beyond the contract."""

import subprocess
import time
from http import HTTPStatus

import httpx


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    done = subprocess.run(
        ["docker", "compose", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def test_service_answers_on_the_published_port() -> None:
    address = compose("port", "core-backend", "8000")
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
        assert client.get("/ready").status_code == HTTPStatus.OK
        who = {"email": "ada@example.org", "password": "correct horse battery"}
        assert client.post("/api/v1/auth/register", json=who).status_code == HTTPStatus.CREATED


def test_the_worker_has_welcomed_who_has_registered() -> None:
    deadline = time.monotonic() + 30
    while "welcome" not in compose("logs", "worker"):
        assert time.monotonic() < deadline, compose("logs", "worker")
        time.sleep(0.2)
