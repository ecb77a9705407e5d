"""The commands of docs/bootstrapping.md, executed; with Docker where .ci/compose-check asks for it."""

import os
import re
import sys
from pathlib import Path

from kata.fixtures import FreePort
from kata.pages import follow, run
from kata.system.uv import uv_programs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/bootstrapping.md"
# What a shell of the workspace's has, and a newcomer's has not.
OURS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "UV_PYTHON",
    "COMPOSE_FILE",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_DISABLE_ENV_FILE",
)


def test_what_the_page_says_is_so(tmp_path: Path, free_port: FreePort) -> None:
    text = PAGE.read_text()
    for port in sorted(set(re.findall(r"\b81\d\d\b", text))):
        text = text.replace(port, str(free_port()))
    programs = [f"{sys.base_prefix}/bin", str(Path(uv_programs(ROOT)[0]).parent)]
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
        "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
        "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
    }
    if "BOOTSTRAPPING_WITH_DOCKER" not in os.environ:
        follow(text, tmp_path, environment)
        return
    try:
        follow(text, tmp_path, environment, ["docker"])
    finally:  # what a failed run has left
        run("cd ~/hello-fastapi && docker compose --env-file .env.dev down --volumes", tmp_path, environment)


def test_its_packages_are_those_of_the_projects() -> None:
    pins = (ROOT / "requirements/workspace.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", pins, re.MULTILINE))
    asked = re.findall(r"\b([a-z]+)(?:\[[a-z]+\])?==([\d.]+\d)", PAGE.read_text())
    assert {(name, pinned[name]) for name, _ in asked} == set(asked)
