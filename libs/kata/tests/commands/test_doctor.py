from pathlib import Path

import pytest

from kata.commands.doctor import (
    Finding,
    check_compose,
    check_engine,
    check_python,
    check_server,
    check_uv,
    examine,
)
from kata.errors import LaunchError


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_this_environment_can_run_and_verify() -> None:
    findings = {finding.name: finding for finding in examine()}
    assert list(findings) == [
        "Python",
        "uv",
        "embedded Redis",
        "embedded PostgreSQL",
        "Docker engine",
        "Docker compose",
    ]
    assert "postgres (PostgreSQL) 18." in findings["embedded PostgreSQL"].detail
    assert "Valkey server" in findings["embedded Redis"].detail
    required = {finding.name for finding in findings.values() if finding.required}
    assert required == {"Python", "uv", "embedded Redis", "embedded PostgreSQL"}
    assert all(findings[name].ok for name in required - {"uv"})


def test_an_old_python_is_told() -> None:
    assert check_python((3, 14, 1)) == Finding("Python", ok=True, detail="3.14.1")
    assert check_python((3, 12, 9)) == Finding(
        "Python", ok=False, detail="3.12.9, and 3.13 is needed", remedy="rm -rf .venv && make doctor"
    )


def test_uv_is_the_machines_or_the_makefiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert check_uv(tmp_path) == Finding("uv", ok=False, detail="not found", remedy="make .uv/bin/uv")
    program(tmp_path / ".uv" / "bin" / "uv", "echo uv 0.13.1")
    assert check_uv(tmp_path) == Finding("uv", ok=True, detail="uv 0.13.1")
    program(tmp_path / "bin" / "uv", "echo uv 0.13.2")
    assert check_uv(tmp_path) == Finding("uv", ok=True, detail="uv 0.13.2")


def test_a_wheel_that_is_missing_or_for_another_machine_is_told(tmp_path: Path) -> None:
    def missing() -> Path:
        raise LaunchError("the wheel has no server for this machine")

    assert check_server("Redis", missing, "REDIS_URL") == Finding(
        "Redis",
        ok=False,
        detail="the wheel has no server for this machine",
        remedy="rm -rf .venv && make doctor",
    )
    broken = program(tmp_path / "server", "exit 1")
    assert check_server("Redis", lambda: broken, "REDIS_URL") == Finding(
        "Redis",
        ok=False,
        detail=f"{broken} does not run on this machine",
        remedy="rm -rf .venv && make doctor, or set REDIS_URL to a server of your own",
    )


def test_a_missing_engine_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    finding = check_engine()
    assert (finding.ok, finding.required) == (False, False)
    assert finding.remedy is not None


def test_a_missing_compose_is_no_failure(tmp_path: Path) -> None:
    docker = program(
        tmp_path / "docker", '[ "$*" = "compose version" ] && echo "Docker Compose version v2.40"'
    )
    assert check_compose(str(docker)) == Finding(
        "Docker compose", ok=True, detail="Docker Compose version v2.40", required=False
    )
    program(docker, "exit 1")
    assert check_compose(str(docker)) == Finding(
        "Docker compose",
        ok=False,
        detail="not found; only make up-NN needs it",
        remedy="see https://docs.docker.com/compose/install/",
        required=False,
    )
