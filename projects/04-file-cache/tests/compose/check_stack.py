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


def client() -> httpx.Client:
    address = compose("port", "file-cache", "8000")
    return httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10)


def test_entries_outlive_their_container() -> None:
    with client() as http:
        assert http.put("/cache/tea", content=b"green").status_code in {HTTPStatus.CREATED, HTTPStatus.OK}
    compose("up", "--detach", "--wait", "--force-recreate", "--no-build", "file-cache")
    with client() as http:
        assert http.get("/cache/tea").content == b"green"
