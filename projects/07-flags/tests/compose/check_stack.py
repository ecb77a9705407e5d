"""What compose.yaml promises beyond the contract."""

import subprocess
from http import HTTPStatus

import httpx

TOKEN = "a-token-of-a-stack-for-minutes"


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    done = subprocess.run(
        ["docker", "compose", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def test_service_answers_on_the_published_port() -> None:
    address = compose("port", "flags", "8000")
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
        assert client.get("/ready").status_code == HTTPStatus.OK
        flags = client.get("/api/v1/flags", headers={"Authorization": f"Bearer {TOKEN}"})
        assert flags.status_code == HTTPStatus.OK


def test_the_last_ruleset_is_on_the_volume() -> None:
    listed = compose("exec", "-T", "flags", "ls", "/data")
    assert "ruleset.snapshot" in listed
