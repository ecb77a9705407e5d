from pathlib import Path

import pytest

from kata.errors import LaunchError, TargetError
from kata.solution.container import DockerTarget, build_context, container_options, image_tag
from kata.solution.engine import Engine, bridge_gateway


def test_a_web_container_publishes_one_port_on_the_loopback_address() -> None:
    options = container_options("image", {"LIMIT": "3", "PORT": "1"}, None, 40001)
    assert options["ports"] == {"8000/tcp": ("127.0.0.1", 40001)}
    assert options["environment"] == {"TZ": "UTC", "LIMIT": "3", "PORT": "1"}
    assert "command" not in options


def test_another_process_has_a_command_and_no_port() -> None:
    options = container_options("image", {"LIMIT": "3", "PORT": "1"}, "python -m worker && true", None)
    assert options["command"] == ["sh", "-c", "python -m worker && true"]
    assert options["environment"] == {"TZ": "UTC", "LIMIT": "3"}
    assert "ports" not in options


def test_a_container_has_no_more_power_than_a_service_needs() -> None:
    options = container_options("image", {}, None, 40001)
    assert options["image"] == "image"
    assert options["read_only"] is True
    assert options["tmpfs"] == {"/tmp": "mode=1777"}
    assert options["cap_drop"] == ["ALL"]
    assert options["security_opt"] == ["no-new-privileges"]
    assert options["extra_hosts"] == {"host.docker.internal": "host-gateway"}


def test_nobody_asks_a_container_but_the_verifier() -> None:
    assert container_options("image", {}, None, 40001)["healthcheck"] == {"test": ["NONE"]}


def test_a_folder_for_data_is_the_same_inside_and_outside(tmp_path: Path) -> None:
    options = container_options("image", {"DATA_DIR": str(tmp_path)}, None, None)
    assert options["volumes"] == {str(tmp_path): {"bind": str(tmp_path), "mode": "rw"}}


@pytest.mark.parametrize("value", ["", "relative/folder", "/dev/null"])
def test_what_is_no_folder_is_for_the_service_to_refuse(value: str) -> None:
    options = container_options("image", {"DATA_DIR": value}, None, None)
    assert "volumes" not in options
    assert options["environment"] == {"TZ": "UTC", "DATA_DIR": value}


@pytest.mark.parametrize(
    ("folder", "tag"),
    [
        ("01-throttler", "kata-01-throttler:verify"),
        ("My Throttler (2)", "kata-my-throttler-2:verify"),
        ("---", "kata-solution:verify"),
    ],
)
def test_the_image_is_named_after_the_folder(folder: str, tag: str) -> None:
    assert image_tag(Path("/somewhere") / folder) == tag


def test_the_context_is_the_folder_unless_its_pyproject_says_another(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "01-throttler"
    folder.mkdir(parents=True)
    assert build_context(folder) == folder
    (folder / "pyproject.toml").write_text("[project]\nname = 'throttler'\n")
    assert build_context(folder) == folder
    (folder / "pyproject.toml").write_text("[tool.kata]\ndocker_context = '../..'\n")
    assert build_context(folder) == tmp_path
    (folder / "pyproject.toml").write_text("[tool.kata")
    with pytest.raises(TargetError, match=r"pyproject\.toml is no TOML"):
        build_context(folder)


def test_the_gateway_is_the_one_that_the_network_names_or_its_first_address() -> None:
    assert bridge_gateway([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}]) == "172.17.0.9"
    assert bridge_gateway([{"Subnet": "fd00::/64"}, {"Subnet": "10.1.0.0/24"}]) == "10.1.0.1"
    with pytest.raises(LaunchError, match="no IPv4 address"):
        bridge_gateway([{"Subnet": "fd00::/64", "Gateway": "fd00::1"}])


def test_without_an_engine_there_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(LaunchError) as caught:
        Engine()
    assert str(caught.value) == (
        "no Docker engine answers; start it (sudo systemctl start docker, or Docker Desktop),"
        " or verify without --docker"
    )


def test_a_folder_without_a_dockerfile_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        DockerTarget(tmp_path)
    assert str(caught.value) == f"{tmp_path} has no Dockerfile"
