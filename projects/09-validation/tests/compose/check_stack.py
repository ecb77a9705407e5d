"""What compose.yaml promises beyond the contract."""

import subprocess
from http import HTTPStatus

import httpx

VERSION = {"schema": {"title": "kept in a volume"}}


def compose(*arguments: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    done = subprocess.run(
        ["docker", "compose", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def register() -> int:
    address = compose("port", "validation", "8000")
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
        return client.post("/api/v1/schemas", json=VERSION).status_code


def test_versions_outlive_their_container() -> None:
    assert register() in {HTTPStatus.CREATED, HTTPStatus.OK}
    compose("up", "--detach", "--wait", "--force-recreate", "--no-build", "validation")
    assert register() == HTTPStatus.OK
