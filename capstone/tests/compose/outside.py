"""The stack as its users meet it: through the proxy, by TLS, whose authority is the proxy's own."""

import os
import secrets
import ssl
import subprocess
from dataclasses import dataclass

import httpx

HOST = "localhost"
HTTPS = 8443
OPERATORS = 8000
PASSWORD = "a long passphrase of mine"
ROOT = "/data/caddy/pki/authorities/local/root.crt"


def docker(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | environment,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def compose(*arguments: str, **environment: str) -> str:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    return docker("compose", "--progress", "quiet", *arguments, **environment)


def port_of(container_port: int) -> int:
    return int(compose("port", "caddy", str(container_port)).rpartition(":")[2])


def world() -> httpx.Client:
    """Return a client that believes the proxy's authority and nobody else."""
    believed = ssl.create_default_context(cadata=compose("exec", "-T", "caddy", "cat", ROOT))
    address = f"https://{HOST}:{port_of(HTTPS)}"
    return httpx.Client(base_url=address, verify=believed, trust_env=False, timeout=10)


def operator() -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port_of(OPERATORS)}",
        headers={"Authorization": f"Bearer {os.environ['OPERATOR_TOKEN']}"},
        trust_env=False,
        timeout=10,
    )


@dataclass(frozen=True)
class Home:
    """Somebody who is signed in, and their organisation."""

    headers: dict[str, str]
    path: str


def settle(name: str) -> Home:
    """Make an account and an organisation in which projects can be published."""
    email = f"{name}-{secrets.token_hex(4)}@example.com"
    with operator() as door, world() as outside:
        token = door.post("/api/v1/admin/accounts", json={"email": email}).raise_for_status().json()
        new = token | {"password": PASSWORD}
        outside.post("/api/v1/auth/accounts", json=new).raise_for_status()
        known = {"email": email, "password": PASSWORD}
        tokens = outside.post("/api/v1/auth/login", json=known).raise_for_status().json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        made = outside.post("/api/v1/organisations", json={"name": "Looms"}, headers=headers)
        door.put("/api/v1/admin/flags/publish", json={"is_on": True}).raise_for_status()
        return Home(headers, f"/api/v1/organisations/{made.raise_for_status().json()['id']}")
