"""What every container promises; .ci/compose-check says, in COMPOSE_*, which stack is meant."""

import json
import os
import subprocess
import time

import pytest

NOTHING = "0000000000000000"  # a set of capabilities, as /proc shows it
EX_CONFIG = 78
GRACE_SECONDS = 10


def docker(*arguments: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout_seconds
    )


def answer(*arguments: str) -> str:
    done = docker(*arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def inspect(service: str, what: str) -> str:
    container = answer("compose", "ps", "--all", "--quiet", service).strip()
    return answer("inspect", "--format", what, container).strip()


def services() -> dict[str, bool]:
    """Return the names of all services, each with whether its image is built here."""
    config = json.loads(answer("compose", "config", "--format", "json"))["services"]
    built = {service["image"] for service in config.values() if "build" in service}
    return {name: service["image"] in built for name, service in config.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "service" in metafunc.fixturenames:
        metafunc.parametrize("service", sorted(services()))
    if "built" in metafunc.fixturenames:
        metafunc.parametrize("built", [name for name, is_built in sorted(services().items()) if is_built])


def test_runs_as_an_ordinary_user_without_privileges(service: str) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in answer("compose", "exec", "-T", service, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert status["CapEff"] == NOTHING
    assert status["NoNewPrivs"] == "1"


def test_cannot_write_to_its_own_file_system(service: str) -> None:
    touch = docker("compose", "exec", "-T", service, "touch", "/written")
    assert touch.returncode != 0
    assert "Read-only file system" in touch.stderr


def test_may_take_only_so_much_memory(service: str) -> None:
    assert 0 < int(inspect(service, "{{.HostConfig.Memory}}")) <= 512 * 1024**2


def test_is_published_on_this_machine_only(service: str) -> None:
    published = json.loads(inspect(service, "{{json .HostConfig.PortBindings}}")) or {}
    assert {binding["HostIp"] for bindings in published.values() for binding in bindings} <= {"127.0.0.1"}


def test_is_healthy(built: str) -> None:
    assert inspect(built, "{{.State.Health.Status}}") == "healthy"


def test_health_check_asks_the_port_that_PORT_names(built: str) -> None:  # noqa: N802 - a variable's name
    command: list[str] = json.loads(inspect(built, "{{json .Config.Healthcheck.Test}}"))[1:]
    assert docker("compose", "exec", "-T", built, *command).returncode == 0
    assert docker("compose", "exec", "-T", "--env", "PORT=1", built, *command).returncode != 0


def test_image_says_what_it_is_made_of(built: str) -> None:
    revision = os.environ["REVISION"]
    materials = answer("compose", "exec", "-T", built, "cat", "/app/bill-of-materials.txt")
    assert materials.startswith(f"revision {revision}\nPython 3.13.")
    assert "\nservice-kit==" in materials
    assert inspect(built, '{{index .Config.Labels "org.opencontainers.image.revision"}}') == revision


def test_image_holds_nothing_that_only_building_and_testing_need(built: str) -> None:
    find = (
        "import importlib.util as i, shutil as s, sys; print(s.which('uv'), *map(i.find_spec, sys.argv[1:]))"
    )
    found = answer("compose", "exec", "-T", built, "python", "-c", find, "pytest", "kata")
    assert found.split() == ["None"] * 3


def test_bad_setting_stops_the_start_with_a_line_that_names_it(built: str) -> None:
    done = docker("compose", "run", "--rm", "--no-deps", "-T", "--env", "PORT=none", built)
    assert done.returncode == EX_CONFIG
    assert "settings: PORT must be" in done.stderr


def test_stops_with_exit_code_0_when_asked_to(built: str) -> None:
    asked = time.monotonic()
    answer("compose", "stop", "--timeout", str(GRACE_SECONDS), built)
    try:
        assert time.monotonic() - asked < GRACE_SECONDS
        assert inspect(built, "{{.State.ExitCode}}") == "0"
    finally:
        answer("compose", "up", "--detach", "--wait", "--no-recreate", "--no-build")
