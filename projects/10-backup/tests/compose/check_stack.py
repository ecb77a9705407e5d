"""What compose.yaml promises beyond the contract: its versions stay, and its programs speak TLS."""

import os
import subprocess
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

OPERATOR = {"Authorization": f"Bearer {os.environ['OPERATOR_TOKEN']}"}
BY_TLS = "postgresql://backup@postgres/backup?sslmode=require"


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command of docker compose on the stack that .ci/compose-check has started."""
    command = ["docker", "compose", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def compose(*arguments: str, stdin: str = "") -> str:
    done = run(*arguments, stdin=stdin)
    assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    address = compose("port", "backup", "8000")
    with httpx.Client(base_url=f"http://{address}", headers=OPERATOR, trust_env=False, timeout=10) as client:
        yield client


def ended(http: httpx.Client, path: str) -> str:
    begun = http.post(path, json={})
    assert begun.status_code == HTTPStatus.ACCEPTED, begun.text
    while (run_now := http.get(begun.headers["Location"]).json())["state"] == "running":
        time.sleep(0.1)
    assert run_now["state"] == "succeeded", run_now
    return str(run_now["version_id"])


def test_a_version_outlives_its_container_and_is_restored_by_the_programs_of_the_image(
    http: httpx.Client,
) -> None:
    version_id = ended(http, "/api/v1/versions")
    compose("up", "--detach", "--wait", "--force-recreate", "--no-build", "backup")
    address = compose("port", "backup", "8000")
    with httpx.Client(base_url=f"http://{address}", headers=OPERATOR, trust_env=False, timeout=10) as again:
        ended(again, f"/api/v1/versions/{version_id}/drill")
        assert again.get(f"/api/v1/versions/{version_id}").json()["verification"]["level"] == "compared"


def test_the_programs_are_of_the_servers_major_version_and_told_of() -> None:
    server = compose("exec", "-T", "postgres", "postgres", "--version").split()[2].partition(".")[0]
    for program in ("pg_dump", "pg_restore"):
        version = compose("exec", "-T", "backup", program, "--version").split()[2]
        assert version.partition(".")[0] == server
    materials = compose("exec", "-T", "backup", "cat", "/opt/postgres/bill-of-materials.txt")
    assert f"postgresql-client-{server}=" in materials


def test_versions_are_made_and_drilled_by_tls(tmp_path: Path) -> None:
    by_tls = ("exec", "-T", "--env", f"DATABASE_URL={BY_TLS}", "backup")
    assert run(*by_tls, "pg_dump", "--schema-only", f"--dbname={BY_TLS}").returncode != 0
    key, certificate = tmp_path / "server.key", tmp_path / "server.crt"
    new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -subj /CN=postgres"
    subprocess.run(["openssl", *new.split(), "-keyout", key, "-out", certificate], check=True, timeout=60)
    for file in (key, certificate):
        kept = f'umask 077; cat >"$PGDATA/{file.name}"'
        compose("exec", "-T", "postgres", "sh", "-c", kept, stdin=file.read_text())
    for statement in ("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"):
        compose("exec", "-T", "postgres", "psql", "--username=backup", f"--command={statement}")
    deadline = time.monotonic() + 10
    dump = (*by_tls, "pg_dump", "--schema-only", f"--dbname={BY_TLS}")
    while run(*dump).returncode != 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "PostgreSQL database dump complete" in compose(*dump)
    compose(*by_tls, "python", "-m", "backup", "create")
    compose(*by_tls, "python", "-m", "backup", "drill", "latest")
