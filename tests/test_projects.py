"""What projects have alike: images, stacks, the settings that they list; `kata new` writes them so."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from kata.catalog.projects import all_projects, load_project
from kata.template.pins import image_requirements

ROOT = Path(__file__).resolve().parents[1]
PROJECTS = [project.path for project in all_projects(ROOT)]
HARDENED: Mapping[str, object] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
    "pids_limit": 256,
}
# What a service of these images has alike in all stacks.
ALIKE = {
    "redis:8": ("image", "user", "tmpfs", "mem_limit", "networks", "healthcheck"),
    "postgres:18": ("image", "user", "volumes", "tmpfs", "mem_limit", "networks"),
}
# Fixed in the image, and what only the build is told.
OF_THE_IMAGE = {"LISTEN_ADDRESS", "PORT"}
OF_THE_BUILD = {"REVISION"}

type Service = Mapping[str, object]
type Services = Mapping[str, Service]

projects = pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)


def services_in(file: Path) -> Services:
    services: Services = yaml.safe_load(file.read_text())["services"]
    return services


def built_here(project: Path, services: Services) -> dict[str, Service]:
    """Return the services that are processes of the project itself."""
    image = f"backend-katas/{project.name.partition('-')[2] or project.name}"
    return {name: service for name, service in services.items() if service["image"] == image}


def command_of(project: Path, service: Service) -> object:
    """Return what a service runs: the image's command if it names none."""
    in_image = re.search(r"^CMD (\[.*\])$", (project / "Dockerfile").read_text(), re.MULTILINE)
    assert in_image
    return service.get("command") or yaml.safe_load(in_image[1])


def assigned(text: str) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


def settings_of(project: Path) -> set[str]:
    """Return the settings as .env.sample lists them between its markers, where they are generated."""
    generated = (project / ".env.sample").read_text().partition("# settings:")[2]
    return assigned(generated.partition("# end of settings")[0])


def environments(services: Mapping[str, Service]) -> Iterator[set[str]]:
    for service in services.values():
        environment = service.get("environment", {})
        assert isinstance(environment, Mapping)
        yield set(environment)


@projects
def test_every_service_is_hardened_and_bounded(project: Path) -> None:
    for name, service in services_in(project / "compose.yaml").items():
        differing = {key for key, value in HARDENED.items() if service[key] != value}
        assert differing <= ({"restart"} if service["restart"] == "no" else set()), name
        assert service["mem_limit"], name


@projects
def test_ports_are_published_on_this_machine_only(project: Path) -> None:
    for name, service in services_in(project / "compose.yaml").items():
        ports = service.get("ports", [])
        assert isinstance(ports, list)
        assert all(port.startswith("127.0.0.1:") for port in ports), name


@projects
def test_servers_are_alike_in_all_stacks(project: Path) -> None:
    model = {
        service["image"]: service for it in PROJECTS for service in services_in(it / "compose.yaml").values()
    }
    for name, service in services_in(project / "compose.yaml").items():
        for key in ALIKE.get(str(service["image"]), ()):
            assert service[key] == model[service["image"]][key], f"{name}: {key}"


@projects
def test_compose_passes_every_setting_on(project: Path) -> None:
    services = built_here(project, services_in(project / "compose.yaml"))
    passed_on = set().union(*environments(services))
    assert settings_of(project) - OF_THE_IMAGE - passed_on == set()


@projects
def test_the_sample_lists_the_settings_and_what_compose_asks_for_besides(project: Path) -> None:
    text = (project / "compose.yaml").read_text()
    asked_for = set(re.findall(r"\$\{([A-Z_]+)", text)) - OF_THE_BUILD
    settings = settings_of(project)
    assert assigned((project / ".env.sample").read_text()) == settings | asked_for


@projects
def test_the_sample_names_the_default_of_each_process(project: Path) -> None:
    blocks = (project / ".env.sample").read_text().split("\n\n")
    for name in tomllib.loads((project / "pyproject.toml").read_text())["tool"]["kata"]["settings"]:
        module, _, settings = name.partition(":")
        for field, info in getattr(import_module(module), settings).model_fields.items():
            if isinstance(info.default, int | float | str):
                (block,) = [one for one in blocks if re.search(rf"^#?{field.upper()}=", one, re.MULTILINE)]
                assert str(info.default).removesuffix(".0").lower() in block.lower(), f"{settings}.{field}"


@projects
def test_the_stack_for_development_runs_the_source_of_the_folder_and_reloads_it(project: Path) -> None:
    services = built_here(project, services_in(project / "compose.yaml"))
    in_development = services_in(project / "compose.dev.yaml")
    sources = load_project(project).sources
    assert in_development.keys() == services.keys()
    for name, service in services.items():
        override = in_development[name]
        mounted = [f"./{source}:/app/{source}:ro" for source in sources]
        if (project / "migrations").is_dir():
            mounted.append("./migrations:/app/migrations:ro")
        assert override["volumes"] == mounted, name
        if service["restart"] == "no":
            assert "command" not in override, name
        else:
            own = command_of(project, service)
            assert isinstance(own, list)
            assert override["command"] == ["python", "-m", "service_kit.reload", *sources, "--", *own], name


@projects
def test_an_image_has_the_pins_that_kata_new_would_give_it(project: Path) -> None:
    """For which platforms is left open: uv knows of each project alone, `kata new` of the workspace."""
    assert pins(image_requirements(project, ROOT)) == pins((project / "requirements.txt").read_text())


def pins(requirements: str) -> list[str]:
    return re.findall(r"^(\S+==\S+)", requirements, re.MULTILINE)
