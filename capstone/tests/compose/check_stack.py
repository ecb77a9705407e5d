"""What compose.yaml promises beyond the contract."""

import os
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


def test_the_platform_lets_somebody_in_on_the_published_port() -> None:
    address = compose("port", "capstone", "8000")
    operator = {"Authorization": f"Bearer {os.environ['OPERATOR_TOKEN']}"}
    account = {"email": "ada@example.com", "password": "a long passphrase of mine"}
    with httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False, timeout=10) as client:
        asked = client.post("/auth/register", json={"email": account["email"]})
        assert asked.status_code == HTTPStatus.ACCEPTED
        admitted = client.post("/admin/accounts", json={"email": account["email"]}, headers=operator)
        made = client.post("/auth/accounts", json=admitted.json() | {"password": account["password"]})
        assert made.status_code == HTTPStatus.CREATED
        assert client.post("/auth/login", json=account).status_code == HTTPStatus.OK
