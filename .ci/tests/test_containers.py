"""What every container promises; .ci/compose-check says, in COMPOSE_*, which stack is meant."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

import pytest

NOTHING = "0000000000000000"  # a set of capabilities, as /proc shows it
EX_CONFIG = 78
GRACE_SECONDS = 10
# Quiet, because a build, with nothing to do, would write into the answer.
RUN = ("compose", "--progress", "quiet", "run", "--rm", "--no-deps", "-T")


@dataclass(frozen=True)
class Service:
    """A service of the stack, as its compose.yaml describes it."""

    name: str
    is_built: bool  # with a Dockerfile of ours
    is_step: bool  # it ends when its work is done, and others wait for that
    has_health_of_image: bool  # the image's own health check: of a web process
    environment: dict[str, str | None]


def docker(*arguments: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout_seconds
    )


def answer(*arguments: str) -> str:
    done = docker(*arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def inspect(service: Service, what: str) -> set[str]:
    """Return what all containers of a service say."""
    containers = answer("compose", "ps", "--all", "--quiet", service.name).split()
    assert containers
    return set(answer("inspect", "--format", what, *containers).splitlines())


def inside(service: Service, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of the service: in a new one if it has done its work and ended."""
    if service.is_step:
        return docker(*RUN, service.name, *command)
    return docker("compose", "exec", "-T", service.name, *command)


def said_inside(service: Service, *command: str) -> str:
    done = inside(service, *command)
    assert done.returncode == 0, f"{service.name}: {' '.join(command)}: {done.stderr}"
    return done.stdout


def services() -> list[Service]:
    config = json.loads(answer("compose", "config", "--format", "json"))["services"]
    built = {service["image"] for service in config.values() if "build" in service}
    steps = {
        name
        for service in config.values()
        for name, needed in service.get("depends_on", {}).items()
        if needed["condition"] == "service_completed_successfully"
    }
    return [
        Service(
            name,
            service["image"] in built,
            name in steps,
            "healthcheck" not in service,
            service.get("environment", {}),
        )
        for name, service in sorted(config.items())
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = services()
    built = [service for service in found if service.is_built]
    kinds = {
        "service": found,
        "built": built,
        "lasting": [service for service in built if not service.is_step],
        "web": [service for service in built if service.has_health_of_image],
    }
    for kind in kinds.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(kind, kinds[kind], ids=lambda service: service.name)


def test_runs_as_an_ordinary_user_without_privileges(service: Service) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in said_inside(service, "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    assert status["CapEff"] == NOTHING
    assert status["NoNewPrivs"] == "1"


def test_cannot_write_to_its_own_file_system(service: Service) -> None:
    touch = inside(service, "touch", "/written")
    assert touch.returncode != 0
    assert "Read-only file system" in touch.stderr


def test_may_take_only_so_much_memory(service: Service) -> None:
    assert all(0 < int(size) <= 512 * 1024**2 for size in inspect(service, "{{.HostConfig.Memory}}"))


def test_is_published_on_this_machine_only(service: Service) -> None:
    for line in inspect(service, "{{json .HostConfig.PortBindings}}"):
        published = json.loads(line) or {}
        assert {binding["HostIp"] for bindings in published.values() for binding in bindings} <= {"127.0.0.1"}


def test_is_healthy_or_has_done_its_work(built: Service) -> None:
    state = "{{.State.Status}} {{with .State.Health}}{{.Status}}{{else}}{{$.State.ExitCode}}{{end}}"
    assert inspect(built, state) == {"exited 0" if built.is_step else "running healthy"}


def test_health_check_asks_the_port_that_PORT_names(web: Service) -> None:  # noqa: N802 - a variable's name
    (check,) = inspect(web, "{{json .Config.Healthcheck.Test}}")
    command: list[str] = json.loads(check)[1:]
    assert docker("compose", "exec", "-T", web.name, *command).returncode == 0
    assert docker("compose", "exec", "-T", "--env", "PORT=1", web.name, *command).returncode != 0


def test_image_says_what_it_is_made_of(built: Service) -> None:
    revision = os.environ["REVISION"]
    materials = said_inside(built, "cat", "/app/bill-of-materials.txt")
    assert materials.startswith(f"revision {revision}\nPython 3.13.")
    assert "\nservice-kit==" in materials
    document = json.loads(said_inside(built, "cat", "/app/bill-of-materials.cdx.json"))
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["version"] == revision
    named = {one["name"] for one in document["components"]}
    assert {"service-kit", "pydantic", "libc6"} <= named
    assert inspect(built, '{{index .Config.Labels "org.opencontainers.image.revision"}}') == {revision}


def test_image_holds_nothing_that_only_building_and_testing_need(built: Service) -> None:
    find = (
        "import importlib.util as i, shutil as s, sys; print(s.which('uv'), *map(i.find_spec, sys.argv[1:]))"
    )
    assert said_inside(built, "python", "-c", find, "pytest", "kata").split() == ["None"] * 3


def test_bad_setting_stops_the_start_with_a_line_that_names_it(built: Service) -> None:
    name = next(
        name for name in ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "LOG_DIR") if name in built.environment
    )
    done = docker(*RUN, "--env", f"{name}=nowhere", built.name)
    assert done.returncode == EX_CONFIG
    assert f"settings: {name}" in done.stderr


def test_stops_with_exit_code_0_when_asked_to(lasting: Service) -> None:
    asked = time.monotonic()
    answer("compose", "stop", "--timeout", str(GRACE_SECONDS), lasting.name)
    try:
        assert time.monotonic() - asked < GRACE_SECONDS
        assert inspect(lasting, "{{.State.ExitCode}}") == {"0"}
    finally:
        answer("compose", "up", "--detach", "--wait", "--no-recreate", "--no-build")
