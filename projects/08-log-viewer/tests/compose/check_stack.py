"""What compose.yaml promises beyond the contract."""

import subprocess
from http import HTTPStatus

import httpx


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    done = subprocess.run(
        ["docker", "compose", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def test_the_service_lists_what_is_mounted() -> None:
    address = compose("port", "log-viewer", "8000")
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
        assert client.get("/ready").status_code == HTTPStatus.OK
        assert isinstance(client.get("/api/v1/streams").json()["streams"], list)


def test_the_logs_cannot_be_written_to() -> None:
    command = ["docker", "compose", "exec", "-T", "log-viewer", "touch", "/logs/anything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
